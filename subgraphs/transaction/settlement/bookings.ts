// What there is to settle, kept apart from the log, which is trimmed one day: a reader of the log notes every entry that moves
// money, and every decline, under its position and its settlement date.
//
// What is read at once is noted at once, a document for each date: MongoDB's work is for documents, not for what is in them.

import type { Collection, Filter } from 'mongodb'
import type { ReasonCode } from '../../../schema/values/reasons.ts'
import type { Results } from '../../log/checkpoint.ts'
import { paymentIdOf, type LogEntry, type Posting, type TransactionStatus } from '../../log/entry.ts'
import type { TransactionalProjection } from '../../log/projection.ts'
import type { Registry } from '../../shared/registry.ts'
import { defaultZone, settlementDate } from '../payment/settlement-date.ts'
import type {
  CorridorId,
  MerchantId,
  ParticipantId,
  PaymentId,
  TransactionId,
} from '../../../schema/values/id.ts'

/** A payment that completed, a refund, a completed payment that was taken back, or a payment that was declined. */
export type BookedKind = 'PAYMENT' | 'REFUND' | 'CANCELLATION' | 'DECLINE'

export interface BookedTransaction {
  /** The entry's position in the log. */
  readonly _id: bigint
  readonly settlementDate: string
  readonly kind: BookedKind
  /** Id of the payment or refund. */
  readonly transaction: TransactionId
  readonly payment: PaymentId
  readonly at: Date
  readonly wallet: ParticipantId
  readonly acquirer: ParticipantId
  readonly merchant: MerchantId
  readonly corridor: CorridorId
  /** None for a decline. */
  readonly postings: readonly Posting[]
  readonly reason: ReasonCode | null
}

/** A document of the collection `bookings`. */
interface Page {
  /** Position of the first entry. */
  readonly _id: bigint
  /** Position of the last entry. */
  readonly last: bigint
  readonly settlementDate: string
  /** In the log's order. */
  readonly entries: readonly BookedTransaction[]
}

export const bookingsProjectionName = 'bookings'

/** Notes what there is to settle. */
export const bookingsProjection = (registry: Pick<Registry, 'corridors'>): TransactionalProjection => ({
  name: bookingsProjectionName,
  collections: ['bookings'],
  wants: isToSettle,
  async begin(results) {
    await pagesOf(results).createIndex({ settlementDate: 1, _id: 1 }, { name: 'date' })
  },
  async apply(entries, session, results) {
    const booked = entries.filter(isToSettle).map((entry) => bookedOf(entry, registry))
    const byDate = Map.groupBy(booked, ({ settlementDate: date }) => date)
    if (byDate.size > 0) await pagesOf(results).insertMany([...byDate.values()].map(pageOf), { session })
  },
})

/** Which entries are read: of `dates`, after position `after`, up to position `upTo`. */
export interface BookedRange {
  readonly dates: readonly string[]
  readonly after: bigint
  readonly upTo: bigint
}

/** What is booked in `range` and matches `filter`, in the log's order. */
export function readBooked(
  results: Results,
  { dates, after, upTo }: BookedRange,
  filter: Filter<BookedTransaction>,
): AsyncIterable<BookedTransaction> {
  return pagesOf(results).aggregate<BookedTransaction>(
    [
      { $match: { settlementDate: { $in: dates }, _id: { $lte: upTo }, last: { $gt: after } } },
      { $sort: { _id: 1 } },
      { $unwind: '$entries' },
      { $replaceRoot: { newRoot: '$entries' } },
      { $match: { _id: { $gt: after, $lte: upTo }, ...filter } },
      // Pages of one date follow one another; those of several lie between one another.
      ...(dates.length > 1 ? [{ $sort: { _id: 1 } }] : []),
    ],
    { allowDiskUse: true },
  )
}

const pagesOf = ({ collection }: Results): Collection<Page> => collection<Page>('bookings')

const pageOf = (entries: readonly BookedTransaction[]): Page => ({
  _id: entries[0]!._id,
  last: entries.at(-1)!._id,
  settlementDate: entries[0]!.settlementDate,
  entries,
})

const isToSettle = (entry: LogEntry): boolean => entry.booking !== undefined || isDecline(entry)

const isDecline = ({ from, to, refundOf }: LogEntry): boolean =>
  refundOf === undefined && from !== to && declined.has(to)

/** Of an entry that moves money, or that declines a payment. */
function bookedOf(entry: LogEntry, { corridors }: Pick<Registry, 'corridors'>): BookedTransaction {
  const { _id, transaction, at, kind, reason, booking, refundOf } = entry
  const { wallet, acquirer, merchant, corridor } = entry.payment
  const zone = corridors.get(corridor)?.settlementZone ?? defaultZone
  const { settlementDate: date, postings } = booking ?? {
    settlementDate: settlementDate(at, zone),
    postings: [],
  }
  const whatItIs = !booking
    ? 'DECLINE'
    : refundOf !== undefined
      ? 'REFUND'
      : kind === 'CANCEL_REQUESTED'
        ? 'CANCELLATION'
        : 'PAYMENT'
  return {
    _id,
    settlementDate: date,
    kind: whatItIs,
    transaction,
    payment: paymentIdOf(entry),
    at,
    wallet,
    acquirer,
    merchant,
    corridor,
    postings,
    reason,
  }
}

const declined: ReadonlySet<TransactionStatus> = new Set<TransactionStatus>(['DECLINED', 'FAILED', 'EXPIRED'])
