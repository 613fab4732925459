// A log that tests book into without paying: payments, refunds and cancellations on dates of their choice, at dense positions,
// and the payments that they are of.

import type { Db } from 'mongodb'
import { money } from '../../../../schema/values/money.ts'
import type { ReasonCode } from '../../../../schema/values/reasons.ts'
import {
  batchOf,
  logOf,
  type Booking,
  type LogEntry,
  type Posting,
  type StepKind,
} from '../../../../subgraphs/log.ts'
import type { Payment } from '../../../../subgraphs/transaction/life/payment.ts'
import { negated, postingsOf, refundPostings } from '../../../../subgraphs/transaction/life/posting.ts'
import { aReference, noon } from '../world.ts'
import { noteBookings } from './note.ts'

export interface Sale {
  readonly date: string
  readonly wallet?: string
  readonly acquirer?: string
  /** In fen. */
  readonly minor?: bigint
  readonly reference?: string
}

/** What was booked: the id that its row has, and its postings. */
export interface BookedEntry {
  readonly position: bigint
  readonly id: string
  readonly kind: 'PAYMENT' | 'REFUND' | 'CANCELLATION'
  readonly booking: Booking
}

type Kept = Pick<
  Payment,
  'wallet' | 'acquirer' | 'merchantAmount' | 'payerAmount' | 'fee' | 'rate' | 'merchant' | 'corridor'
> & { readonly _id: string; readonly refunds: { _id: string; settlement: string }[] }

export class Ledger {
  readonly db: Db
  readonly entries: LogEntry[] = []
  readonly booked: BookedEntry[] = []
  readonly payments: Kept[] = []
  private refunds = 0

  constructor(db: Db) {
    this.db = db
  }

  async pay({
    date,
    wallet = 'wallet-sg-01',
    acquirer = 'acquirer-cn-01',
    minor = 88_50n,
    reference,
  }: Sale): Promise<string> {
    const n = this.payments.length + 1
    const payment: Kept & Record<string, unknown> = {
      _id: `0199${n.toString(16).padStart(4, '0')}-0000-7000-8000-000000000000`,
      wallet,
      acquirer,
      merchant: `${acquirer}.M1`,
      corridor: 'SG-CN',
      rrn: String(n).padStart(12, '0'),
      reference: reference ?? `number ${n}`,
      merchantAmount: money(minor, 'CNY'),
      payerAmount: money((minor * 19n) / 100n + 7n, 'SGD'),
      fee: money(minor > 200_00n ? 5n : 0n, 'SGD'),
      rate: { source: 'SGD', target: 'CNY', value: '5.52', mid: '5.55', markupBasisPoints: 50, asOf: noon },
      settlementDate: date,
      settlement: 'PENDING',
      refunds: [],
    }
    this.payments.push(payment)
    await this.db.collection('payments').insertOne(payment as never)
    await this.book(payment, payment._id, 'PAYMENT', 'APPROVED', {
      settlementDate: date,
      postings: postingsOf(payment, payment),
    })
    return payment._id
  }

  /** Gives half of a payment back. */
  async refund(of: string, date: string): Promise<string> {
    const payment = this.payments.find(({ _id }) => _id === of)!
    const id = `refund-${++this.refunds}`
    const half = money(payment.merchantAmount.minor / 2n, 'CNY')
    await this.db
      .collection('payments')
      .updateOne({ _id: of as never }, { $push: { refunds: { _id: id, settlement: 'PENDING' } } as never })
    await this.book(payment, id, 'REFUND', 'REFUNDED', {
      settlementDate: date,
      postings: refundPostings(payment, payment, money(0n, 'CNY'), half),
    })
    return id
  }

  async cancel(of: string, date: string): Promise<void> {
    const payment = this.payments.find(({ _id }) => _id === of)!
    await this.book(payment, of, 'CANCELLATION', 'CANCEL_REQUESTED', {
      settlementDate: date,
      postings: postingsOf(payment, payment).map(negated),
    })
  }

  async decline(of: string, reason: ReasonCode): Promise<void> {
    const payment = this.payments.find(({ _id }) => _id === of)!
    await this.append(payment, of, 'REFUSED', reason)
  }

  /** As the reader of the log does. */
  note(): Promise<void> {
    return noteBookings(this.db, aReference())
  }

  private async book(of: Kept, id: string, kind: BookedEntry['kind'], step: StepKind, booking: Booking) {
    const position = await this.append(of, id, step, null, booking)
    this.booked.push({ position, id, kind, booking })
  }

  private async append(
    payment: Kept,
    transaction: string,
    kind: StepKind,
    reason: ReasonCode | null,
    booking?: Booking,
  ): Promise<bigint> {
    const _id = BigInt(this.entries.length + 1)
    const isRefund = kind === 'REFUNDED'
    const entry: LogEntry = {
      _id,
      transaction,
      sequence: this.entries.filter((one) => one.transaction === transaction).length + 1,
      kind,
      from: isRefund ? null : kind === 'CANCEL_REQUESTED' ? 'COMPLETED' : 'ROUTED',
      to: isRefund || kind === 'APPROVED' ? 'COMPLETED' : kind === 'REFUSED' ? 'DECLINED' : 'CANCELLING',
      at: noon,
      reason,
      payment: {
        createdAt: noon,
        wallet: payment.wallet,
        acquirer: payment.acquirer,
        merchant: payment.merchant,
        merchantCountry: 'CN',
        walletCountry: 'SG',
        corridor: payment.corridor,
        project: null,
        direction: 'INBOUND',
        mcc: '5812',
        entryMode: 'MPM_STATIC',
        reportingMinor: payment.merchantAmount.minor,
        authorizeMs: null,
      },
      ...(isRefund && { refundOf: payment._id }),
      ...(booking && { booking }),
    }
    this.entries.push(entry)
    await logOf(this.db).insertOne(batchOf([entry]))
    return _id
  }
}

/** By "participant/currency": what postings sum up to, without zeros. */
export function sumsOf(postings: Iterable<Posting>): Map<string, bigint> {
  const sums = new Map<string, bigint>()
  for (const { participant, currency, minor } of postings) {
    const name = `${participant}/${currency}`
    sums.set(name, (sums.get(name) ?? 0n) + minor)
  }
  for (const [name, sum] of sums) if (sum === 0n) sums.delete(name)
  return sums
}
