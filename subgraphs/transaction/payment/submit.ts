// The rules that start a payment. Pure.

import type { ParticipantId, PaymentId, PresentedCodeId, QuoteId } from '../../../schema/values/id.ts'
import type { ReasonCode } from '../../../schema/values/reasons.ts'
import type { UsedKey } from '../../shared/idempotency-key.ts'
import type { PaymentTerms } from '../price/quote.ts'
import type { AccountToken } from './commands.ts'
import { applyMove, counterpartyOf, eventOf, type Move, type Payment } from './payment.ts'

/** Screens a payment before the hub sends it: returns the reason to decline it, or null. */
export type Screening = (payment: Payment) => ReasonCode | null

/** The facts of a payment that its terms do not hold. */
export interface SubmissionDetails {
  readonly reference: string
  readonly customer: string | null
  readonly token: AccountToken | null
  /** Left out when the submission was priced without a quote. */
  readonly quote?: QuoteId
  /** Left out when the wallet scanned. */
  readonly presentedCode?: PresentedCodeId
  readonly terminal?: string
}

export interface SubmitContext {
  readonly id: PaymentId
  readonly rrn: string
  readonly key: UsedKey
  readonly now: Date
  readonly authorizationTimeoutMs: number
  readonly screen: Screening
}

/**
 * Creates the payment as it is first written. The stored document is itself the request to the
 * counterparty, and is delivered until there is an answer. So the write that accepts a payment also makes
 * it SENT, unless the screening declines it.
 */
export function submit(
  wallet: ParticipantId,
  details: SubmissionDetails,
  terms: PaymentTerms,
  context: SubmitContext,
): Payment {
  const { id, rrn, key, now, screen } = context
  const respondBy = new Date(now.getTime() + context.authorizationTimeoutMs)
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
    ...details,
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

/** Sends an accepted payment to its counterparty. */
export const send = (payment: Payment, now: Date): Move => ({
  event: eventOf(payment, { kind: 'SENT', to: 'ROUTED' }, now),
  set: {},
  due: payment.respondBy,
})

function decline(payment: Payment, reason: ReasonCode, now: Date): Move {
  const event = eventOf(payment, { kind: 'RULE_DECLINED', to: 'DECLINED' }, now, reason)
  return { event, set: { reason }, due: null }
}
