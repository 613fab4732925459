// The body of a webhook: an event and its payment as JSON, in the form that Standard Webhooks recommends. It
// is made for each attempt, from fields that never change, so all attempts send the same body.
//
//   { "type": "payment.approved", "timestamp": "2026-03-01T04:00:00.120Z",
//     "data": { "cursor", "sequence", "from", "to", "reason": { "code", "isoCode" } | null,
//               "payment": {…}, "refund": {…} } }
//
// `type` is "payment." or "refund." and the event’s StepKind in lower case. Money is { "amount": "215.50",
// "currency": "CNY" }. `refund` is present for an event of a refund.

import { formatAmount, type Money } from '../../../schema/values/money.ts'
import { reasons } from '../../../schema/values/reasons.ts'
import type { Payment, PaymentEvent, Refund } from '../payment/payment.ts'

export interface EventBody {
  /** The event’s cursor in the log, for `transactionEvents(after:)`. */
  readonly cursor: string
  readonly event: Pick<PaymentEvent, 'kind' | 'at' | 'sequence' | 'from' | 'to' | 'reason'>
  readonly payment: SentPayment
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

/** The fields of a payment that never change, without the payer’s pseudonym and token. */
export type SentPayment = Pick<
  Payment,
  | '_id'
  | 'createdAt'
  | 'reference'
  | 'rrn'
  | 'entryMode'
  | 'wallet'
  | 'acquirer'
  | 'merchant'
  | 'corridor'
  | 'merchantAmount'
  | 'payerAmount'
>

export const paymentJson = (payment: SentPayment) => ({
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
