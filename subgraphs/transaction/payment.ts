// A payment, and the rules that start and move one. Pure: the store reads, asks here, and writes what comes back.

import type { Money } from '../../schema/values/money.ts'
import { refuse, type Refusal } from '../../schema/values/problems.ts'
import type { ReasonCode } from '../../schema/values/reasons.ts'
import type { Booking, StepKind, TransactionStatus } from '../log.ts'
import type { UsedKey } from '../idempotency.ts'
import type { Answer, Submission, Token } from './input.ts'
import { stepFrom, type Step } from './lifecycle.ts'
import { postingsOf } from './posting.ts'
import type { Quote, Terms } from './quote.ts'
import { settlementDate, type SettlementZone } from './settlement-date.ts'

/** One event of a transaction's life. */
export interface PaymentEvent {
  /** 1, 2, 3 … within the transaction. */
  readonly sequence: number
  readonly at: Date
  readonly kind: StepKind
  readonly from: TransactionStatus | null
  readonly to: TransactionStatus
  readonly reason: ReasonCode | null
  /** Left out where no money moves. */
  readonly booking?: Booking
  /** Names the one write that added it, so that its outcome can be looked up. */
  readonly write?: string
}

interface PaymentFacts extends Terms {
  /** UUID version 7 of `createdAt`. */
  readonly _id: string
  readonly createdAt: Date
  readonly updatedAt: Date
  /** Number of the latest event. */
  readonly sequence: number
  readonly wallet: string
  /** Id of the participant whose answer it takes: the acquirer, or the wallet where the merchant scanned. */
  readonly counterparty: string
  /** The wallet's own number. */
  readonly reference: string
  /** 12 digits. */
  readonly rrn: string
  /** Left out when it was quoted and paid in one step. */
  readonly quote?: string
  /** Pseudonym of the payer. */
  readonly customer: string | null
  readonly token: Token | null
  /** When the hub stops waiting for the counterparty's answer. */
  readonly respondBy: Date
  /** The counterparty's own number, once it has answered. */
  readonly answerReference: string | null
  /** Given back so far, in the merchant's currency. */
  readonly refunded: Money
  /** Oldest first. */
  readonly refunds: readonly Refund[]
  /** Oldest first; `events[n].sequence` is n + 1. */
  readonly events: readonly PaymentEvent[]
  readonly keys: readonly UsedKey[]
}

/** Something is still to come, and the hub acts when it is `due`. */
interface Open {
  readonly status: 'RECEIVED' | 'ROUTED' | 'IN_DOUBT' | 'REVERSING' | 'CANCELLING'
  readonly due: Date
}
interface Completed {
  readonly status: 'COMPLETED'
  /** In the corridor's zone: "2026-03-01". */
  readonly settlementDate: string
  readonly settlement: 'PENDING' | 'SETTLED'
  /** Id of the settlement batch that it is in; left out until it is SETTLED. */
  readonly batch?: string
}
interface Ended {
  readonly status: 'DECLINED' | 'FAILED' | 'EXPIRED' | 'REVERSED' | 'CANCELLED'
  readonly reason: ReasonCode
}

/** A document of the collection `payments`: a payment with its whole life. */
export type Payment = PaymentFacts & (Open | Completed | Ended)

/** A refund, kept in the payment that it gives back. */
export interface Refund {
  /** UUID version 7. */
  readonly _id: string
  readonly status: TransactionStatus
  readonly sequence: number
  readonly createdAt: Date
  readonly updatedAt: Date
  /** What the merchant gives back. */
  readonly merchantAmount: Money
  /** What the payer gets back. */
  readonly payerAmount: Money
  readonly reporting: Money
  readonly reason: ReasonCode | null
  readonly events: readonly PaymentEvent[]
  /** Left out: PENDING. */
  readonly settlement?: 'PENDING' | 'SETTLED'
  /** Id of the settlement batch that it is in; left out until it is SETTLED. */
  readonly batch?: string
}

/** One step of a payment's life, to be written if the payment still is where the rule saw it. */
export interface Move {
  readonly event: PaymentEvent
  /** What changes beside status, sequence and events. */
  readonly set: Readonly<Record<string, unknown>>
  /** When the hub has to act next; null when it need not. */
  readonly due: Date | null
}

/** Looks at a payment before the hub sends it: the reason to decline it, or null. */
export type Screening = (payment: Payment) => ReasonCode | null

/** What the wallet says of the payment; `quote` is left out when it was quoted in one step. */
export interface Submitted extends Pick<Submission, 'reference' | 'customer' | 'token'> {
  readonly quote?: string
}

export interface SubmitWorld {
  readonly id: string
  readonly rrn: string
  readonly key: UsedKey
  readonly now: Date
  readonly authorizationTimeoutMs: number
  readonly screen: Screening
}

/** Null when the wallet may use the quote now; that it is used once is for the store to say. */
export function checkQuote(quote: Quote | null, wallet: string, now: Date): Refusal | null {
  if (!quote || quote.wallet !== wallet) return refuse('QUOTE_UNKNOWN', undefined, quotePath)
  if (now >= quote.expiresAt) {
    return refuse('QUOTE_EXPIRED', `the quote was valid until ${quote.expiresAt.toISOString()}`, quotePath)
  }
  return null
}

/**
 * The payment that a submission starts, as it is first written. The stored document is the request to the counterparty,
 * which is delivered from it until there is an answer; so it is SENT by the same write that takes it, unless the screening
 * declines it.
 */
export function submit(wallet: string, submission: Submitted, terms: Terms, world: SubmitWorld): Payment {
  const { id, rrn, key, now, screen } = world
  const { reference, customer, token, quote } = submission
  const respondBy = new Date(now.getTime() + world.authorizationTimeoutMs)
  const payment: Payment = {
    _id: id,
    status: 'RECEIVED',
    sequence: 1,
    createdAt: now,
    updatedAt: now,
    due: respondBy,
    wallet,
    counterparty: counterpartyOf(terms, wallet),
    reference,
    rrn,
    ...(quote !== undefined && { quote }),
    customer,
    token,
    respondBy,
    ...terms,
    answerReference: null,
    refunded: { currency: terms.merchantAmount.currency, minor: 0n },
    refunds: [],
    events: [{ sequence: 1, at: now, kind: 'SUBMITTED', from: null, to: 'RECEIVED', reason: null }],
    keys: [key],
  }
  const reason = screen(payment)
  return applyMove(payment, reason ? decline(payment, reason, now) : send(payment, now))
}

/** The participant that approves: where the merchant scanned the payer's code, that is the wallet. */
export const counterpartyOf = (terms: Pick<Terms, 'entryMode' | 'acquirer'>, wallet: string): string =>
  terms.entryMode === 'CPM' ? wallet : terms.acquirer

/** What an answer is weighed with. */
export interface AnswerWorld {
  readonly now: Date
  readonly zone: SettlementZone
}

/** What a counterparty's answer does: a move, or null when the payment has kept enough late messages. */
export function answer(payment: Payment, given: Answer, { now, zone }: AnswerWorld): Move | null {
  const step = stepFrom(payment.status, given.approves ? 'APPROVED' : 'REFUSED')
  if (!step) return null
  const event = eventOf(payment, step, now, given.reason)
  if (step.kind === 'LATE_MESSAGE') {
    return payment.events.length < eventsMax ? { event, set: {}, due: dueOf(payment) } : null
  }
  const answerReference = given.reference
  if (!given.approves) return { event, set: { answerReference, reason: given.reason }, due: null }
  const booking = { settlementDate: settlementDate(now, zone), postings: postingsOf(payment, payment) }
  const settled = { settlementDate: booking.settlementDate, settlement: 'PENDING' }
  return { event: { ...event, booking }, set: { answerReference, ...settled }, due: null }
}

/** True when the counterparty has given this very answer before. */
export function isRepeated(payment: Payment, { approves }: Answer): boolean {
  const given = payment.events.find(({ kind }) => kind === 'APPROVED' || kind === 'REFUSED')
  return given !== undefined && (given.kind === 'APPROVED') === approves
}

/** The payment after `move`: what the store's write makes of it. */
export function applyMove(payment: Payment, { event, set, due }: Move): Payment {
  const { sequence, at: updatedAt, to: status } = event
  const events = [...payment.events, event]
  const after = { ...payment, ...set, status, sequence, updatedAt, events, due: due ?? undefined }
  if (!due) delete after.due
  return after as Payment
}

const dueOf = (payment: Payment): Date | null => ('due' in payment ? payment.due : null)

/** Beyond this a payment keeps no more late messages, so that nobody can make it grow without end. */
const eventsMax = 64

function send(payment: Payment, now: Date): Move {
  return {
    event: eventOf(payment, { kind: 'SENT', to: 'ROUTED' }, now, null),
    set: {},
    due: payment.respondBy,
  }
}

function decline(payment: Payment, reason: ReasonCode, now: Date): Move {
  const event = eventOf(payment, { kind: 'RULE_DECLINED', to: 'DECLINED' }, now, reason)
  return { event, set: { reason }, due: null }
}

const eventOf = (payment: Payment, step: Step, at: Date, reason: ReasonCode | null): PaymentEvent => ({
  sequence: payment.sequence + 1,
  // Clocks of two processes differ: a payment's own events keep their order all the same.
  at: at < payment.updatedAt ? payment.updatedAt : at,
  ...step,
  from: payment.status,
  reason,
})

const quotePath = ['input', 'quote']
