// Loads payments by every key that identifies one. All requests in flight share calls.

import type { Collection, Document, Filter } from 'mongodb'
import type {
  ParticipantId,
  PaymentId,
  PresentedCodeId,
  QuoteId,
  RefundId,
  UsedKeyId,
} from '../../../schema/values/id.ts'
import { createLoader, type Loader } from '../../platform/async/batching.ts'
import { loaderById } from '../../platform/mongo/loader-by-id.ts'
import type { Payment, Refund } from '../payment/payment.ts'
import type { StoredRefusal } from './stored-refusal.ts'

/** A refund and the payment that holds it. */
export interface RefundOf {
  readonly refund: Refund
  readonly payment: Payment
}

/** A wallet and its own number for a payment. */
export interface PaymentReference {
  readonly wallet: ParticipantId
  readonly reference: string
}

export interface PaymentLoaders {
  readonly byId: Loader<PaymentId, Payment>
  /**
   * By the id of a used idempotency key: the payment that it wrote or moved, or the refusal that it
   * received.
   */
  readonly byKey: Loader<UsedKeyId, Payment | StoredRefusal>
  readonly byQuote: Loader<QuoteId, Payment>
  readonly byPresentedCode: Loader<PresentedCodeId, Payment>
  readonly byReference: Loader<PaymentReference, Payment>
  readonly refundById: Loader<RefundId, RefundOf>
}

export const createPaymentLoaders = (payments: Collection<Payment>): PaymentLoaders => ({
  byId: loaderById(payments),
  byKey: loaderBy<UsedKeyId, Payment | StoredRefusal, Payment | StoredRefusal>(
    payments as unknown as Collection<Payment | StoredRefusal>,
    'keys.id',
    (used) => used.keys.map(({ id }) => [id, used]),
  ),
  byQuote: loaderBy(payments, 'quote', (payment) => [[payment.quote!, payment]]),
  byPresentedCode: loaderBy(payments, 'presentedCode', (payment) => [[payment.presentedCode!, payment]]),
  byReference: createLoader({
    key: referenceText,
    load: (references, signal) => findByReference(payments, references, signal),
  }),
  refundById: loaderBy(payments, 'refunds._id', (payment) =>
    payment.refunds.map((refund) => [refund._id, { refund, payment }]),
  ),
})

async function findByReference(
  payments: Collection<Payment>,
  references: readonly PaymentReference[],
  signal: AbortSignal,
): Promise<(Payment | null)[]> {
  const any = references.map(({ wallet, reference }) => ({ wallet, reference }))
  const found = await payments.find({ $or: any }, { signal }).toArray()
  const byText = new Map(found.map((payment) => [referenceText(payment), payment]))
  return references.map((reference) => byText.get(referenceText(reference)) ?? null)
}

const referenceText = ({ wallet, reference }: PaymentReference): string => `${wallet}/${reference}`

/**
 * Loads by the values of `field`. `valuesOf` lists the values under which a document is found, and the
 * result of each.
 */
function loaderBy<Key extends string, Doc extends Document, Value>(
  collection: Collection<Doc>,
  field: string,
  valuesOf: (doc: Doc) => readonly (readonly [Key, Value])[],
): Loader<Key, Value> {
  return createLoader({
    load: async (keys: readonly Key[], signal) => {
      const wanted = { [field]: { $in: [...keys] } } as Filter<Doc>
      const found = await collection.find(wanted, { signal }).toArray()
      const byKey = new Map((found as unknown as Doc[]).flatMap(valuesOf))
      return keys.map((key) => byKey.get(key) ?? null)
    },
  })
}
