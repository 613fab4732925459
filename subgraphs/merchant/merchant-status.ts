// How the status of a merchant changes. No MongoDB, no GraphQL.

import type { MerchantId, ParticipantId } from '../../schema/values/id.ts'
import { refuse, type Refusal } from '../../schema/values/problems.ts'
import type { Merchant, MerchantStatus } from './merchant.ts'

export interface MerchantStatusInput {
  readonly idempotencyKey: string
  readonly merchant: MerchantId
  readonly expectedStatus: MerchantStatus
  readonly status: MerchantStatus
  readonly reason: string
}

/** The participant that changes a status, and whether it does so as the operator. */
export interface StatusChanger {
  readonly participant: ParticipantId
  readonly isOperator: boolean
}

const moves: Readonly<Record<MerchantStatus, readonly MerchantStatus[]>> = {
  ACTIVE: ['SUSPENDED', 'CLOSED'],
  SUSPENDED: ['ACTIVE', 'CLOSED'],
  CLOSED: [],
}

/** The merchant after the change. Refuses with VERSION_CONFLICT, STATUS_NOT_ALLOWED or FORBIDDEN. */
export function changeMerchantStatus(
  merchant: Merchant,
  { expectedStatus, status }: Pick<MerchantStatusInput, 'expectedStatus' | 'status'>,
  { isOperator }: StatusChanger,
): Merchant | Refusal {
  const { id, status: current, suspendedByOperator, ...rest } = merchant
  if (current !== expectedStatus) {
    const problem = `${id} is ${current}, not ${expectedStatus}`
    return refuse('VERSION_CONFLICT', problem, ['input', 'expectedStatus'])
  }
  if (!moves[current].includes(status)) {
    const problem = `a merchant that is ${current} cannot become ${status}`
    return refuse('STATUS_NOT_ALLOWED', problem, ['input', 'status'])
  }
  if (suspendedByOperator && status === 'ACTIVE' && !isOperator) {
    return refuse('FORBIDDEN', `the operator suspended ${id}, and only the operator ends that`)
  }
  const isHeld = isOperator && status === 'SUSPENDED'
  return { id, ...rest, status, ...(isHeld && { suspendedByOperator: true }) }
}
