// Operations of acquirers: registering merchants and issuing codes for them.

import { v7 as newUuid } from 'uuid'
import type { MerchantCodeId } from '../../schema/values/id.ts'
import { isRefusal, refuse, type Refusal } from '../../schema/values/problems.ts'
import { requireScope } from '../shared/access.ts'
import { authorOf, type AuditLog } from '../shared/audit-log.ts'
import type { IdempotencyConflict } from '../shared/idempotency-key.ts'
import type { Participant, Registry } from '../shared/registry.ts'
import { quoteInput } from '../../schema/values/unknown.ts'
import type { RequestContext } from '../shared/viewer.ts'
import type { CodeStore } from './code-store.ts'
import { digestOf, issueCode, readOrder, type IssueCodeInput, type MerchantCode } from './code.ts'
import type { CountStore } from './count-store.ts'
import type { MerchantStore } from './merchant-store.ts'
import { describeMerchants, type MerchantInput, type RejectedRow } from './merchant.ts'

export interface MerchantsRegistered {
  readonly created: number
  readonly updated: number
  readonly rejected: readonly RejectedRow[]
}

export interface MerchantService {
  register(rows: readonly MerchantInput[], context: RequestContext): Promise<MerchantsRegistered | Refusal>
  issue(input: IssueCodeInput, context: RequestContext): Promise<MerchantCode | IdempotencyConflict | Refusal>
}

export interface MerchantServiceDependencies {
  readonly store: MerchantStore
  readonly codes: CodeStore
  readonly counts: CountStore
  readonly registry: Registry
  readonly audit: Pick<AuditLog, 'record'>
  readonly now: () => Date
}

const rowsMax = 1_000

export const createMerchantService = (dependencies: MerchantServiceDependencies): MerchantService => ({
  register: (rows, context) => registerMerchants(dependencies, rows, context),
  issue: (input, context) => issueMerchantCode(dependencies, input, context),
})

async function registerMerchants(
  { store, counts, registry, audit, now }: MerchantServiceDependencies,
  rows: readonly MerchantInput[],
  context: RequestContext,
): Promise<MerchantsRegistered | Refusal> {
  const acquirer = acquirerOf(context, registry)
  if (isRefusal(acquirer)) return acquirer
  if (rows.length > rowsMax) {
    const problem = `the call has ${rows.length} merchants: send at most ${rowsMax}`
    return refuse('TOO_MANY', problem, ['input', 'merchants'])
  }
  const { merchants, rejected } = describeMerchants(rows, acquirer, counts.cube.products)
  const at = now()
  const { created, updated } = await store.register(merchants, at, (registered, session) =>
    audit.record(
      {
        ...authorOf(context),
        at,
        action: 'registerMerchants',
        target: `participant:${acquirer.id}`,
        before: null,
        after: { ...registered, rejected: rejected.length },
      },
      session,
    ),
  )
  return { created, updated, rejected }
}

async function issueMerchantCode(
  { store, codes, registry, now }: MerchantServiceDependencies,
  input: IssueCodeInput,
  context: RequestContext,
): Promise<MerchantCode | IdempotencyConflict | Refusal> {
  const acquirer = acquirerOf(context, registry)
  if (isRefusal(acquirer)) return acquirer
  const order = readOrder(input)
  if (isRefusal(order)) return order
  const { idempotencyKey } = order
  const at = now()
  const key = { acquirer: acquirer.id, idempotencyKey, digest: digestOf(order), at }
  const replayed = await codes.replay(key)
  if (replayed) return replayed
  const merchant = await store.merchants.load(order.merchant)
  if (merchant?.acquirer !== acquirer.id) {
    const problem = `${acquirer.id} serves no merchant ${quoteInput(order.merchant)}`
    return refuse('MERCHANT_UNKNOWN', problem, ['input', 'merchant'])
  }
  const network = acquirer.network === null ? undefined : registry.participants.get(acquirer.network)
  const id = newUuid({ msecs: at.getTime() }) as MerchantCodeId
  const code = issueCode(order, merchant, { acquirer, network }, id, at)
  return isRefusal(code) ? code : codes.add(code, key)
}

/** The caller, if it is an acquirer and its key has the scope. */
export function acquirerOf(context: RequestContext, registry: Registry): Participant | Refusal {
  const refusal = requireScope(context, 'merchants:write')
  if (refusal) return refusal
  const caller = registry.participants.get(context.viewer.participant)
  if (caller?.roles.includes('ACQUIRER')) return caller
  return refuse('FORBIDDEN', `${context.viewer.participant} is not an acquirer`)
}
