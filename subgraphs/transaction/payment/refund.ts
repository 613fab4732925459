// The move that refunds part or all of a payment, at the payment's own rate. Pure.

import type { RefundId } from '../../../schema/values/id.ts'
import { formatAmount, money, type Money } from '../../../schema/values/money.ts'
import { refuse, type Refusal } from '../../../schema/values/problems.ts'
import type { ReasonCode } from '../../../schema/values/reasons.ts'
import type { UsedKey } from '../../shared/idempotency-key.ts'
import { stepFrom } from './lifecycle.ts'
import { completedAt, eventOf, type Move, type Payment, type PaymentEvent, type Refund } from './payment.ts'
import { refundPostings, shareOf } from './posting.ts'
import { settlementDate, type SettlementZone } from './settlement-date.ts'

export interface RefundContext {
  readonly id: RefundId
  readonly now: Date
  readonly key: UsedKey
  /** Days after completion in which a payment can be refunded. */
  readonly windowDays: number
  readonly zone: SettlementZone
  readonly reason: ReasonCode | null
  /** The reason in the caller's own words; null when the caller gave none. */
  readonly note: string | null
}

/** Bounds the document: a payment stores its refunds. */
const refundsMax = 200

/** The amount that can still be refunded, in the merchant's currency; zero unless COMPLETED. */
export const refundable = ({ status, merchantAmount, refunded }: Payment): Money =>
  money(status === 'COMPLETED' ? merchantAmount.minor - refunded.minor : 0n, merchantAmount.currency)

/**
 * Returns the move that refunds `amount`, or all that remains when it is null. Refuses with NOT_REFUNDABLE,
 * WRONG_CURRENCY, REFUND_TOO_LARGE or AMOUNT_NOT_POSITIVE.
 */
export function refund(payment: Payment, amount: Money | null, context: RefundContext): Move | Refusal {
  const { now, key, reason, note } = context
  const step = stepFrom(payment.status, 'REFUNDED')
  if (!step) return notRefundable(`the payment is ${payment.status}`)
  const merchantAmount = amount ?? refundable(payment)
  const flaw = checkRefund(payment, merchantAmount, context)
  if (flaw) return flaw

  const { refunded } = payment
  const after = money(refunded.minor + merchantAmount.minor, refunded.currency)
  const payerAmount = shareOf(payment.payerAmount, payment, refunded, after)
  if (payerAmount.minor === 0n) {
    return refuse('AMOUNT_NOT_POSITIVE', `the refund rounds to zero in ${payerAmount.currency}`, amountPath)
  }
  const event = { ...eventOf(payment, step, now, reason), ...(note !== null && { note }) }
  const added = refundOf(payment, { merchantAmount, payerAmount, after }, event, context)
  return { event, set: { refunded: after }, due: null, key, refund: added }
}

/** Returns null when `amount` of a completed payment can be refunded now. */
function checkRefund(
  payment: Payment,
  { minor, currency }: Money,
  { now, windowDays }: RefundContext,
): Refusal | null {
  const until = new Date(completedAt(payment)!.getTime() + windowDays * dayMs)
  if (now >= until) return notRefundable(`the payment could be refunded until ${until.toISOString()}`)
  const remaining = refundable(payment)
  if (remaining.minor === 0n) return notRefundable('the whole payment was refunded')
  if (payment.refunds.length >= refundsMax) return notRefundable(`the payment has ${refundsMax} refunds`)
  if (currency !== remaining.currency) {
    return refuse('WRONG_CURRENCY', `this amount must be in ${remaining.currency}, not ${currency}`, [
      ...amountPath,
      'currency',
    ])
  }
  if (minor > remaining.minor) {
    return refuse(
      'REFUND_TOO_LARGE',
      `${formatAmount(remaining)} ${currency} can still be refunded`,
      amountPath,
    )
  }
  return null
}

/** The refund that raises the refunded total to `after` by `event`. */
function refundOf(
  payment: Payment,
  amounts: { readonly merchantAmount: Money; readonly payerAmount: Money; readonly after: Money },
  event: PaymentEvent,
  { id, now, key, zone, reason }: RefundContext,
): Refund {
  const { merchantAmount, payerAmount, after } = amounts
  const { refunded, reporting } = payment
  const date = settlementDate(now, zone)
  const booking = { settlementDate: date, postings: refundPostings(payment, payment, refunded, after) }
  return {
    _id: id,
    status: 'COMPLETED',
    sequence: 1,
    createdAt: event.at,
    updatedAt: event.at,
    merchantAmount,
    payerAmount,
    reporting: shareOf(reporting, payment, refunded, after),
    settlementDate: date,
    settlement: 'PENDING',
    key: key.id,
    reason,
    events: [{ ...event, sequence: 1, from: null, to: 'COMPLETED', booking }],
  }
}

const notRefundable = (why: string): Refusal => refuse('NOT_REFUNDABLE', why, ['input', 'payment'])

const amountPath = ['input', 'amount']
const dayMs = 86_400_000
