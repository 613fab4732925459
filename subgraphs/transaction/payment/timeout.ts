// What the hub does when a payment's time has come: it asks, it undoes, it asks again. Pure.

import type { ReasonCode } from '../../../schema/values/reasons.ts'
import { dueOf, eventOf, type Move, type Payment } from './payment.ts'
import type { StepKind, TransactionStatus } from '../../log/entry.ts'
import { send } from './submit.ts'

/** Before each of the inquiries, the first one after the time-out. */
const inquiryGapsMs = [1_000, 3_000, 9_000] as const
/** After the last inquiry, before reversal begins. */
const lastAnswerMs = 9_000
/** Before a reversal or a cancellation is told again: the last one from then on, until it is acknowledged. */
const retryGapsMs = [5_000, 15_000, 60_000, 300_000, 1_800_000, 7_200_000, 21_600_000, 86_400_000] as const

/** The move that is due at `now`; null when nothing is. */
export function moveDue(payment: Payment, now: Date): Move | null {
  const due = dueOf(payment)
  if (!due || due > now) return null
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

/** An inquiry before its time, because somebody asks: null when the payment is in no doubt, or was asked about just now. */
export function inquireEarly(payment: Payment, now: Date): Move | null {
  const isFresh = now.getTime() - payment.updatedAt.getTime() < inquiryGapsMs[0]
  return payment.status === 'IN_DOUBT' && !isFresh ? inquire(payment, now) : null
}

/** The first time that a reversal or a cancellation is told again, when it began at `now`. */
export const firstRetry = (now: Date): Date => after(now, retryGapsMs[0])

/** The next inquiry; null when they are used up. */
function inquire(payment: Payment, now: Date): Move | null {
  const made = count(payment, 'INQUIRED')
  if (made === inquiryGapsMs.length) return null
  return step(payment, 'INQUIRED', 'IN_DOUBT', now, inquiryGapsMs[made + 1] ?? lastAnswerMs)
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

const count = ({ events }: Payment, kind: StepKind): number =>
  events.filter((event) => event.kind === kind).length

const after = (at: Date, ms: number): Date => new Date(at.getTime() + ms)
