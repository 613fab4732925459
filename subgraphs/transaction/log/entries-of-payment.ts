// Turns the events of a payment into entries of the log, before they get their positions. Pure.

import type { PaymentId, TransactionId } from '../../../schema/values/id.ts'
import type { LogEntry, LoggedPayment } from '../../log/entry.ts'
import type { Payment, PaymentEvent, Refund } from '../payment/payment.ts'

/** An entry that has no position yet. */
export type NewEntry = Omit<LogEntry, '_id'>

/** The fields of a payment from which its entries are made. */
export type PaymentWithEvents = Pick<Payment, (typeof fields)[number]>

const fields = [
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

/**
 * The MongoDB projection that reads a PaymentWithEvents, from a payment or from a document that holds one at
 * `prefix`.
 */
export const fieldsOfEntries = (prefix = ''): Record<string, 1> =>
  Object.fromEntries(fields.map((field) => [`${prefix}${field}`, 1]))

/** The entries of all events of a payment and of its refunds. */
export function entriesOf(payment: PaymentWithEvents): NewEntry[] {
  const logged = loggedPaymentOf(payment)
  return [
    ...payment.events.map((event) => entryOf(payment._id, event, logged)),
    ...payment.refunds.flatMap((refund) => entriesOfRefund(payment._id, refund, logged)),
  ]
}

export const entriesOfRefund = (payment: PaymentId, refund: Refund, logged: LoggedPayment): NewEntry[] =>
  refund.events.map((event) => ({
    ...entryOf(refund._id, event, { ...logged, reportingMinor: refund.reporting.minor }),
    refundOf: payment,
  }))

export const loggedPaymentOf = (payment: PaymentWithEvents): LoggedPayment => ({
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

export function entryOf(transaction: TransactionId, event: PaymentEvent, logged: LoggedPayment): NewEntry {
  const { sequence, kind, from, to, at, reason, booking } = event
  const isAnswer = kind === 'APPROVED' || kind === 'REFUSED'
  const payment = isAnswer ? { ...logged, authorizeMs: at.getTime() - logged.createdAt.getTime() } : logged
  return { transaction, sequence, kind, from, to, at, reason, payment, ...(booking && { booking }) }
}

/** Orders entries by time, and those of one transaction by sequence. */
export function byTime(a: NewEntry, b: NewEntry): number {
  const difference = a.at.getTime() - b.at.getTime()
  if (difference !== 0) return difference
  return a.transaction === b.transaction ? a.sequence - b.sequence : a.transaction < b.transaction ? -1 : 1
}
