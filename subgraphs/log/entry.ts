// The vocabulary of the transaction log: entries, and the batches in which they are stored.

import type { Currency } from '../../schema/values/currency.ts'
import type { Direction } from '../../schema/values/direction.ts'
import type { EntryMode } from '../../schema/values/entry-mode.ts'
import type { ReasonCode } from '../../schema/values/reasons.ts'
import type {
  CorridorId,
  MerchantId,
  ParticipantId,
  PaymentId,
  ProjectId,
  TransactionId,
} from '../../schema/values/id.ts'

export type TransactionStatus =
  | 'RECEIVED'
  | 'ROUTED'
  | 'COMPLETED'
  | 'DECLINED'
  | 'FAILED'
  | 'IN_DOUBT'
  | 'EXPIRED'
  | 'REVERSING'
  | 'REVERSED'
  | 'CANCELLING'
  | 'CANCELLED'

export type StepKind =
  | 'SUBMITTED'
  | 'RULE_DECLINED'
  | 'SENT'
  | 'APPROVED'
  | 'REFUSED'
  | 'UNDELIVERABLE'
  | 'TIMED_OUT'
  | 'INQUIRED'
  | 'NEVER_SEEN'
  | 'REVERSAL_STARTED'
  | 'REVERSAL_RETRIED'
  | 'REVERSAL_ACKNOWLEDGED'
  | 'CANCEL_REQUESTED'
  | 'CANCEL_RETRIED'
  | 'CANCEL_ACKNOWLEDGED'
  | 'REFUNDED'
  | 'LATE_MESSAGE'

/** LIQUIDITY changes one currency into the other; SPREAD is what the mark-up and rounding leave there. */
export type Account = 'WALLET' | 'ACQUIRER' | 'FEE' | 'LIQUIDITY' | 'SPREAD'

/** One leg of a double entry. Per currency, the postings of one event sum to zero. */
export interface Posting {
  readonly account: Account
  /** Id of the participant whose account it is. */
  readonly participant: ParticipantId
  readonly currency: Currency
  /** In minor units. Positive: it is owed this (credit); negative: it owes this (debit). Never zero. */
  readonly minor: bigint
}

/** What an event that moves money puts into the books. */
export interface Booking {
  /** In the corridor's zone, when it happened: "2026-03-01". */
  readonly settlementDate: string
  readonly postings: readonly Posting[]
}

/** What every entry says about the payment, so that a reader of the log needs nothing else. */
export interface LoggedPayment {
  readonly createdAt: Date
  readonly wallet: ParticipantId
  readonly acquirer: ParticipantId
  readonly merchant: MerchantId
  readonly merchantCountry: string
  readonly walletCountry: string
  readonly corridor: CorridorId
  readonly project: ProjectId | null
  readonly direction: Direction
  /** ISO 18245. */
  readonly mcc: string
  readonly entryMode: EntryMode
  /** Value in CNY, in fen. */
  readonly reportingMinor: bigint
  /** From submission to the counterparty's answer; null in every entry that is not such an answer. */
  readonly authorizeMs: number | null
}

export interface LogEntry {
  /** Position: 1, 2, 3 … with no gap. */
  readonly _id: bigint
  /** Id of the payment or refund. */
  readonly transaction: TransactionId
  /** 1, 2, 3 … within the transaction. */
  readonly sequence: number
  readonly kind: StepKind
  readonly from: TransactionStatus | null
  readonly to: TransactionStatus
  /** By the hub's clock. */
  readonly at: Date
  readonly reason: ReasonCode | null
  readonly payment: LoggedPayment
  /** Id of the payment, in the entries of a refund; left out in those of a payment. */
  readonly refundOf?: PaymentId
  /** Left out where no money moves. */
  readonly booking?: Booking
}

/** A document of the collection `log`: entries that were appended together, at positions that follow one another. */
export interface LogBatch {
  /** Position of the first entry. It is unique, so of two who append after the same entry one does. */
  readonly _id: bigint
  /** Position of the last entry. */
  readonly last: bigint
  readonly entries: readonly LogEntry[]
  /** Everything that changed in `payments` before this is in the log; left out where that is not known. */
  readonly token?: unknown
}

/** The payment of an entry: its transaction, or the payment that its refund gives back. */
export const paymentIdOf = ({ transaction, refundOf }: LogEntry): PaymentId =>
  refundOf ?? (transaction as PaymentId)
