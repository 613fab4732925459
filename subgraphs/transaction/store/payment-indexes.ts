// The indexes of payments, quotes and presented codes, and the collections that they belong to.

import type { Collection, Db } from 'mongodb'
import type { Payment } from '../payment/payment.ts'
import type { PresentedCode } from '../payment/presented-code.ts'
import type { Quote } from '../price/quote.ts'

export const paymentsOf = (db: Db): Collection<Payment> => db.collection<Payment>('payments')
export const codesOf = (db: Db): Collection<PresentedCode> => db.collection<PresentedCode>('presentedCodes')
export const quotesOf = (db: Db): Collection<Quote> => db.collection<Quote>('quotes')

/** Creates the indexes that are missing. A large import is faster before they exist: see `importPayments`. */
export async function createPaymentIndexes(db: Db): Promise<void> {
  const present = (field: string) => ({ partialFilterExpression: { [field]: { $exists: true } } })
  await paymentsOf(db).createIndexes([
    { name: 'key', key: { 'keys.id': 1 }, unique: true },
    { name: 'reference', key: { wallet: 1, reference: 1 }, unique: true, ...present('reference') },
    { name: 'presentedCode', key: { presentedCode: 1 }, unique: true, ...present('presentedCode') },
    { name: 'quote', key: { quote: 1 }, unique: true, ...present('quote') },
    {
      name: 'customerDay',
      key: { 'customerDay.id': 1, 'customerDay.number': 1 },
      unique: true,
      ...present('customerDay.id'),
    },
    { name: 'wallet', key: { wallet: 1, _id: -1 } },
    { name: 'acquirer', key: { acquirer: 1, _id: -1 } },
    { name: 'merchant', key: { merchant: 1, _id: -1 } },
    { name: 'corridor', key: { corridor: 1, _id: -1 } },
    { name: 'rrn', key: { rrn: 1 } },
    // Only pending payments: the index stays small, whatever the collection holds.
    { name: 'due', key: { due: 1, counterparty: 1, status: 1 }, ...present('due') },
    { name: 'expiry', key: { keptUntil: 1 }, expireAfterSeconds: 0, ...present('keptUntil') },
    { name: 'refund', key: { 'refunds._id': 1 }, ...present('refunds._id') },
  ])
  await quotesOf(db).createIndex({ expiresAt: 1 }, { name: 'expiry', expireAfterSeconds: expiredKeptSeconds })
  await codesOf(db).createIndexes([
    { name: 'expiry', key: { expiresAt: 1 }, expireAfterSeconds: expiredKeptSeconds },
    { name: 'key', key: { 'key.id': 1 }, unique: true },
  ])
}

/** Time for which a refusal still distinguishes an expired quote or presented code from an unknown one. */
const expiredKeptSeconds = 86_400
