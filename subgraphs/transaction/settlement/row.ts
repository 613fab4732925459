// One transaction of a batch, as a row of its files. Pure.

import type { Currency } from '../../../schema/values/currency.ts'
import { money, type Money } from '../../../schema/values/money.ts'
import type { ReasonCode } from '../../../schema/values/reasons.ts'
import type { Payment } from '../payment/payment.ts'
import type { Account } from '../../log/entry.ts'
import type { BookedTransaction, BookedKind } from './bookings.ts'
import type {
  CorridorId,
  MerchantId,
  ParticipantId,
  PaymentId,
  TransactionId,
} from '../../../schema/values/id.ts'

export interface Row {
  readonly kind: Exclude<BookedKind, 'DECLINE'>
  readonly id: TransactionId
  readonly payment: PaymentId
  /** 12 digits. */
  readonly rrn: string
  /** The wallet’s own number for the payment. */
  readonly reference: string
  readonly at: Date
  readonly settlementDate: string
  readonly corridor: CorridorId
  readonly wallet: ParticipantId
  readonly acquirer: ParticipantId
  readonly merchant: MerchantId
  /** The amount for the merchant; negative where it is returned. */
  readonly merchantAmount: Money
  /** The payer’s amount, fee included; negative where it is returned. */
  readonly payerAmount: Money
  /** In the payer's currency. */
  readonly fee: Money
  /**
   * The price of one unit of the payer’s currency in the merchant’s currency; null when both are the same.
   */
  readonly rate: string | null
  /** The payment completed and was cancelled in the same batch: two rows that cancel out. */
  readonly isCancelledOut: boolean
}

export interface DeclineRow {
  readonly payment: PaymentId
  readonly reference: string
  readonly at: Date
  readonly reason: ReasonCode
}

/** The fields of a payment that its rows need and the log does not hold. */
export type PaymentFields = Pick<
  Payment,
  '_id' | 'rrn' | 'reference' | 'merchantAmount' | 'payerAmount' | 'rate'
>

export const rowFields = { rrn: 1, reference: 1, merchantAmount: 1, payerAmount: 1, rate: 1 } as const

/** Makes a row from the booked amounts, so that all rows of a batch sum up to its net amounts. */
export function rowOf(
  booking: BookedTransaction,
  payment: PaymentFields,
  cancelledOut: ReadonlySet<PaymentId>,
): Row {
  const { kind, transaction, at, settlementDate, corridor, wallet, acquirer, merchant } = booking
  if (kind === 'DECLINE') throw new TypeError(`a decline moves no money: ${transaction}`)
  const payerCurrency = payment.payerAmount.currency
  return {
    kind,
    id: transaction,
    payment: payment._id,
    rrn: payment.rrn,
    reference: payment.reference,
    at,
    settlementDate,
    corridor,
    wallet,
    acquirer,
    merchant,
    merchantAmount: sumOf(booking, 'ACQUIRER', payment.merchantAmount.currency),
    payerAmount: money(-sumOf(booking, 'WALLET', payerCurrency).minor, payerCurrency),
    fee: sumOf(booking, 'FEE', payerCurrency),
    rate: payment.rate?.value ?? null,
    isCancelledOut: kind !== 'REFUND' && cancelledOut.has(payment._id),
  }
}

export const declineRowOf = (
  { payment, at, reason }: BookedTransaction,
  { reference }: PaymentFields,
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
