// A payment with its refunds, as it is kept, and what one step of its life is. What moves one is in the files beside this:
// submission.ts, answer.ts, due.ts, cancel.ts, refund.ts.

import type { Money } from '../../../schema/values/money.ts'
import type { ReasonCode } from '../../../schema/values/reasons.ts'
import type { UsedKey } from '../../shared/idempotency-key.ts'
import type { Booking, StepKind, TransactionStatus } from '../../log/entry.ts'
import type { AccountToken } from './commands.ts'
import type { Step } from './lifecycle.ts'
import type { Terms } from '../price/quote.ts'
import type {
  ParticipantId,
  PaymentId,
  PresentedCodeId,
  QuoteId,
  RefundId,
  SettlementBatchId,
} from '../../../schema/values/id.ts'

/** One event of a transaction's life. */
export interface PaymentEvent {
  /** 1, 2, 3 … within the transaction. */
  readonly sequence: number
  readonly at: Date
  readonly kind: StepKind
  readonly from: TransactionStatus | null
  readonly to: TransactionStatus
  readonly reason: ReasonCode | null
  /** What the caller gave as its reason, in its own words. */
  readonly note?: string
  /** Left out where no money moves. */
  readonly booking?: Booking
  /** Names the one write that added it, so that its outcome can be looked up. */
  readonly write?: string
}

interface PaymentFacts extends Terms {
  /** UUID version 7 of `createdAt`. */
  readonly _id: PaymentId
  readonly createdAt: Date
  readonly updatedAt: Date
  /** Number of the latest event. */
  readonly sequence: number
  readonly wallet: ParticipantId
  /** Id of the participant whose answer it takes: the acquirer, or the wallet where the merchant scanned. */
  readonly counterparty: ParticipantId
  /** The wallet's own number. */
  readonly reference: string
  /** 12 digits. */
  readonly rrn: string
  /** Left out when it was quoted and paid in one step. */
  readonly quote?: QuoteId
  /** Id of the code that the payer presented; left out where the wallet scanned. */
  readonly presentedCode?: PresentedCodeId
  /** The terminal that scanned it. */
  readonly terminal?: string
  /** Pseudonym of the payer. */
  readonly customer: string | null
  /** Id of the customer's day that the payment counts in; left out where no customer is named. */
  readonly customerDay?: string
  readonly token: AccountToken | null
  /** When the hub stops waiting for the counterparty's answer. */
  readonly respondBy: Date
  /** The counterparty's own number, once it has answered. */
  readonly answerReference: string | null
  /** Given back so far, in the merchant's currency. */
  readonly refunded: Money
  /** Oldest first. */
  readonly refunds: readonly Refund[]
  /** Oldest first; `events[n].sequence` is n + 1. */
  readonly events: readonly PaymentEvent[]
  readonly keys: readonly UsedKey[]
}

/** Something is still to come, and the hub acts when it is `due`. */
interface Open {
  readonly status: 'RECEIVED' | 'ROUTED' | 'IN_DOUBT' | 'REVERSING' | 'CANCELLING'
  readonly due: Date
  /** Once the hub or the wallet undoes it. */
  readonly reason?: ReasonCode
}
interface Completed {
  readonly status: 'COMPLETED'
  /** In the corridor's zone: "2026-03-01". */
  readonly settlementDate: string
  readonly settlement: SettlementStatus
  /** Id of the settlement batch, once it is SETTLED. */
  readonly batch?: SettlementBatchId
}
interface Ended {
  readonly status: 'DECLINED' | 'FAILED' | 'EXPIRED' | 'REVERSED' | 'CANCELLED'
  readonly reason: ReasonCode
}

export type SettlementStatus = 'PENDING' | 'SETTLED'

/** A document of the collection `payments`: a payment with its whole life. */
export type Payment = PaymentFacts & (Open | Completed | Ended)

/** A refund, kept in the payment that it gives back. */
export interface Refund {
  /** UUID version 7. */
  readonly _id: RefundId
  readonly status: TransactionStatus
  readonly sequence: number
  readonly createdAt: Date
  readonly updatedAt: Date
  /** What the merchant gives back. */
  readonly merchantAmount: Money
  /** What the payer gets back. */
  readonly payerAmount: Money
  readonly reporting: Money
  readonly settlementDate: string
  readonly settlement: SettlementStatus
  /** Id of the settlement batch, once it is SETTLED. */
  readonly batch?: SettlementBatchId
  /** Id of the key that asked for it. */
  readonly key: string
  readonly reason: ReasonCode | null
  readonly events: readonly PaymentEvent[]
}

/** One step of a payment's life, to be written if the payment still is where the rule saw it. */
export interface Move {
  readonly event: PaymentEvent
  /** What changes beside status, sequence and events. */
  readonly set: Readonly<Record<string, unknown>>
  /** When the hub has to act next; null when it need not. */
  readonly due: Date | null
  /** The key under which it was asked for, where one was. */
  readonly key?: UsedKey
  /** A refund that it makes. */
  readonly refund?: Refund
}

/** The payment after `move`: what the store's write makes of it. */
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

/** The event of `step`, as the payment's next one. */
export const eventOf = (
  payment: Payment,
  step: Step,
  at: Date,
  reason: ReasonCode | null = null,
): PaymentEvent => ({
  sequence: payment.sequence + 1,
  // Clocks of two processes differ: a payment's own events keep their order all the same.
  at: at < payment.updatedAt ? payment.updatedAt : at,
  ...step,
  from: payment.status,
  reason,
})

export const dueOf = (payment: Payment): Date | null => ('due' in payment ? payment.due : null)

/** The participant that approves: where the merchant scanned the payer's code, that is the wallet. */
export const counterpartyOf = (
  terms: Pick<Terms, 'entryMode' | 'acquirer'>,
  wallet: ParticipantId,
): string => (terms.entryMode === 'CPM' ? wallet : terms.acquirer)

/** When the payment completed; null when it has not. */
export const completedAt = ({ events }: Payment): Date | null =>
  events.find(({ to, from }) => to === 'COMPLETED' && from !== 'COMPLETED')?.at ?? null
