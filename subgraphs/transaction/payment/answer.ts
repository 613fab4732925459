// The moves that a counterparty's answers make. Pure.

import type { ReasonCode } from '../../../schema/values/reasons.ts'
import type { StepKind, TransactionStatus } from '../../log/entry.ts'
import type { CounterpartyAnswer } from './commands.ts'
import { stepFrom } from './lifecycle.ts'
import { dueOf, eventOf, type Move, type Payment } from './payment.ts'
import { postingsOf } from './posting.ts'
import { settlementDate, type SettlementZone } from './settlement-date.ts'

export interface AnswerContext {
  readonly now: Date
  readonly zone: SettlementZone
}

/**
 * Returns the move that `received` makes. A late or repeated answer makes a LATE_MESSAGE; null when the
 * payment already has the most of them that it keeps.
 */
export function answer(
  payment: Payment,
  received: CounterpartyAnswer,
  { now, zone }: AnswerContext,
): Move | null {
  const step = stepFrom(payment.status, kindOf(received, payment.status))!
  const event = eventOf(payment, step, now, received.reason)
  if (step.kind === 'LATE_MESSAGE') {
    const kept = payment.events.filter(({ kind }) => kind === 'LATE_MESSAGE').length
    return kept < lateMessagesMax ? { event, set: {}, due: dueOf(payment) } : null
  }
  const answerReference = received.reference ?? payment.answerReference
  if (step.to === 'COMPLETED') {
    const booking = { settlementDate: settlementDate(now, zone), postings: postingsOf(payment, payment) }
    const set = { answerReference, settlementDate: booking.settlementDate, settlement: 'PENDING' }
    return { event: { ...event, booking }, set, due: null }
  }
  const reason = received.reason ?? reasonAtEnd[step.to] ?? 'UNSPECIFIED'
  return { event: { ...event, reason }, set: { answerReference, reason }, due: null }
}

/** Ends a payment that could not be delivered to its counterparty; null unless it is still ROUTED. */
export function undeliverable(payment: Payment, now: Date): Move | null {
  const step = stepFrom(payment.status, 'UNDELIVERABLE')
  return step && { event: eventOf(payment, step, now, 'OFFLINE'), set: { reason: 'OFFLINE' }, due: null }
}

/** True when the counterparty has given the same answer before. */
export const isRepeated = ({ events }: Payment, { decision }: CounterpartyAnswer): boolean =>
  events.some(({ kind }) => kinds[decision].includes(kind))

/** Bounds the document: a counterparty may repeat its answer without end. */
const lateMessagesMax = 64

/** Steps that an answer can make. ACKNOWLEDGE makes the one that fits the payment's status. */
const kinds: Readonly<Record<CounterpartyAnswer['decision'], readonly StepKind[]>> = {
  APPROVE: ['APPROVED'],
  DECLINE: ['REFUSED'],
  NEVER_SEEN: ['NEVER_SEEN'],
  ACKNOWLEDGE: ['REVERSAL_ACKNOWLEDGED', 'CANCEL_ACKNOWLEDGED'],
}

const kindOf = ({ decision }: CounterpartyAnswer, status: TransactionStatus): StepKind =>
  kinds[decision].find((kind) => stepFrom(status, kind)?.kind === kind) ?? kinds[decision][0]!

const reasonAtEnd: Readonly<Partial<Record<TransactionStatus, ReasonCode>>> = {
  EXPIRED: 'TIMEOUT',
  REVERSED: 'NO_ANSWER',
  CANCELLED: 'CUSTOMER_CANCELLED',
}
