// Changes of merchants and QR products one by one: each is written once per idempotency key, in one MongoDB
// transaction with its counts and its entry in the audit log.

import type { Db } from 'mongodb'
import type { MerchantId, QrProductId } from '../../schema/values/id.ts'
import { isRefusal, refuse, type Refusal } from '../../schema/values/problems.ts'
import { quoteInput } from '../../schema/values/unknown.ts'
import { isOperator, requireScope } from '../shared/access.ts'
import { authorOf, type AuditLog } from '../shared/audit-log.ts'
import type { IdempotencyConflict } from '../shared/idempotency-key.ts'
import type { IdempotentWriter } from '../shared/idempotent-writer.ts'
import type { RequestContext } from '../shared/viewer.ts'
import type { SpotId } from './count-key.ts'
import { countCollections, type CountStore } from './count-store.ts'
import { changeMerchantStatus, type MerchantStatusInput } from './merchant-status.ts'
import type { Merchant, QrProduct } from './merchant.ts'
import { changeQrProduct, readQrProduct, type QrProductInput } from './qr-product.ts'
import { changeMerchant } from './registration.ts'

export interface ChangeServiceDependencies {
  readonly db: Db
  readonly counts: CountStore
  readonly audit: AuditLog
  readonly idempotentWriter: IdempotentWriter
  readonly now: () => Date
}

export interface ChangeService {
  setMerchantStatus(
    input: MerchantStatusInput,
    context: RequestContext,
  ): Promise<Merchant | Refusal | IdempotencyConflict>
  setQrProduct(
    input: QrProductInput & { readonly idempotencyKey?: string | null },
    context: RequestContext,
  ): Promise<QrProduct | Refusal | IdempotencyConflict>
}

export const createChangeService = (dependencies: ChangeServiceDependencies): ChangeService => ({
  setMerchantStatus: (input, context) => setMerchantStatus(dependencies, input, context),
  setQrProduct: (input, context) => setQrProduct(dependencies, input, context),
})

async function setMerchantStatus(
  { db, counts, audit, idempotentWriter, now }: ChangeServiceDependencies,
  { idempotencyKey, ...input }: MerchantStatusInput,
  context: RequestContext,
): Promise<Merchant | Refusal | IdempotencyConflict> {
  const refusal = requireScope(context, 'merchants:write')
  if (refusal) return refusal
  const command = { ...input, reason: input.reason.trim() }
  if (!/^\P{Cc}{1,500}$/u.test(command.reason)) {
    return refuse('BAD_VALUE', 'a reason has 1–500 characters', ['input', 'reason'])
  }
  const { participant } = context.viewer
  const changer = { participant, isOperator: isOperator(context) }
  const at = now()
  const rule = (merchant: Merchant): Merchant | Refusal =>
    changer.isOperator || merchant.acquirer === participant
      ? changeMerchantStatus(merchant, command, changer)
      : unknownMerchant(command.merchant)
  const operation = 'setMerchantStatus'
  const call = { participant, operation, idempotencyKey, command, at } as const
  const outcome = await idempotentWriter.once<{ merchant: Merchant; spots: readonly SpotId[] }>(
    call,
    async (session) => {
      const changed = await changeMerchant(db, counts.cube.commonWords, command.merchant, rule, at, session)
      if (!changed) return unknownMerchant(command.merchant)
      if (isRefusal(changed)) return changed
      const { id, status } = changed.merchant
      await audit.record(
        {
          ...authorOf(context),
          at,
          action: operation,
          target: `merchant:${id}`,
          before: { status: command.expectedStatus },
          after: { status, reason: command.reason },
        },
        session,
      )
      return changed
    },
  )
  if (isRefusal(outcome)) return outcome
  await counts.refresh(outcome.done.spots)
  return outcome.done.merchant
}

const unknownMerchant = (id: MerchantId): Refusal =>
  refuse('MERCHANT_UNKNOWN', `the caller serves no merchant ${quoteInput(id)}`, ['input', 'merchant'])

async function setQrProduct(
  { db, counts, audit, idempotentWriter, now }: ChangeServiceDependencies,
  { idempotencyKey = null, ...input }: QrProductInput & { readonly idempotencyKey?: string | null },
  context: RequestContext,
): Promise<QrProduct | Refusal | IdempotencyConflict> {
  const change = requireScope(context, 'operator') ?? readQrProduct(input)
  if (isRefusal(change)) return change
  const { products } = countCollections(db)
  const at = now()
  const { participant } = context.viewer
  const operation = 'setQrProduct'
  const call = { participant, operation, idempotencyKey, command: change, at } as const
  const outcome = await idempotentWriter.once<QrProduct>(call, async (session) => {
    const found = await products.findOne({ _id: change.id }, { session })
    const before = found && productOf(found)
    const after = changeQrProduct(before, change)
    if (isRefusal(after)) return after
    const { id: _id, ...row } = after
    await products.replaceOne({ _id }, row, { upsert: true, session })
    const target = `qrProduct:${_id}` as const
    await audit.record({ ...authorOf(context), at, action: operation, target, before, after }, session)
    return after
  })
  if (isRefusal(outcome)) return outcome
  await counts.refreshProducts()
  return outcome.done
}

const productOf = ({ _id, ...row }: Omit<QrProduct, 'id'> & { readonly _id: QrProductId }): QrProduct => ({
  id: _id,
  ...row,
})
