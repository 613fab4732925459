// What there is to settle, kept apart from the log, which is trimmed one day: a reader of the log notes every entry that moves
// money, and every decline, under its position and its settlement date.

import type { ReasonCode } from '../../../schema/values/reasons.ts'
import { duplicateKey, insertAll } from '../../bulk.ts'
import type { LogEntry, Posting, TransactionStatus } from '../../log.ts'
import type { Itself } from '../../projection.ts'
import type { Reference } from '../../reference.ts'
import { defaultZone, settlementDate } from '../settlement-date.ts'

/** A payment that completed, a refund, a completed payment that was taken back, or a payment that was declined. */
export type BookedKind = 'PAYMENT' | 'REFUND' | 'CANCELLATION' | 'DECLINE'

/** A document of the collection `bookings`. */
export interface Booked {
  /** The entry's position in the log. */
  readonly _id: bigint
  readonly settlementDate: string
  readonly kind: BookedKind
  /** Id of the payment or refund. */
  readonly transaction: string
  readonly payment: string
  readonly at: Date
  readonly wallet: string
  readonly acquirer: string
  readonly merchant: string
  readonly corridor: string
  /** None for a decline. */
  readonly postings: readonly Posting[]
  readonly reason: ReasonCode | null
}

export const bookingsReader = 'bookings'

/** Notes what there is to settle. A position is noted once, however often it is read. */
export const bookingsProjection = (reference: Pick<Reference, 'corridors'>): Itself => ({
  name: bookingsReader,
  collections: ['bookings'],
  commits: 'itself',
  wants: isToSettle,
  async begin({ collection }) {
    await collection('bookings').createIndex({ settlementDate: 1, _id: 1 }, { name: 'date' })
  },
  async apply(entries, { collection }) {
    const booked = entries.filter(isToSettle).map((entry) => bookedOf(entry, reference))
    if (booked.length === 0) return
    const errors = await insertAll(collection<Booked>('bookings'), booked, { ordered: false })
    // What was noted before, by this process or another, is the same.
    const other = errors.find(({ code }) => code !== duplicateKey)
    if (other) throw new Error('a booking was refused', { cause: other })
  },
})

const isToSettle = (entry: LogEntry): boolean => entry.booking !== undefined || isDecline(entry)

const isDecline = ({ from, to, refundOf }: LogEntry): boolean =>
  refundOf === undefined && from !== to && declined.has(to)

/** Of an entry that moves money, or that declines a payment. */
function bookedOf(entry: LogEntry, { corridors }: Pick<Reference, 'corridors'>): Booked {
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
    payment: refundOf ?? transaction,
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
