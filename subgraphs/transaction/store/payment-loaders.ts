// Reads of payments and quotes by what names them: those of all requests in flight share calls.

import type { Collection, Document, Filter } from 'mongodb'
import { createLoader, type Loader } from '../../platform/async/batching.ts'
import type { StoredRefusal } from './stored-refusal.ts'
import type { Payment, Refund } from '../payment/payment.ts'
import type { ParticipantId } from '../../../schema/values/id.ts'

/** A refund and the payment that holds it. */
export interface RefundOf {
  readonly refund: Refund
  readonly payment: Payment
}

export interface PaymentLoaders {
  readonly byId: Loader<string, Payment>
  /** By the `id` of a used key: what it did, or the refusal that it got. */
  readonly byKey: Loader<string, Payment | StoredRefusal>
  readonly byQuote: Loader<string, Payment>
  readonly byPresentedCode: Loader<string, Payment>
  readonly byReference: Loader<{ readonly wallet: ParticipantId; readonly reference: string }, Payment>
  readonly refundById: Loader<string, RefundOf>
}

export const createPaymentLoaders = (payments: Collection<Payment>): PaymentLoaders => ({
  byId: loaderBy(payments, '_id', (payment) => [[payment._id, payment]]),
  byKey: loaderBy<Payment | StoredRefusal, Payment | StoredRefusal>(
    payments as unknown as Collection<Payment | StoredRefusal>,
    'keys.id',
    (used) => used.keys.map(({ id }) => [id, used]),
  ),
  byQuote: loaderBy(payments, 'quote', (payment) => [[payment.quote ?? '', payment]]),
  byPresentedCode: loaderBy(payments, 'presentedCode', (payment) => [[payment.presentedCode ?? '', payment]]),
  refundById: loaderBy(payments, 'refunds._id', (payment) =>
    payment.refunds.map((refund) => [refund._id, { refund, payment }]),
  ),
  byReference: createLoader({
    key: numberOf,
    load: async (asked) => {
      const either = asked.map(({ wallet, reference }) => ({ wallet, reference }))
      const found = await payments.find({ $or: either }).toArray()
      const byNumber = new Map(found.map((payment) => [numberOf(payment), payment]))
      return asked.map((one) => byNumber.get(numberOf(one)) ?? null)
    },
  }),
})

export const loaderById = <Doc extends { readonly _id: string }>(
  collection: Collection<Doc>,
): Loader<string, Doc> => loaderBy(collection, '_id', (doc) => [[doc._id, doc]])

const numberOf = ({
  wallet,
  reference,
}: {
  readonly wallet: ParticipantId
  readonly reference: string
}): string => `${wallet}/${reference}`

/** Reads documents by the values of `field`; `entriesOf` says for which values a document stands, and as what. */
function loaderBy<Doc extends Document, Value>(
  collection: Collection<Doc>,
  field: string,
  entriesOf: (doc: Doc) => readonly (readonly [string, Value])[],
): Loader<string, Value> {
  return createLoader({
    load: async (values: readonly string[]) => {
      const found = await collection.find({ [field]: { $in: [...values] } } as Filter<Doc>).toArray()
      const byValue = new Map((found as unknown as Doc[]).flatMap(entriesOf))
      return values.map((value) => byValue.get(value) ?? null)
    },
  })
}
