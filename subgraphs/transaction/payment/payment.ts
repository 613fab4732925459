// A payment with its refunds, as MongoDB stores it, and the moves that change one. The rules that make
// moves are in submit.ts, answer.ts, timeout.ts, cancel.ts and refund.ts.

import type {
  ParticipantId,
  PaymentId,
  PresentedCodeId,
  QuoteId,
  RefundId,
  SettlementBatchId,
  UsedKeyId,
} from '../../../schema/values/id.ts'
import type { Money } from '../../../schema/values/money.ts'
import type { ReasonCode } from '../../../schema/values/reasons.ts'
import type { Booking, StepKind, TransactionStatus } from '../../log/entry.ts'
import type { UsedKey } from '../../shared/idempotency-key.ts'
import type { PaymentTerms } from '../price/quote.ts'
import type { AccountToken } from './commands.ts'
import type { LifecycleStep } from './lifecycle.ts'

/** One event in the life of a transaction. */
export interface PaymentEvent {
  /** Number within the transaction: 1, 2, 3 … */
  readonly sequence: number
  readonly at: Date
  readonly kind: StepKind
  readonly from: TransactionStatus | null
  readonly to: TransactionStatus
  readonly reason: ReasonCode | null
  /** The reason in the caller's own words. */
  readonly note?: string
  /** Left out when no money moves. */
  readonly booking?: Booking
  /** Name of the write that added the event, by which the outcome of that write can be read. */
  readonly write?: string
}

interface PaymentFacts extends PaymentTerms {
  /** UUID version 7 of `createdAt`. */
  readonly _id: PaymentId
  readonly createdAt: Date
  readonly updatedAt: Date
  /** Number of the latest event. */
  readonly sequence: number
  readonly wallet: ParticipantId
  /** The participant that answers: the acquirer, or the wallet when the merchant scanned. */
  readonly counterparty: ParticipantId
  /** The wallet's own number for the payment. */
  readonly reference: string
  /** Retrieval reference number, 12 digits. */
  readonly rrn: string
  /** Left out when the submission was priced without a quote. */
  readonly quote?: QuoteId
  /** Left out when the wallet scanned. */
  readonly presentedCode?: PresentedCodeId
  /** Terminal that scanned the presented code. */
  readonly terminal?: string
  /** Pseudonym of the payer. */
  readonly customer: string | null
  /** Left out without a customer. */
  readonly customerDay?: CustomerDay
  readonly token: AccountToken | null
  /** Deadline of the counterparty's answer. */
  readonly respondBy: Date
  /** The counterparty's own number; null until it has answered. */
  readonly answerReference: string | null
  /** Sum of all refunds, in the merchant's currency. */
  readonly refunded: Money
  /** Oldest first. */
  readonly refunds: readonly Refund[]
  /** Oldest first; `events[n].sequence` is n + 1. */
  readonly events: readonly PaymentEvent[]
  readonly keys: readonly UsedKey[]
}

/** A payment's place in its customer's day, whose limit it uses until it ends unpaid. */
export interface CustomerDay {
  /** "SG-CN/2026-03-01/wallet-sg-01/customer". */
  readonly id: string
  /** 1, 2, 3 …, each once a day. */
  readonly number: number
  /** What the payment uses, in minor units of the limit's currency. */
  readonly minor: bigint
}

/** A payment on which the hub still acts, next at `due`. */
interface OpenPayment {
  readonly status: 'RECEIVED' | 'ROUTED' | 'IN_DOUBT' | 'REVERSING' | 'CANCELLING'
  readonly due: Date
  /** Present once the payment is reversed or cancelled. */
  readonly reason?: ReasonCode
}
interface CompletedPayment {
  readonly status: 'COMPLETED'
  /** Date in the corridor's zone: "2026-03-01". */
  readonly settlementDate: string
  readonly settlement: SettlementStatus
  /** Present once SETTLED. */
  readonly batch?: SettlementBatchId
}
interface EndedPayment {
  readonly status: 'DECLINED' | 'FAILED' | 'EXPIRED' | 'REVERSED' | 'CANCELLED'
  readonly reason: ReasonCode
}

export type SettlementStatus = 'PENDING' | 'SETTLED'

/** A document of the collection `payments`: a payment with its whole life. */
export type Payment = PaymentFacts & (OpenPayment | CompletedPayment | EndedPayment)

/** A refund, stored inside its payment. */
export interface Refund {
  /** UUID version 7. */
  readonly _id: RefundId
  readonly status: TransactionStatus
  readonly sequence: number
  readonly createdAt: Date
  readonly updatedAt: Date
  /** Amount that the merchant pays back. */
  readonly merchantAmount: Money
  /** Amount that the payer receives back. */
  readonly payerAmount: Money
  readonly reporting: Money
  readonly settlementDate: string
  readonly settlement: SettlementStatus
  /** Present once SETTLED. */
  readonly batch?: SettlementBatchId
  /** Id of the idempotency key of the refund. */
  readonly key: UsedKeyId
  readonly reason: ReasonCode | null
  readonly events: readonly PaymentEvent[]
}

/**
 * A change of a payment by one event. It is written only if the payment has not changed since the rule read
 * it.
 */
export interface Move {
  readonly event: PaymentEvent
  /** Fields that change besides status, sequence and events. */
  readonly set: Readonly<Record<string, unknown>>
  /** Time at which the hub acts next; null for never. */
  readonly due: Date | null
  /** Idempotency key of the operation, if it has one. */
  readonly key?: UsedKey
  /** The refund that the move adds. */
  readonly refund?: Refund
}

/** Returns the payment after a move, equal to the document after the store's write. */
export function applyMove(payment: Payment, { event, set, due, key, refund }: Move): Payment {
  const { sequence, at: updatedAt, to: status } = event
  const after = {
    ...payment,
    ...set,
    status,
    sequence,
    updatedAt,
    events: [...payment.events, event],
    ...(key && { keys: [...payment.keys, key] }),
    ...(refund && { refunds: [...payment.refunds, refund] }),
    due: due ?? undefined,
  }
  if (!due) delete after.due
  return after as Payment
}

/** Creates the payment's next event, by `step`. */
export const eventOf = (
  payment: Payment,
  step: LifecycleStep,
  at: Date,
  reason: ReasonCode | null = null,
): PaymentEvent => ({
  sequence: payment.sequence + 1,
  // The clocks of two processes differ, but the events of a payment keep their order.
  at: at < payment.updatedAt ? payment.updatedAt : at,
  ...step,
  from: payment.status,
  reason,
})

export const dueOf = (payment: Payment): Date | null => ('due' in payment ? payment.due : null)

/** The participant that answers: the acquirer, or the wallet when the merchant scanned the payer's code. */
export const counterpartyOf = (
  terms: Pick<PaymentTerms, 'entryMode' | 'acquirer'>,
  wallet: ParticipantId,
): ParticipantId => (terms.entryMode === 'CPM' ? wallet : terms.acquirer)

/** Time at which the payment completed; null when it never did. */
export const completedAt = ({ events }: Payment): Date | null =>
  events.find(({ to, from }) => to === 'COMPLETED' && from !== 'COMPLETED')?.at ?? null
