// The moves of a payment whose answer is overdue: inquiries, then a reversal, repeated until acknowledged.
// Pure.

import type { ReasonCode } from '../../../schema/values/reasons.ts'
import type { StepKind, TransactionStatus } from '../../log/entry.ts'
import { dueOf, eventOf, type Move, type Payment, type PaymentEvent } from './payment.ts'
import { send } from './submit.ts'

/** Waits before the first, second and third inquiry; the first begins at the time-out. */
const inquiryGapsMs = [1_000, 3_000, 9_000] as const
/** Wait after the last inquiry, before the reversal. */
const lastAnswerMs = 9_000
/** Waits before a reversal or cancellation is sent again; the last one repeats until it is acknowledged. */
const retryGapsMs = [5_000, 15_000, 60_000, 300_000, 1_800_000, 7_200_000, 21_600_000, 86_400_000] as const

/**
 * Returns the move that is due at `now`; null when none is. `overdue` is a due time that counts as past, also
 * when it is after `now`.
 */
export function moveDue(payment: Payment, now: Date, overdue?: Date): Move | null {
  const due = dueOf(payment)
  if (!due || (due > now && due.getTime() !== overdue?.getTime())) return null
  switch (payment.status) {
    case 'RECEIVED':
      return send(payment, now)
    case 'ROUTED':
      return step(payment, 'TIMED_OUT', 'IN_DOUBT', now, inquiryGapsMs[0], 'TIMEOUT')
    case 'IN_DOUBT':
      return inquire(payment, now) ?? reverse(payment, now)
    case 'REVERSING':
      return step(payment, 'REVERSAL_RETRIED', 'REVERSING', now, retryGap(payment, 'REVERSAL_RETRIED'))
    case 'CANCELLING':
      return step(payment, 'CANCEL_RETRIED', 'CANCELLING', now, retryGap(payment, 'CANCEL_RETRIED'))
    default:
      return null
  }
}

/** What decides how long a pending payment waits. */
export type PendingPayment = Pick<Payment, 'status' | 'createdAt' | 'respondBy'> & {
  readonly events: readonly Pick<PaymentEvent, 'kind'>[]
}

/** Returns the most milliseconds that a pending payment waits for its next move, by its status. */
export function longestWaitMs(payment: PendingPayment): number {
  switch (payment.status) {
    case 'RECEIVED':
    case 'ROUTED':
      return payment.respondBy.getTime() - payment.createdAt.getTime()
    case 'IN_DOUBT':
      return inquiryGapsMs[count(payment, 'INQUIRED')] ?? lastAnswerMs
    case 'REVERSING':
      return retryGapsMs[count(payment, 'REVERSAL_RETRIED')] ?? retryGapsMs.at(-1)!
    case 'CANCELLING':
      return retryGapsMs[count(payment, 'CANCEL_RETRIED')] ?? retryGapsMs.at(-1)!
    default:
      return 0
  }
}

/**
 * Returns an early inquiry for a client that requests one. Null when the payment is not IN_DOUBT, changed
 * within the last second, or has had its last inquiry.
 */
export function inquireEarly(payment: Payment, now: Date): Move | null {
  // A payment that was written by a clock far ahead did not change just now.
  const isRecent = Math.abs(now.getTime() - payment.updatedAt.getTime()) < inquiryGapsMs[0]
  return payment.status === 'IN_DOUBT' && !isRecent ? inquire(payment, now) : null
}

/** Time of the first repetition of a reversal or cancellation that begins at `now`. */
export const firstRetry = (now: Date): Date => after(now, retryGapsMs[0])

/** The next inquiry; null after the last one. */
function inquire(payment: Payment, now: Date): Move | null {
  const inquiries = count(payment, 'INQUIRED')
  if (inquiries === inquiryGapsMs.length) return null
  return step(payment, 'INQUIRED', 'IN_DOUBT', now, inquiryGapsMs[inquiries + 1] ?? lastAnswerMs)
}

const reverse = (payment: Payment, now: Date): Move => ({
  ...step(payment, 'REVERSAL_STARTED', 'REVERSING', now, retryGapsMs[0], 'NO_ANSWER'),
  set: { reason: 'NO_ANSWER' },
})

const step = (
  payment: Payment,
  kind: StepKind,
  to: TransactionStatus,
  now: Date,
  nextMs: number,
  reason: ReasonCode | null = null,
): Move => ({ event: eventOf(payment, { kind, to }, now, reason), set: {}, due: after(now, nextMs) })

const retryGap = (payment: Payment, kind: StepKind): number =>
  retryGapsMs[count(payment, kind) + 1] ?? retryGapsMs.at(-1)!

const count = ({ events }: Pick<PendingPayment, 'events'>, kind: StepKind): number =>
  events.filter((event) => event.kind === kind).length

const after = (at: Date, ms: number): Date => new Date(at.getTime() + ms)
