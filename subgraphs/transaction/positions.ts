// Positions: what the postings of completed payments sum up to.

import type { Collection } from 'mongodb'
import type { Currency } from '../../schema/values/currency.ts'
import type { Payment } from './payment.ts'
import { hubParticipant } from './posting.ts'

/** Both sides are zero or more. */
export interface Position {
  readonly currency: Currency
  readonly debits: bigint
  readonly credits: bigint
}

/** By currency; of one settlement date, or of all when `date` is null. Reads every payment of the participant in MongoDB. */
export async function sumPostings(
  payments: Collection<Payment>,
  participant: string,
  date: string | null,
): Promise<Position[]> {
  const isParty =
    participant === hubParticipant ? {} : { $or: [{ wallet: participant }, { acquirer: participant }] }
  const sumWhere = (sign: '$lt' | '$gt') => ({
    $sum: { $cond: [{ [sign]: ['$postings.minor', 0] }, { $abs: '$postings.minor' }, 0] },
  })
  const sums = await payments
    .aggregate<{ _id: Currency; debits: bigint | number; credits: bigint | number }>([
      { $match: { ...isParty, settlementDate: { $exists: true } } },
      { $unwind: '$events' },
      { $match: { 'events.booking.settlementDate': date ?? { $exists: true } } },
      { $project: { postings: '$events.booking.postings' } },
      { $unwind: '$postings' },
      { $match: { 'postings.participant': participant } },
      { $group: { _id: '$postings.currency', debits: sumWhere('$lt'), credits: sumWhere('$gt') } },
      { $sort: { _id: 1 } },
    ])
    .toArray()
  return sums.map(({ _id, debits, credits }) => ({
    currency: _id,
    debits: BigInt(debits),
    credits: BigInt(credits),
  }))
}
