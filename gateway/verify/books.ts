// The books: positions and bookings, each compared with a recount of the log.

import type { Decimal128 } from 'mongodb'
import { Check } from './check.ts'
import type { Booking, Entry, Posting } from './documents.ts'
import { Sum } from './fingerprint.ts'
import { bookingText } from './log.ts'
import type { Published } from './projections.ts'
import type { Snapshot } from './snapshot.ts'

/** Recounts positions, which are the sums of postings. */
export class Positions {
  readonly check = new Check('positions', 'positions are the sums of the postings in the log')
  readonly #published: Published
  readonly #sums = new Map<string, { debits: bigint; credits: bigint }>()

  constructor(published: Published) {
    this.#published = published
  }

  addEntry({ _id, booking }: Entry): void {
    if (!booking || _id > this.#published.position) return
    for (const { participant, currency, minor } of booking.postings) {
      const key = `${participant}/${booking.settlementDate}/${currency}`
      let sum = this.#sums.get(key)
      if (!sum) this.#sums.set(key, (sum = { debits: 0n, credits: 0n }))
      if (minor < 0n) sum.debits -= minor
      else sum.credits += minor
    }
  }

  async finish(snapshot: Snapshot): Promise<void> {
    interface Stored {
      readonly _id: string
      readonly debits: Decimal128
      readonly credits: Decimal128
    }
    for await (const stored of snapshot.find<Stored>(this.#published.collection('positions'))) {
      const { _id } = stored
      const [debits, credits] = [BigInt(stored.debits.toString()), BigInt(stored.credits.toString())]
      const sum = this.#sums.get(_id) ?? { debits: 0n, credits: 0n }
      this.#sums.delete(_id)
      this.check.expect(
        debits === sum.debits && credits === sum.credits,
        _id,
        () => `stored −${debits} +${credits}, recounted −${sum.debits} +${sum.credits}`,
      )
    }
    for (const [id, { debits, credits }] of this.#sums) {
      this.check.fail(id, `is not stored, recounted −${debits} +${credits}`)
    }
  }
}

export type BookedKind = 'PAYMENT' | 'REFUND' | 'CANCELLATION' | 'DECLINE'

/** What an entry books; null when it neither moves money nor declines. */
export function bookedKindOf({ booking, refundOf, kind, from, to }: Entry): BookedKind | null {
  const declines = refundOf === undefined && from !== to && ['DECLINED', 'FAILED', 'EXPIRED'].includes(to)
  if (!booking) return declines ? 'DECLINE' : null
  if (refundOf !== undefined) return 'REFUND'
  return kind === 'CANCEL_REQUESTED' ? 'CANCELLATION' : 'PAYMENT'
}

/** Recounts the bookings that settlement reads. */
export class Bookings {
  readonly check = new Check('bookings', 'the bookings of each date are those in the log')
  readonly #published: Published
  readonly #expected = new Map<string, Sum>()

  constructor(published: Published) {
    this.#published = published
  }

  addEntry(entry: Entry): void {
    const kind = bookedKindOf(entry)
    if (kind === null || entry._id > this.#published.position) return
    const { _id, transaction, refundOf, booking, payment } = entry
    const paymentId = refundOf ?? transaction
    put(this.#expected, { ...payment, _id, kind, transaction, payment: paymentId, ...bookedOf(booking) })
  }

  async finish(snapshot: Snapshot): Promise<void> {
    const stored = new Map<string, Sum>()
    interface Page {
      readonly _id: bigint
      readonly entries: readonly Booked[]
    }
    const name = this.#published.collection('bookings')
    for await (const { entries } of snapshot.find<Page>(name, {}, { batchSize: 100 })) {
      for (const entry of entries) put(stored, entry)
    }
    for (const date of new Set([...this.#expected.keys(), ...stored.keys()])) {
      const expected = this.#expected.get(date) ?? new Sum()
      const found = stored.get(date) ?? new Sum()
      this.check.expect(found.equals(expected), date, () =>
        found.count === expected.count
          ? `${found.count} bookings, and at least one differs from the log`
          : `${found.count} bookings, ${expected.count} in the log`,
      )
    }
  }
}

interface Booked {
  readonly _id: bigint
  readonly kind: BookedKind
  readonly transaction: string
  readonly payment: string
  readonly wallet: string
  readonly acquirer: string
  readonly settlementDate: string
  readonly postings: readonly Posting[]
}

/** The date of a decline follows from the zone of its corridor at that time, and is not compared. */
const bookedOf = (booking: Booking | undefined): Booking => booking ?? { settlementDate: '', postings: [] }

function put(
  sums: Map<string, Sum>,
  { _id, kind, transaction, payment, wallet, acquirer, ...booking }: Booked,
): void {
  const date = kind === 'DECLINE' ? 'declines' : booking.settlementDate
  let sum = sums.get(date)
  if (!sum) sums.set(date, (sum = new Sum()))
  const text = kind === 'DECLINE' ? '' : bookingText(booking)
  sum.add(`${_id}|${kind}|${transaction}|${payment}|${wallet}|${acquirer}|${text}`)
}
