// What a webhook carries: JSON of an event and of its payment, in the form that Standard Webhooks recommends. It is made when it
// is sent, only of what never changes, so every attempt has the same body.
//
//   { "type": "payment.approved", "timestamp": "2026-03-01T04:00:00.120Z",
//     "data": { "cursor", "sequence", "from", "to", "reason": { "code", "isoCode" } | null, "payment": {…}, "refund": {…} } }
//
// `type` is "payment." or "refund." and the event's StepKind in small letters. Money is { "amount": "215.50", "currency": "CNY" }.
// `refund` is there for an event of a refund.

import { formatAmount, type Money } from '../../../schema/values/money.ts'
import { reasons } from '../../../schema/values/reasons.ts'
import type { Payment, PaymentEvent, Refund } from '../payment/payment.ts'

export interface EventBody {
  /** A cursor of the log: what `transactionEvents(after:)` takes. */
  readonly cursor: string
  readonly event: PaymentEvent
  readonly payment: Payment
  /** Null for an event of the payment itself. */
  readonly refund: Refund | null
}

export function eventBody({ cursor, event, payment, refund }: EventBody): string {
  const { kind, at, sequence, from, to, reason } = event
  return JSON.stringify({
    type: `${refund ? 'refund' : 'payment'}.${kind.toLowerCase()}`,
    timestamp: at.toISOString(),
    data: {
      cursor,
      sequence,
      from,
      to,
      reason: reason && { code: reason, isoCode: reasons[reason].isoCode },
      payment: paymentJson(payment),
      ...(refund && { refund: refundJson(refund) }),
    },
  })
}

/** What never changes about a payment. Nothing of the payer: neither pseudonym nor token. */
export const paymentJson = (payment: Payment) => ({
  id: payment._id,
  createdAt: payment.createdAt.toISOString(),
  reference: payment.reference,
  rrn: payment.rrn,
  entryMode: payment.entryMode,
  wallet: payment.wallet,
  acquirer: payment.acquirer,
  merchant: payment.merchant,
  corridor: payment.corridor,
  merchantAmount: moneyJson(payment.merchantAmount),
  payerAmount: moneyJson(payment.payerAmount),
})

const refundJson = (refund: Refund) => ({
  id: refund._id,
  createdAt: refund.createdAt.toISOString(),
  merchantAmount: moneyJson(refund.merchantAmount),
  payerAmount: moneyJson(refund.payerAmount),
})

const moneyJson = (money: Money) => ({ amount: formatAmount(money), currency: money.currency })
