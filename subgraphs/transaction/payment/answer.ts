// What a counterparty's message does to a payment. Pure.

import type { ReasonCode } from '../../../schema/values/reasons.ts'
import { stepFrom } from './lifecycle.ts'
import { dueOf, eventOf, type Move, type Payment } from './payment.ts'
import { postingsOf } from './posting.ts'
import type { StepKind, TransactionStatus } from '../../log/entry.ts'
import type { CounterpartyAnswer } from './commands.ts'
import { settlementDate, type SettlementZone } from './settlement-date.ts'

/** What an answer is weighed with. */
export interface AnswerWorld {
  readonly now: Date
  readonly zone: SettlementZone
}

/** What an answer does: a move, or null when the payment has kept enough messages that moved nothing. */
export function answer(payment: Payment, given: CounterpartyAnswer, { now, zone }: AnswerWorld): Move | null {
  const step = stepFrom(payment.status, kindOf(given, payment.status))!
  const event = eventOf(payment, step, now, given.reason)
  if (step.kind === 'LATE_MESSAGE') {
    const kept = payment.events.filter(({ kind }) => kind === 'LATE_MESSAGE').length
    return kept < lateMessagesMax ? { event, set: {}, due: dueOf(payment) } : null
  }
  const answerReference = given.reference ?? payment.answerReference
  if (step.to === 'COMPLETED') {
    const booking = { settlementDate: settlementDate(now, zone), postings: postingsOf(payment, payment) }
    const set = { answerReference, settlementDate: booking.settlementDate, settlement: 'PENDING' }
    return { event: { ...event, booking }, set, due: null }
  }
  const reason = given.reason ?? reasonAtEnd[step.to] ?? 'UNSPECIFIED'
  return { event: { ...event, reason }, set: { answerReference, reason }, due: null }
}

/** It could not be delivered at all, so nobody will answer: null unless it still waits to be. */
export function undeliverable(payment: Payment, now: Date): Move | null {
  const step = stepFrom(payment.status, 'UNDELIVERABLE')
  return step && { event: eventOf(payment, step, now, 'OFFLINE'), set: { reason: 'OFFLINE' }, due: null }
}

/** True when the counterparty has given this very answer before. */
export const isRepeated = ({ events }: Payment, { decision }: CounterpartyAnswer): boolean =>
  events.some(({ kind }) => kinds[decision].includes(kind))

/** Nobody can make a payment grow without end. */
const lateMessagesMax = 64

/** Steps that a message makes. What acknowledges depends on what was asked for. */
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
