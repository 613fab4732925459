// Giving back part or all of a payment, at its own rate. Pure.

import { formatAmount, money, type Money } from '../../../schema/values/money.ts'
import { refuse, type Refusal } from '../../../schema/values/problems.ts'
import type { ReasonCode } from '../../../schema/values/reasons.ts'
import type { UsedKey } from '../../shared/idempotency-key.ts'
import { stepFrom } from './lifecycle.ts'
import { completedAt, eventOf, type Move, type Payment, type Refund } from './payment.ts'
import { refundPostings, shareOf } from './posting.ts'
import { settlementDate, type SettlementZone } from './settlement-date.ts'
import type { RefundId } from '../../../schema/values/id.ts'

export interface RefundWorld {
  readonly id: RefundId
  readonly now: Date
  readonly key: UsedKey
  /** Days after completion in which refunds are taken. */
  readonly windowDays: number
  readonly zone: SettlementZone
  readonly reason: ReasonCode | null
  /** The caller's own words; null when it gave none. */
  readonly note: string | null
}

/** Refunds of one payment at most: each is a part of its document. */
const refundsMax = 200

/** The move that gives `amount` back, or all that is left; or why it cannot be. */
export function refund(payment: Payment, amount: Money | null, world: RefundWorld): Move | Refusal {
  const { id, now, key, windowDays, zone, reason, note } = world
  const { merchantAmount, refunded } = payment
  const wanted = stepFrom(payment.status, 'REFUNDED')
  if (!wanted) return notRefundable(`the payment is ${payment.status}`)
  const until = new Date(completedAt(payment)!.getTime() + windowDays * dayMs)
  if (now >= until) return notRefundable(`it could be refunded until ${until.toISOString()}`)
  const { currency } = merchantAmount
  const left = money(merchantAmount.minor - refunded.minor, currency)
  if (left.minor === 0n) return notRefundable('all of it was refunded')
  if (payment.refunds.length >= refundsMax) return notRefundable(`it has ${refundsMax} refunds`)
  const given = amount ?? left
  if (given.currency !== currency) {
    return refuse('WRONG_CURRENCY', `this amount is in ${currency}, not ${given.currency}`, [
      ...amountPath,
      'currency',
    ])
  }
  if (given.minor > left.minor) {
    return refuse('REFUND_TOO_LARGE', `${formatAmount(left)} ${currency} is left`, amountPath)
  }
  const after = money(refunded.minor + given.minor, currency)
  const payerAmount = shareOf(payment.payerAmount, payment, refunded, after)
  if (payerAmount.minor === 0n) {
    return refuse('AMOUNT_NOT_POSITIVE', `that comes to nothing in ${payerAmount.currency}`, amountPath)
  }
  const event = { ...eventOf(payment, wanted, now, reason), ...(note !== null && { note }) }
  const date = settlementDate(now, zone)
  const booking = { settlementDate: date, postings: refundPostings(payment, payment, refunded, after) }
  const made: Refund = {
    _id: id,
    status: 'COMPLETED',
    sequence: 1,
    createdAt: event.at,
    updatedAt: event.at,
    merchantAmount: given,
    payerAmount,
    reporting: shareOf(payment.reporting, payment, refunded, after),
    settlementDate: date,
    settlement: 'PENDING',
    key: key.id,
    reason,
    events: [{ ...event, sequence: 1, from: null, to: 'COMPLETED', booking }],
  }
  return { event, set: { refunded: after }, due: null, key, refund: made }
}

const notRefundable = (why: string): Refusal => refuse('NOT_REFUNDABLE', why, ['input', 'payment'])

const amountPath = ['input', 'amount']
const dayMs = 86_400_000
