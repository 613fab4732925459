// The move that cancels a payment. Pure.

import type { ParticipantId } from '../../../schema/values/id.ts'
import { refuse, type Refusal } from '../../../schema/values/problems.ts'
import type { UsedKey } from '../../shared/idempotency-key.ts'
import { stepFrom } from './lifecycle.ts'
import { completedAt, eventOf, type Move, type Payment } from './payment.ts'
import { negated, postingsOf } from './posting.ts'
import { settlementDate, type SettlementZone } from './settlement-date.ts'
import { firstRetry } from './timeout.ts'

export interface CancelContext {
  readonly now: Date
  readonly key: UsedKey
  /** Minutes after completion in which a payment can still be cancelled. */
  readonly cutoffMinutes: number
  readonly zone: SettlementZone
  /** The reason in the caller's own words; null when the caller gave none. */
  readonly note: string | null
}

/** True for the payment's wallet, and for the acquirer that charged a presented code. */
export const mayCancel = ({ wallet, acquirer, entryMode }: Payment, participant: ParticipantId): boolean =>
  participant === wallet || (entryMode === 'CPM' && participant === acquirer)

/**
 * Returns the move that cancels the payment, with reversed postings when it had completed. Refuses with
 * NOT_CANCELLABLE.
 */
export function cancel(payment: Payment, context: CancelContext): Move | Refusal {
  const { now, key, cutoffMinutes, zone, note } = context
  const { status } = payment
  const step = stepFrom(status, 'CANCEL_REQUESTED')
  if (!step) return notCancellable(`the payment is ${status}`)
  const event = {
    ...eventOf(payment, step, now, 'CUSTOMER_CANCELLED'),
    ...(note !== null && { note }),
  }
  const move = { set: { reason: 'CUSTOMER_CANCELLED' }, due: firstRetry(now), key }
  if (status !== 'COMPLETED') return { ...move, event }

  const cutoff = new Date(completedAt(payment)!.getTime() + cutoffMinutes * 60_000)
  if (now >= cutoff) return notCancellable(`the payment could be cancelled until ${cutoff.toISOString()}`)
  if (payment.refunded.minor > 0n) return notCancellable('part of the payment was refunded')
  const postings = postingsOf(payment, payment).map(negated)
  return { ...move, event: { ...event, booking: { settlementDate: settlementDate(now, zone), postings } } }
}

const notCancellable = (why: string): Refusal => refuse('NOT_CANCELLABLE', why, ['input', 'payment'])
