// Projects bookings from the log: every entry that moves money, and every decline, by position and settlement
// date. They are kept apart from the log, because old entries are deleted from the log.
//
// Each batch of entries is stored as one document per settlement date, because MongoDB’s cost is per
// document.

import type { Collection, Db, Filter } from 'mongodb'
import type {
  CorridorId,
  MerchantId,
  ParticipantId,
  PaymentId,
  TransactionId,
} from '../../../schema/values/id.ts'
import type { ReasonCode } from '../../../schema/values/reasons.ts'
import { resultsOf, type Results } from '../../log/checkpoint.ts'
import { paymentIdOf, type LogEntry, type Posting, type TransactionStatus } from '../../log/entry.ts'
import type { TransactionalProjection } from '../../log/projection.ts'
import { chunks } from '../../platform/async/chunks.ts'
import { insertOnce } from '../../platform/mongo/bulk-write.ts'
import type { Registry } from '../../shared/registry.ts'
import { defaultZone, settlementDate } from '../payment/settlement-date.ts'

/** A completed payment, a refund, a completed payment that was cancelled, or a declined payment. */
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

/** A document of the collection `bookings`: bookings of one date, projected together. */
interface BookingPage {
  /** Position of the first booking. */
  readonly _id: bigint
  /** Position of the last booking. */
  readonly last: bigint
  readonly settlementDate: string
  /** In the log's order. */
  readonly entries: readonly BookedTransaction[]
}

export const bookingsProjectionName = 'bookings'

export const bookingsProjection = (registry: Pick<Registry, 'corridors'>): TransactionalProjection => ({
  name: bookingsProjectionName,
  collections: ['bookings'],
  wants: isBooked,
  async begin(results) {
    await pagesOf(results).createIndex({ settlementDate: 1, _id: 1 }, { name: 'date' })
  },
  async apply(entries, session, results) {
    const bookings = entries.filter(isBooked).map((entry) => bookedTransactionOf(entry, registry))
    const byDate = Map.groupBy(bookings, ({ settlementDate: date }) => date)
    if (byDate.size > 0) await pagesOf(results).insertMany([...byDate.values()].map(pageOf), { session })
  },
})

/**
 * Stores the bookings of consecutive entries of an import, which belong to the first epoch. Storing them
 * again changes nothing.
 */
export async function loadBookings(
  db: Db,
  registry: Pick<Registry, 'corridors'>,
  entries: readonly LogEntry[],
): Promise<void> {
  const bookings = entries.filter(isBooked).map((entry) => bookedTransactionOf(entry, registry))
  const pages = Map.groupBy(bookings, ({ settlementDate: date }) => date)
    .values()
    .flatMap((ofDate) => chunks(ofDate, pageMax))
    .map(pageOf)
  // A command for each: one has at most 16 MB, and a busy day has more.
  await Promise.all(pages.map((page) => insertOnce(pagesOf(resultsOf(db, 0)), [page])))
}

/** Bookings of a page of an import: it stays far below the 16 MB of a document. */
const pageMax = 2_000

/** Which bookings are read: on `dates`, after position `after`, up to position `upTo`. */
export interface BookingRange {
  readonly dates: readonly string[]
  readonly after: bigint
  readonly upTo: bigint
}

/** The bookings in a range that match `filter`, in the log's order. */
export function readBookings(
  results: Results,
  { dates, after, upTo }: BookingRange,
  filter: Filter<BookedTransaction>,
): AsyncIterable<BookedTransaction> {
  return pagesOf(results).aggregate<BookedTransaction>(
    [
      { $match: { settlementDate: { $in: dates }, _id: { $lte: upTo }, last: { $gt: after } } },
      { $sort: { _id: 1 } },
      { $unwind: '$entries' },
      { $replaceRoot: { newRoot: '$entries' } },
      { $match: { _id: { $gt: after, $lte: upTo }, ...filter } },
      // Pages of one date do not overlap, and need no sort; pages of several dates do.
      ...(dates.length > 1 ? [{ $sort: { _id: 1 } }] : []),
    ],
    { allowDiskUse: true },
  )
}

const pagesOf = ({ collection }: Results): Collection<BookingPage> => collection<BookingPage>('bookings')

const pageOf = (entries: readonly BookedTransaction[]): BookingPage => ({
  _id: entries[0]!._id,
  last: entries.at(-1)!._id,
  settlementDate: entries[0]!.settlementDate,
  entries,
})

const isBooked = (entry: LogEntry): boolean => entry.booking !== undefined || isDecline(entry)

const isDecline = ({ from, to, refundOf }: LogEntry): boolean =>
  refundOf === undefined && from !== to && declined.has(to)

const declined: ReadonlySet<TransactionStatus> = new Set<TransactionStatus>(['DECLINED', 'FAILED', 'EXPIRED'])

function bookedTransactionOf(entry: LogEntry, { corridors }: Pick<Registry, 'corridors'>): BookedTransaction {
  const { _id, transaction, at, reason, booking } = entry
  const { wallet, acquirer, merchant, corridor } = entry.payment
  const zone = corridors.get(corridor)?.settlementZone ?? defaultZone
  return {
    _id,
    settlementDate: booking?.settlementDate ?? settlementDate(at, zone),
    kind: kindOf(entry),
    transaction,
    payment: paymentIdOf(entry),
    at,
    wallet,
    acquirer,
    merchant,
    corridor,
    postings: booking?.postings ?? [],
    reason,
  }
}

function kindOf({ booking, refundOf, kind }: LogEntry): BookedKind {
  if (!booking) return 'DECLINE'
  if (refundOf !== undefined) return 'REFUND'
  return kind === 'CANCEL_REQUESTED' ? 'CANCELLATION' : 'PAYMENT'
}
