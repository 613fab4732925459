// One transaction of a batch, as its files tell it. Pure.

import type { Currency } from '../../../schema/values/currency.ts'
import { money, type Money } from '../../../schema/values/money.ts'
import type { ReasonCode } from '../../../schema/values/reasons.ts'
import type { Payment } from '../payment/payment.ts'
import type { Account } from '../../log/entry.ts'
import type { BookedTransaction, BookedKind } from './bookings.ts'
import type { CorridorId, MerchantId, ParticipantId, PaymentId } from '../../../schema/values/id.ts'

export interface Row {
  readonly kind: Exclude<BookedKind, 'DECLINE'>
  /** Id of the payment or refund. */
  readonly id: string
  readonly payment: PaymentId
  /** 12 digits. */
  readonly rrn: string
  /** The wallet's own number. */
  readonly reference: string
  readonly at: Date
  readonly settlementDate: string
  readonly corridor: CorridorId
  readonly wallet: ParticipantId
  readonly acquirer: ParticipantId
  readonly merchant: MerchantId
  /** What the merchant gets; negative where it gives back. */
  readonly merchantAmount: Money
  /** What the payer spends, fee included; negative where it gets back. */
  readonly payerAmount: Money
  /** In the payer's currency. */
  readonly fee: Money
  /** One unit of the payer's currency in the merchant's; null when no currency changed. */
  readonly rate: string | null
  /** The payment completed and was taken back in the same batch: two rows that cancel out. */
  readonly isCancelledOut: boolean
}

export interface DeclineRow {
  readonly payment: PaymentId
  readonly reference: string
  readonly at: Date
  readonly reason: ReasonCode
}

/** What rows need of a payment that the log does not say. */
export type RowFacts = Pick<Payment, '_id' | 'rrn' | 'reference' | 'merchantAmount' | 'payerAmount' | 'rate'>

export const rowFields = { rrn: 1, reference: 1, merchantAmount: 1, payerAmount: 1, rate: 1 } as const

/** Amounts are what was booked, so that the rows sum up to the net. */
export function rowOf(booked: BookedTransaction, facts: RowFacts, cancelledOut: ReadonlySet<string>): Row {
  const { kind, transaction, payment, at, settlementDate, corridor, wallet, acquirer, merchant } = booked
  if (kind === 'DECLINE') throw new TypeError(`a decline moves no money: ${transaction}`)
  const payerCurrency = facts.payerAmount.currency
  return {
    kind,
    id: transaction,
    payment,
    rrn: facts.rrn,
    reference: facts.reference,
    at,
    settlementDate,
    corridor,
    wallet,
    acquirer,
    merchant,
    merchantAmount: sumOf(booked, 'ACQUIRER', facts.merchantAmount.currency),
    payerAmount: money(-sumOf(booked, 'WALLET', payerCurrency).minor, payerCurrency),
    fee: sumOf(booked, 'FEE', payerCurrency),
    rate: facts.rate?.value ?? null,
    isCancelledOut: kind !== 'REFUND' && cancelledOut.has(payment),
  }
}

export const declineRowOf = (
  { payment, at, reason }: BookedTransaction,
  { reference }: RowFacts,
): DeclineRow => ({
  payment,
  reference,
  at,
  reason: reason ?? 'UNSPECIFIED',
})

function sumOf({ postings, transaction }: BookedTransaction, account: Account, currency: Currency): Money {
  let minor = 0n
  for (const posting of postings) {
    if (posting.account !== account) continue
    if (posting.currency !== currency) {
      throw new TypeError(`${transaction}: ${account} is booked in ${posting.currency}, not in ${currency}`)
    }
    minor += posting.minor
  }
  return money(minor, currency)
}
