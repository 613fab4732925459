// The requests that a payment sends to its counterparty. Pure.

import type { ParticipantId, PaymentId } from '../../../schema/values/id.ts'
import { paymentIdOf, type LogEntry, type StepKind, type TransactionStatus } from '../../log/entry.ts'
import { counterpartyOf } from './payment.ts'

export type RequestKind = 'AUTHORIZE' | 'INQUIRE' | 'REVERSE' | 'CANCEL'

export interface CounterpartyRequest {
  readonly kind: RequestKind
  readonly payment: PaymentId
  readonly counterparty: ParticipantId
  /** True when this or another process may have sent the request before. */
  readonly isRepeated: boolean
}

/** The request that each step sends. */
const sentBy: Readonly<Partial<Record<StepKind, RequestKind>>> = {
  SENT: 'AUTHORIZE',
  INQUIRED: 'INQUIRE',
  REVERSAL_STARTED: 'REVERSE',
  REVERSAL_RETRIED: 'REVERSE',
  CANCEL_REQUESTED: 'CANCEL',
  CANCEL_RETRIED: 'CANCEL',
}

/** The request whose answer a payment waits for, by status; null when it waits for none. */
export const awaited: Readonly<Record<TransactionStatus, RequestKind | null>> = {
  RECEIVED: null,
  ROUTED: 'AUTHORIZE',
  IN_DOUBT: 'INQUIRE',
  REVERSING: 'REVERSE',
  CANCELLING: 'CANCEL',
  COMPLETED: null,
  DECLINED: null,
  FAILED: null,
  EXPIRED: null,
  REVERSED: null,
  CANCELLED: null,
}

/** The request that an entry of the log sends; null when it sends none. */
export function requestOf(entry: LogEntry): Omit<CounterpartyRequest, 'isRepeated'> | null {
  const kind = sentBy[entry.kind]
  const { payment } = entry
  return kind
    ? { kind, payment: paymentIdOf(entry), counterparty: counterpartyOf(payment, payment.wallet) }
    : null
}
