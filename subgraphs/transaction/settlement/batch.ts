// A settlement batch: one date, closed. Which entries are in it is decided by positions in the log alone, so closing looks at no
// payment that is under way and stops none. Pure.
//
// A batch fixes `upTo`, a position of the log that was its latest after the date's cut-off had passed. It takes what is booked on
// its date up to there; and what has come late for dates closed before it, that is after `after`, the `upTo` of the batch closed
// before it. So when a batch is closed, everything up to its `upTo` on any closed date is in exactly one batch, and what comes
// later falls to the next, whatever the order in which dates are closed.

import type { Currency } from '../../../schema/values/currency.ts'
import { refuse, type Refusal } from '../../../schema/values/problems.ts'
import { defaultZone, endOf, type SettlementZone } from '../payment/settlement-date.ts'
import type { BookedTransaction, BookedRange } from './bookings.ts'
import type { ParticipantId, SettlementBatchId } from '../../../schema/values/id.ts'

/** Which entries a batch takes; never changed. */
export interface Cut {
  /** "settlement-2026-03-01". */
  readonly _id: SettlementBatchId
  /** 1, 2, 3 … in the order of closing. */
  readonly number: number
  readonly settlementDate: string
  readonly upTo: bigint
  readonly after: bigint
  readonly fixedAt: Date
}

export interface Net {
  readonly participant: ParticipantId
  readonly currency: Currency
  /** Positive: gets; negative: owes. Never zero. */
  readonly minor: bigint
}

/** A participant's part in a batch. */
export interface Part {
  readonly participant: ParticipantId
  readonly payments: number
  readonly refunds: number
}

/** What the entries of a batch add up to. */
export interface Totals {
  /** Payments that completed, but for those that were taken back in the same batch. */
  readonly payments: number
  readonly refunds: number
  /** By participant and currency, the hub's own accounts included: per currency they sum to zero. */
  readonly net: readonly Net[]
  readonly parts: readonly Part[]
}

/** `attempt` names its files. */
export type SettlementBatch = Cut &
  ({ readonly status: 'CLOSING' } | ({ readonly status: 'CLOSED'; readonly attempt: string } & Totals))

export const batchId = (date: string): string => `settlement-${date}`

/** The batch that closes `date` next after `last`. */
export const nextCut = (date: string, last: Cut | null, tip: bigint, now: Date): Cut => ({
  _id: batchId(date),
  number: (last?.number ?? 0) + 1,
  settlementDate: date,
  upTo: tip,
  after: last?.upTo ?? 0n,
  fixedAt: now,
})

/** Entries of the batch's own date. */
export const ownOf = ({ settlementDate, upTo }: Cut): BookedRange => ({
  dates: [settlementDate],
  after: 0n,
  upTo,
})

/** Entries that came late for dates that were closed before it. */
export const lateOf = ({ after, upTo }: Cut, closedBefore: readonly string[]): BookedRange => ({
  dates: closedBefore,
  after,
  upTo,
})

/** Null when the cut-off of `date` has passed in all `zones`. */
export function checkPassed(date: string, zones: Iterable<SettlementZone>, now: Date): Refusal | null {
  const ends = Math.max(...[defaultZone, ...zones].map((zone) => endOf(date, zone).getTime()))
  if (now.getTime() >= ends) return null
  const details = `${date} ends at ${new Date(ends).toISOString()}, when the last of the corridors has reached its cut-off`
  return refuse('SETTLEMENT_OPEN', details, ['input', 'settlementDate'])
}

/** Adds entries up as they come by; `cancelledOut` are payments that both completed and were taken back in the batch. */
export class BatchTally {
  private payments = 0
  private refunds = 0
  private readonly nets = new Map<string, { participant: ParticipantId; currency: Currency; minor: bigint }>()
  private readonly parts = new Map<
    string,
    { participant: ParticipantId; payments: number; refunds: number }
  >()
  private readonly cancelledOut: ReadonlySet<string>

  constructor(cancelledOut: ReadonlySet<string>) {
    this.cancelledOut = cancelledOut
  }

  add({ kind, payment, postings }: BookedTransaction): void {
    const payments = kind === 'PAYMENT' && !this.cancelledOut.has(payment) ? 1 : 0
    const refunds = kind === 'REFUND' ? 1 : 0
    this.payments += payments
    this.refunds += refunds
    for (const { participant, currency, minor } of postings) {
      const name = `${participant}/${currency}`
      const net = this.nets.get(name)
      if (net) net.minor += minor
      else this.nets.set(name, { participant, currency, minor })
    }
    for (const participant of new Set(postings.map((posting) => posting.participant))) {
      const part = this.parts.get(participant) ?? { participant, payments: 0, refunds: 0 }
      part.payments += payments
      part.refunds += refunds
      this.parts.set(participant, part)
    }
  }

  totals(): Totals {
    const byName = (a: { participant: ParticipantId }, b: { participant: ParticipantId }) =>
      a.participant < b.participant ? -1 : a.participant > b.participant ? 1 : 0
    const net = [...this.nets.values()].filter(({ minor }) => minor !== 0n)
    return {
      payments: this.payments,
      refunds: this.refunds,
      net: net.toSorted((a, b) => byName(a, b) || (a.currency < b.currency ? -1 : 1)),
      parts: [...this.parts.values()].toSorted(byName),
    }
  }
}
