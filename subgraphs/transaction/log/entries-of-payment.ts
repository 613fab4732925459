// What the log says of payments: from a payment's events to entries that have no position yet. Pure.
import type { LogEntry, LoggedPayment } from '../../log/entry.ts'
import type { Payment, PaymentEvent, Refund } from '../payment/payment.ts'
import type { PaymentId, TransactionId } from '../../../schema/values/id.ts'

/** An event that has no position yet. */
export type Unplaced = Omit<LogEntry, '_id'>

/** What entries are made of: the fields of a payment that are read for them. */
export type Logged = Pick<Payment, (typeof loggedFields)[number]>

const loggedFields = [
  '_id',
  'createdAt',
  'wallet',
  'acquirer',
  'merchant',
  'merchantCountry',
  'walletCountry',
  'corridor',
  'project',
  'direction',
  'mcc',
  'entryMode',
  'reporting',
  'events',
  'refunds',
] as const

/** Reads just these fields, of a payment or of a document that holds one at `prefix`. */
export const projectionOf = (prefix: string): Record<string, 1> =>
  Object.fromEntries(loggedFields.map((field) => [`${prefix}${field}`, 1]))

/** The entries of all events of a payment and of its refunds. */
export function entriesOf(payment: Logged): Unplaced[] {
  const facts = loggedPayment(payment)
  return [
    ...payment.events.map((event) => unplaced(payment._id, event, facts)),
    ...payment.refunds.flatMap((refund) => entriesOfRefund(payment._id, refund, facts)),
  ]
}

export const entriesOfRefund = (payment: PaymentId, refund: Refund, facts: LoggedPayment): Unplaced[] =>
  refund.events.map((event) => ({
    ...unplaced(refund._id, event, { ...facts, reportingMinor: refund.reporting.minor }),
    refundOf: payment,
  }))

export const loggedPayment = (payment: Logged): LoggedPayment => ({
  createdAt: payment.createdAt,
  wallet: payment.wallet,
  acquirer: payment.acquirer,
  merchant: payment.merchant,
  merchantCountry: payment.merchantCountry,
  walletCountry: payment.walletCountry,
  corridor: payment.corridor,
  project: payment.project,
  direction: payment.direction,
  mcc: payment.mcc,
  entryMode: payment.entryMode,
  reportingMinor: payment.reporting.minor,
  authorizeMs: null,
})

export function unplaced(transaction: TransactionId, event: PaymentEvent, facts: LoggedPayment): Unplaced {
  const { sequence, kind, from, to, at, reason, booking } = event
  const isAnswer = kind === 'APPROVED' || kind === 'REFUSED'
  const payment = isAnswer ? { ...facts, authorizeMs: at.getTime() - facts.createdAt.getTime() } : facts
  return { transaction, sequence, kind, from, to, at, reason, payment, ...(booking && { booking }) }
}

/** By time; within one transaction by sequence. */
export function inOrderOfTime(a: Unplaced, b: Unplaced): number {
  const byTime = a.at.getTime() - b.at.getTime()
  if (byTime !== 0) return byTime
  return a.transaction === b.transaction ? a.sequence - b.sequence : a.transaction < b.transaction ? -1 : 1
}
