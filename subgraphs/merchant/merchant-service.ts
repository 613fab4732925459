// What an acquirer does here: registers merchants and issues codes for them.

import { v7 as newUuid } from 'uuid'
import { isRefusal, refuse, type Refusal } from '../../schema/values/problems.ts'
import { requireScope } from '../shared/access.ts'
import type { Participant, Registry } from '../shared/registry.ts'
import type { CodeStore, IdempotencyConflict } from './code-store.ts'
import { digestOf, issueCode, readOrder, type IssueCodeInput, type MerchantCode } from './code.ts'
import type { CountStore } from './count-store.ts'
import { describeMerchants, type MerchantInput, type RejectedRow } from './merchant.ts'
import type { RequestContext } from '../shared/viewer.ts'
import type { MerchantStore } from './merchant-store.ts'

export interface MerchantsRegistered {
  readonly created: number
  readonly updated: number
  readonly rejected: readonly RejectedRow[]
}

export interface MerchantService {
  register(rows: readonly MerchantInput[], context: RequestContext): Promise<MerchantsRegistered | Refusal>
  issue(input: IssueCodeInput, context: RequestContext): Promise<MerchantCode | IdempotencyConflict | Refusal>
}

const rowsMax = 1_000

export function createMerchantService(sources: {
  readonly store: MerchantStore
  readonly codes: CodeStore
  readonly counts: CountStore
  readonly registry: Registry
  readonly now: () => Date
}): MerchantService {
  const { store, codes, counts, registry, now } = sources

  return {
    async register(rows, context) {
      const acquirer = acquirerOf(context, registry)
      if (isRefusal(acquirer)) return acquirer
      if (rows.length > rowsMax) {
        return refuse('TOO_MANY', `one call takes ${rowsMax} merchants, not ${rows.length}`, [
          'input',
          'merchants',
        ])
      }
      const { merchants, rejected } = describeMerchants(rows, acquirer, counts.cube.products)
      const { created, updated } = await store.register(merchants, now())
      return { created, updated, rejected }
    },

    async issue(input, context) {
      const acquirer = acquirerOf(context, registry)
      if (isRefusal(acquirer)) return acquirer
      const order = readOrder(input)
      if (isRefusal(order)) return order
      const { idempotencyKey } = order
      const digest = digestOf(order)
      const earlier = await codes.replay(acquirer.id, idempotencyKey, digest)
      if (earlier) return earlier
      const merchant = await store.merchants.load(order.merchant)
      if (merchant?.acquirer !== acquirer.id) {
        return refuse(
          'MERCHANT_UNKNOWN',
          `${acquirer.id} serves no merchant "${order.merchant.slice(0, 60)}"`,
          ['input', 'merchant'],
        )
      }
      const network = registry.participants.get(acquirer.network ?? '')
      const issuedAt = now()
      const id = newUuid({ msecs: issuedAt.getTime() })
      const code = issueCode(order, merchant, { acquirer, network }, id, issuedAt)
      return isRefusal(code) ? code : codes.add({ code, idempotencyKey, digest, issuedAt })
    },
  }
}

/** The caller, when it is an acquirer with the right key. */
function acquirerOf(context: RequestContext, registry: Registry): Participant | Refusal {
  const refusal = requireScope(context, 'merchants:write')
  if (refusal) return refusal
  const caller = registry.participants.get(context.viewer.participant)
  if (caller?.roles.includes('ACQUIRER')) return caller
  return refuse('FORBIDDEN', `${context.viewer.participant} is no acquirer`)
}
