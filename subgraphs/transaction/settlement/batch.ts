// A settlement batch: all that is booked on one settlement date, each booking in exactly one batch. Pure.
//
// A batch is defined by positions of the log alone, so closing a date neither reads nor stops pending
// payments. Its `upTo` is the log’s tip at a time after the cut-off of the date. Its `after` is the `upTo` of
// the previous batch. The batch takes the bookings of its own date up to `upTo`, and late bookings of earlier
// closed dates between `after` and `upTo`. So every booking up to `upTo` on a closed date is in one batch,
// and later ones fall to the next batch, in whatever order dates are closed.

import type { Currency } from '../../../schema/values/currency.ts'
import type { ParticipantId, SettlementBatchId } from '../../../schema/values/id.ts'
import { refuse, type Refusal } from '../../../schema/values/problems.ts'
import { defaultZone, endOf, type SettlementZone } from '../payment/settlement-date.ts'
import type { BookedTransaction, BookingRange } from './bookings.ts'

/** Fixes which bookings a batch takes; never changed. */
export interface BatchDefinition {
  /** "settlement-2026-03-01". */
  readonly _id: SettlementBatchId
  /** 1, 2, 3 … in the order of closing. */
  readonly number: number
  readonly settlementDate: string
  readonly upTo: bigint
  readonly after: bigint
  readonly fixedAt: Date
}

export interface NetAmount {
  readonly participant: ParticipantId
  readonly currency: Currency
  /** Positive: the participant receives; negative: it owes. Never zero. */
  readonly minor: bigint
}

/** The numbers of payments and refunds in a batch that a participant took part in. */
export interface ParticipantCounts {
  readonly participant: ParticipantId
  readonly payments: number
  readonly refunds: number
}

export interface BatchTotals {
  /** Completed payments, without those cancelled in the same batch. */
  readonly payments: number
  readonly refunds: number
  /** By participant and currency, with the hub’s own accounts: per currency the amounts sum to zero. */
  readonly net: readonly NetAmount[]
  readonly parts: readonly ParticipantCounts[]
}

/** `attempt` names the files of the batch. */
export type SettlementBatch = BatchDefinition &
  ({ readonly status: 'CLOSING' } | ({ readonly status: 'CLOSED'; readonly attempt: string } & BatchTotals))

export const batchId = (date: string): SettlementBatchId => `settlement-${date}` as SettlementBatchId

/**
 * Defines the batch of `date`; `last` is the batch closed before it, and `tip` the latest position of the
 * log.
 */
export const defineBatch = (
  date: string,
  last: BatchDefinition | null,
  tip: bigint,
  now: Date,
): BatchDefinition => ({
  _id: batchId(date),
  number: (last?.number ?? 0) + 1,
  settlementDate: date,
  upTo: tip,
  after: last?.upTo ?? 0n,
  fixedAt: now,
})

/** The bookings on the batch’s own date. */
export const ownBookings = ({ settlementDate, upTo }: BatchDefinition): BookingRange => ({
  dates: [settlementDate],
  after: 0n,
  upTo,
})

/** The late bookings on dates that were closed before the batch. */
export const lateBookings = (
  { after, upTo }: BatchDefinition,
  closedBefore: readonly string[],
): BookingRange => ({ dates: closedBefore, after, upTo })

/** Refuses with SETTLEMENT_OPEN until the cut-off of `date` has passed in all `zones`. */
export function checkCutOffPassed(date: string, zones: Iterable<SettlementZone>, now: Date): Refusal | null {
  const from = closableFrom(date, zones)
  if (now >= from) return null
  const details = `${date} can be closed from ${from.toISOString()}, the latest cut-off of all corridors`
  return refuse('SETTLEMENT_OPEN', details, ['input', 'settlementDate'])
}

/** The latest cut-off of `date` in all `zones`. */
export const closableFrom = (date: string, zones: Iterable<SettlementZone>): Date =>
  new Date(Math.max(...[defaultZone, ...zones].map((zone) => endOf(date, zone).getTime())))

/**
 * Sums up the bookings of a batch. `cancelledOut` are payments that completed and were cancelled in the
 * batch.
 */
export class RunningTotals {
  #payments = 0
  #refunds = 0
  readonly #net = new Map<string, { participant: ParticipantId; currency: Currency; minor: bigint }>()
  readonly #counts = new Map<
    ParticipantId,
    { participant: ParticipantId; payments: number; refunds: number }
  >()
  readonly #cancelledOut: ReadonlySet<string>

  constructor(cancelledOut: ReadonlySet<string>) {
    this.#cancelledOut = cancelledOut
  }

  add({ kind, payment, postings }: BookedTransaction): void {
    const payments = kind === 'PAYMENT' && !this.#cancelledOut.has(payment) ? 1 : 0
    const refunds = kind === 'REFUND' ? 1 : 0
    this.#payments += payments
    this.#refunds += refunds
    for (const { participant, currency, minor } of postings) {
      const key = `${participant}/${currency}`
      const net = this.#net.get(key)
      if (net) net.minor += minor
      else this.#net.set(key, { participant, currency, minor })
    }
    for (const participant of new Set(postings.map((posting) => posting.participant))) {
      const counts = this.#counts.get(participant) ?? { participant, payments: 0, refunds: 0 }
      counts.payments += payments
      counts.refunds += refunds
      this.#counts.set(participant, counts)
    }
  }

  totals(): BatchTotals {
    const byParticipant = (a: { participant: ParticipantId }, b: { participant: ParticipantId }) =>
      a.participant < b.participant ? -1 : a.participant > b.participant ? 1 : 0
    const net = [...this.#net.values()].filter(({ minor }) => minor !== 0n)
    return {
      payments: this.#payments,
      refunds: this.#refunds,
      net: net.toSorted((a, b) => byParticipant(a, b) || (a.currency < b.currency ? -1 : 1)),
      parts: [...this.#counts.values()].toSorted(byParticipant),
    }
  }
}
