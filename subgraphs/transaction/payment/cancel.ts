// Taking a payment back. Pure.

import { refuse, type Refusal } from '../../../schema/values/problems.ts'
import type { UsedKey } from '../../shared/idempotency-key.ts'
import { firstRetry } from './timeout.ts'
import { stepFrom } from './lifecycle.ts'
import { completedAt, eventOf, type Move, type Payment } from './payment.ts'
import { negated, postingsOf } from './posting.ts'
import { settlementDate, type SettlementZone } from './settlement-date.ts'
import type { ParticipantId } from '../../../schema/values/id.ts'

export interface CancelWorld {
  readonly now: Date
  readonly key: UsedKey
  /** How long after completion it may still be taken back. */
  readonly cutoffMinutes: number
  readonly zone: SettlementZone
  /** The caller's own words; null when it gave none. */
  readonly note: string | null
}

/** True when `participant` may take the payment back: its wallet, and the acquirer that charged a presented code. */
export const mayCancel = ({ wallet, acquirer, entryMode }: Payment, participant: ParticipantId): boolean =>
  participant === wallet || (entryMode === 'CPM' && participant === acquirer)

/** The move that takes the payment back, or why it cannot be. What a completed payment has booked is booked back. */
export function cancel(payment: Payment, world: CancelWorld): Move | Refusal {
  const { now, key, cutoffMinutes, zone, note } = world
  const { status } = payment
  const wanted = stepFrom(status, 'CANCEL_REQUESTED')
  if (!wanted) return notCancellable(`the payment is ${status}`)
  const event = {
    ...eventOf(payment, wanted, now, 'CUSTOMER_CANCELLED'),
    ...(note !== null && { note }),
  }
  const move = { set: { reason: 'CUSTOMER_CANCELLED' }, due: firstRetry(now), key }
  if (status !== 'COMPLETED') return { ...move, event }

  const cutoff = new Date(completedAt(payment)!.getTime() + cutoffMinutes * 60_000)
  if (now >= cutoff) return notCancellable(`it could be cancelled until ${cutoff.toISOString()}`)
  if (payment.refunded.minor > 0n) return notCancellable('part of it was refunded')
  const postings = postingsOf(payment, payment).map(negated)
  return { ...move, event: { ...event, booking: { settlementDate: settlementDate(now, zone), postings } } }
}

const notCancellable = (why: string): Refusal => refuse('NOT_CANCELLABLE', why, ['input', 'payment'])
