// Customers' daily limits, without a collection of their own: each payment of a customer has a number within
// its day, 1, 2, 3 …, and the sum of the day is that of its payments.
//
// A payment may be written with number n + 1 if it fits beside the payments up to n. The unique index over
// day and number writes each number once, and a number is written only after the one before it. So when the
// write succeeds, no other payment has joined the day since the sum was taken; when it fails, the sum is
// taken again. Payments that end unpaid only lower it. One write therefore reserves the limit and stores the
// payment, whatever stops in between, and a key that is used again changes no day.

import type { Collection } from 'mongodb'
import { createLoader, type Loader } from '../../platform/async/batching.ts'
import { RecentMap } from '../../platform/async/recent-map.ts'
import { Semaphore } from '../../platform/async/semaphore.ts'
import { paymentsOfDayMax, type DayShare } from '../payment/daily-limit.ts'
import { finalStatuses } from '../payment/lifecycle.ts'
import type { CustomerDay, Payment } from '../payment/payment.ts'
import { NumberTakenError } from './payment-writes.ts'

export type DayRefusal =
  /** `used` is the sum of the day's payments, in minor units. */
  | { readonly kind: 'EXCEEDED'; readonly used: bigint }
  /** The day has as many payments as one may have. */
  | { readonly kind: 'FULL' }
  /** Too many other payments of the day are being written. */
  | { readonly kind: 'BUSY' }

/** What the payments of a day use. */
interface DayUse {
  /** The highest number; 0 without payments. */
  readonly last: number
  readonly used: bigint
}

/** Writes a payment at a place of its day; false when it collides with another one in anything else. */
type WriteAt = (place: CustomerDay) => Promise<boolean>

/** Writes payments within the limits of their customers' days. */
export class DailyLimits {
  readonly #reader: Loader<string, DayUse>
  /** As this process wrote or read it last. Others may have written since. */
  readonly #latest = new RecentMap<string, DayUse>(latestMax)
  /** Payments that met another one of their day are written one by one: each takes the next number. */
  readonly #turns = new Map<string, Semaphore>()

  constructor(payments: Collection<Payment>) {
    this.#reader = createLoader({ load: (days, signal) => readDays(payments, days, signal) })
  }

  /**
   * Calls `write` with the payment's place in its day, and again when it throws a NumberTakenError. Returns
   * the outcome, or the reason against the payment.
   */
  async within(share: DayShare, write: WriteAt): Promise<boolean | DayRefusal> {
    // A day that this process has not read is taken for empty: most customers pay once a day, and then
    // nothing is read.
    const outcome = this.#turns.has(share.day) ? null : await this.#attempt(share, write, noPayment)
    return outcome ?? this.#writeInTurn(share, write)
  }

  async #writeInTurn(share: DayShare, write: WriteAt): Promise<boolean | DayRefusal> {
    const { day } = share
    const turn = this.#turns.get(day) ?? new Semaphore(1, waitingMax)
    this.#turns.set(day, turn)
    const mayWrite = await turn.acquire(AbortSignal.timeout(waitingMs)).then(
      () => true,
      () => false,
    )
    if (!mayWrite) return { kind: 'BUSY' }
    try {
      for (let attempt = 0; attempt < attemptsMax; attempt++) {
        const outcome = await this.#attempt(share, write)
        if (outcome !== null) return outcome
      }
      return { kind: 'BUSY' }
    } finally {
      if (!turn.hasWaiting) this.#turns.delete(day)
      turn.release()
    }
  }

  /** Null when the number was taken. `guess` is the use of a day that this process has not read. */
  async #attempt(share: DayShare, write: WriteAt, guess?: DayUse): Promise<boolean | DayRefusal | null> {
    const { day, minor, limit } = share
    const fits = ({ used }: DayUse): boolean => used + minor <= limit.minor
    let use = this.#latest.get(day) ?? guess
    // Payments that ended unpaid meanwhile use nothing.
    if (!use || !fits(use)) use = await this.#read(day)
    if (use.last >= paymentsOfDayMax) return { kind: 'FULL' }
    if (!fits(use)) return { kind: 'EXCEEDED', used: use.used }
    const number = use.last + 1
    try {
      const isWritten = await write({ id: day, number, minor })
      if (isWritten) this.#latest.set(day, { last: number, used: use.used + minor })
      return isWritten
    } catch (error) {
      this.#latest.delete(day)
      if (error instanceof NumberTakenError) return null
      throw error
    }
  }

  async #read(day: string): Promise<DayUse> {
    const use = (await this.#reader.load(day)) ?? noPayment
    this.#latest.set(day, use)
    return use
  }
}

const noPayment: DayUse = { last: 0, used: 0n }

async function readDays(
  payments: Collection<Payment>,
  days: readonly string[],
  signal: AbortSignal,
): Promise<(DayUse | null)[]> {
  const counts = { $cond: [{ $in: ['$status', finalStatuses] }, 0, '$customerDay.minor'] }
  const group = { _id: '$customerDay.id', last: { $max: '$customerDay.number' }, used: { $sum: counts } }
  const found = await payments
    .aggregate<{ readonly _id: string; readonly last: number; readonly used: bigint | number }>(
      [{ $match: { 'customerDay.id': { $in: days } } }, { $group: group }],
      { signal },
    )
    .toArray()
  const byDay = new Map(found.map(({ _id, last, used }) => [_id, { last, used: BigInt(used) }]))
  return days.map((day) => byDay.get(day) ?? null)
}

/** A process keeps at least half as many. */
const latestMax = 8_192
/** Each takes one write, so the last one waits for about a second. */
const waitingMax = 64
/** A caller does not wait longer for its answer. */
const waitingMs = 5_000
/** Each follows a number that another process has taken. */
const attemptsMax = 100
