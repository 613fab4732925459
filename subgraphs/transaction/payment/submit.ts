// The rules that start a payment. Pure: the cashier reads, asks here, and has the store write what comes back.

import { refuse, type Refusal } from '../../../schema/values/problems.ts'
import type { ReasonCode } from '../../../schema/values/reasons.ts'
import type { UsedKey } from '../../shared/idempotency-key.ts'
import { applyMove, counterpartyOf, eventOf, type Move, type Payment } from './payment.ts'
import type { AccountToken } from './commands.ts'
import type { Quote, Terms } from '../price/quote.ts'
import type { ParticipantId, PaymentId, PresentedCodeId, QuoteId } from '../../../schema/values/id.ts'

/** Looks at a payment before the hub sends it: the reason to decline it, or null. */
export type Screening = (payment: Payment) => ReasonCode | null

/** What the payer's side says of the payment. */
export interface Submitted {
  readonly reference: string
  readonly customer: string | null
  readonly token: AccountToken | null
  /** Left out when it was quoted in one step. */
  readonly quote?: QuoteId
  /** Left out where the wallet scanned. */
  readonly presentedCode?: PresentedCodeId
  readonly terminal?: string
}

export interface SubmitWorld {
  readonly id: PaymentId
  readonly rrn: string
  readonly key: UsedKey
  readonly now: Date
  readonly authorizationTimeoutMs: number
  readonly screen: Screening
  readonly customerDay?: string
}

/** Null when the wallet may use the quote now; that it is used once is for the store to say. */
export function checkQuote(quote: Quote | null, wallet: ParticipantId, now: Date): Refusal | null {
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
export function submit(
  wallet: ParticipantId,
  submitted: Submitted,
  terms: Terms,
  world: SubmitWorld,
): Payment {
  const { id, rrn, key, now, screen, customerDay } = world
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
    rrn,
    ...submitted,
    ...(customerDay !== undefined && { customerDay }),
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

/** Sends a payment that was taken to its counterparty. */
export const send = (payment: Payment, now: Date): Move => ({
  event: eventOf(payment, { kind: 'SENT', to: 'ROUTED' }, now),
  set: {},
  due: payment.respondBy,
})

function decline(payment: Payment, reason: ReasonCode, now: Date): Move {
  const event = eventOf(payment, { kind: 'RULE_DECLINED', to: 'DECLINED' }, now, reason)
  return { event, set: { reason }, due: null }
}

const quotePath = ['input', 'quote']
