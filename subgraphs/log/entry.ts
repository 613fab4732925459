// The vocabulary of the transaction log: entries, and the batches in which they are stored.

import type { Currency } from '../../schema/values/currency.ts'
import type { Direction } from '../../schema/values/direction.ts'
import type { EntryMode } from '../../schema/values/entry-mode.ts'
import type {
  CorridorId,
  MerchantId,
  ParticipantId,
  PaymentId,
  ProjectId,
  TransactionId,
} from '../../schema/values/id.ts'
import type { ReasonCode } from '../../schema/values/reasons.ts'

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

/** LIQUIDITY exchanges one currency for the other; SPREAD receives the mark-up and what rounding leaves. */
export type Account = 'WALLET' | 'ACQUIRER' | 'FEE' | 'LIQUIDITY' | 'SPREAD'

/** One leg of a double entry. Per currency, the postings of one event sum to zero. */
export interface Posting {
  readonly account: Account
  /** Id of the participant whose account it is. */
  readonly participant: ParticipantId
  readonly currency: Currency
  /** In minor units. Positive: owed to the participant (credit); negative: owed by it (debit). Never zero. */
  readonly minor: bigint
}

/** The postings of an event that moves money. */
export interface Booking {
  /** Date of the event in the corridor's zone: "2026-03-01". */
  readonly settlementDate: string
  readonly postings: readonly Posting[]
}

/** The fields of the payment in every entry, so that projections need no other source. */
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
  /** Reporting value: the payment's value in CNY, in fen. */
  readonly reportingMinor: bigint
  /** Milliseconds from submission to the counterparty's answer; null in entries of other events. */
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
  /** Id of the refunded payment; left out in entries of a payment. */
  readonly refundOf?: PaymentId
  /** Left out where no money moves. */
  readonly booking?: Booking
}

/** A document of the collection `log`: entries that were appended together, at consecutive positions. */
export interface LogBatch {
  /**
   * Position of the first entry. It is unique, so of two concurrent appends after the same entry one fails.
   */
  readonly _id: bigint
  /** Position of the last entry. */
  readonly last: bigint
  readonly entries: readonly LogEntry[]
  /**
   * Resume token: the log contains every change of `payments` before it. Left out where the sequencer has
   * none.
   */
  readonly token?: unknown
}

/** Returns the id of an entry's payment; for an entry of a refund, of the refunded payment. */
export const paymentIdOf = ({ transaction, refundOf }: LogEntry): PaymentId =>
  refundOf ?? (transaction as PaymentId)
