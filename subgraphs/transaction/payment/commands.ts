// The commands that start and move payments, after the input was checked.

import type { Money } from '../../../schema/values/money.ts'
import type { ReasonCode } from '../../../schema/values/reasons.ts'
import type { Order } from '../price/order.ts'
import type { MerchantId, PaymentId } from '../../../schema/values/id.ts'

/** What a counterparty says: the last two answer an inquiry, and a reversal or cancellation. */
export type CounterpartyDecision = 'APPROVE' | 'DECLINE' | 'NEVER_SEEN' | 'ACKNOWLEDGE'

/** Of the payer's account: never a card number. */
export interface AccountToken {
  readonly reference: string
  readonly lastFour: string | null
}

export interface Submission {
  readonly idempotencyKey: string
  readonly what:
    { readonly kind: 'QUOTE'; readonly id: string } | { readonly kind: 'ORDER'; readonly order: Order }
  readonly reference: string
  readonly customer: string | null
  readonly token: AccountToken | null
}

/** A counterparty's answer to a payment. `reason` is null unless it declines. */
export interface CounterpartyAnswer {
  readonly decision: CounterpartyDecision
  readonly reason: ReasonCode | null
  /** The counterparty's own number. */
  readonly reference: string | null
}

/** A wish to take a payment back. */
export interface Cancellation {
  readonly idempotencyKey: string
  readonly payment: PaymentId
  /** The caller's own words. */
  readonly note: string | null
}

/** A wish to give a payment back: `amount` of it, or all that is left. */
export interface RefundOrder extends Cancellation {
  readonly amount: Money | null
  /** What the caller's words name, when they name a reason. */
  readonly reason: ReasonCode | null
}

/** A code that a customer wants to show. */
export interface Presentation {
  readonly idempotencyKey: string
  readonly token: AccountToken
  /** The most that may be charged. */
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
