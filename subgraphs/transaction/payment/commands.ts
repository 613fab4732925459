// The commands that start and move payments: input after its check.

import type { MerchantId, PaymentId, QuoteId } from '../../../schema/values/id.ts'
import type { Money } from '../../../schema/values/money.ts'
import type { ReasonCode } from '../../../schema/values/reasons.ts'
import type { Order } from '../price/order.ts'

/** NEVER_SEEN answers an inquiry; ACKNOWLEDGE answers a reversal or a cancellation. */
export type CounterpartyDecision = 'APPROVE' | 'DECLINE' | 'NEVER_SEEN' | 'ACKNOWLEDGE'

/** The wallet's reference to the payer's account; never a card number. */
export interface AccountToken {
  readonly reference: string
  readonly lastFour: string | null
}

export interface Submission {
  readonly idempotencyKey: string
  /** A quote, or an order that is priced by the submission itself. */
  readonly basis:
    { readonly kind: 'QUOTE'; readonly id: QuoteId } | { readonly kind: 'ORDER'; readonly order: Order }
  readonly reference: string
  readonly customer: string | null
  readonly token: AccountToken | null
}

/** A counterparty's answer to a payment. `reason` is null unless it declines. */
export interface CounterpartyAnswer {
  readonly decision: CounterpartyDecision
  readonly reason: ReasonCode | null
  /** The counterparty's own number for the payment. */
  readonly reference: string | null
}

/** A payment to cancel. */
export interface Cancellation {
  readonly idempotencyKey: string
  readonly payment: PaymentId
  /** The reason in the caller's own words. */
  readonly note: string | null
}

/** A payment to refund: `amount` of it, or all that remains. */
export interface RefundOrder extends Cancellation {
  readonly amount: Money | null
  /** The reason that `note` names; null when it names none. */
  readonly reason: ReasonCode | null
}

/** A code that a customer wants to show. */
export interface Presentation {
  readonly idempotencyKey: string
  readonly token: AccountToken
  /** Largest amount that may be charged. */
  readonly limit: Money | null
  readonly ttlSeconds: number
}

/** A sale against a presented code. */
export interface Charge {
  readonly idempotencyKey: string
  readonly payload: string
  readonly merchant: MerchantId
  readonly amount: Money
  readonly terminal: string | null
}
