// The life of a payment, as a table. The rules follow it, the reference page prints it, and a test tries
// every pair.

import type { StepKind, TransactionStatus } from '../../log/entry.ts'

export interface Transition {
  /** Null: the payment does not exist yet. */
  readonly from: TransactionStatus | null
  readonly on: StepKind
  readonly to: TransactionStatus
  /** Text for the reference page. */
  readonly means: string
}

export const transitions: readonly Transition[] = [
  { from: null, on: 'SUBMITTED', to: 'RECEIVED', means: 'the hub accepts the submission' },
  { from: 'RECEIVED', on: 'RULE_DECLINED', to: 'DECLINED', means: 'the hub’s rules decline the payment' },
  { from: 'RECEIVED', on: 'SENT', to: 'ROUTED', means: 'the hub sends the payment to the counterparty' },
  { from: 'ROUTED', on: 'APPROVED', to: 'COMPLETED', means: 'the counterparty approves' },
  { from: 'ROUTED', on: 'REFUSED', to: 'DECLINED', means: 'the counterparty declines, with a reason' },
  {
    from: 'ROUTED',
    on: 'UNDELIVERABLE',
    to: 'FAILED',
    means: 'the payment cannot be delivered to the counterparty',
  },
  { from: 'ROUTED', on: 'TIMED_OUT', to: 'IN_DOUBT', means: 'the deadline passes with no answer' },
  { from: 'IN_DOUBT', on: 'INQUIRED', to: 'IN_DOUBT', means: 'the hub sends an inquiry' },
  { from: 'IN_DOUBT', on: 'APPROVED', to: 'COMPLETED', means: 'the inquiry is answered: approved' },
  { from: 'IN_DOUBT', on: 'REFUSED', to: 'DECLINED', means: 'the inquiry is answered: declined' },
  { from: 'IN_DOUBT', on: 'NEVER_SEEN', to: 'EXPIRED', means: 'the inquiry is answered: never seen' },
  { from: 'IN_DOUBT', on: 'REVERSAL_STARTED', to: 'REVERSING', means: 'the last inquiry was not answered' },
  { from: 'REVERSING', on: 'REVERSAL_RETRIED', to: 'REVERSING', means: 'the hub sends the reversal again' },
  { from: 'REVERSING', on: 'REVERSAL_ACKNOWLEDGED', to: 'REVERSED', means: 'the counterparty acknowledges' },
  { from: 'RECEIVED', on: 'CANCEL_REQUESTED', to: 'CANCELLING', means: 'the wallet cancels' },
  { from: 'ROUTED', on: 'CANCEL_REQUESTED', to: 'CANCELLING', means: 'the wallet cancels' },
  { from: 'IN_DOUBT', on: 'CANCEL_REQUESTED', to: 'CANCELLING', means: 'the wallet cancels' },
  {
    from: 'COMPLETED',
    on: 'CANCEL_REQUESTED',
    to: 'CANCELLING',
    means: 'the wallet cancels before the cut-off, and no refund was made',
  },
  {
    from: 'CANCELLING',
    on: 'CANCEL_RETRIED',
    to: 'CANCELLING',
    means: 'the hub sends the cancellation again',
  },
  { from: 'CANCELLING', on: 'CANCEL_ACKNOWLEDGED', to: 'CANCELLED', means: 'the counterparty acknowledges' },
  { from: 'COMPLETED', on: 'REFUNDED', to: 'COMPLETED', means: 'part or all of the payment is refunded' },
]

/** Answers of a counterparty. A late or repeated one is kept as a LATE_MESSAGE and changes no status. */
const answers: ReadonlySet<StepKind> = new Set<StepKind>([
  'APPROVED',
  'REFUSED',
  'NEVER_SEEN',
  'REVERSAL_ACKNOWLEDGED',
  'CANCEL_ACKNOWLEDGED',
])

const targets = new Map(transitions.map(({ from, on, to }) => [`${from}/${on}`, to]))

export interface LifecycleStep {
  readonly kind: StepKind
  readonly to: TransactionStatus
}

/**
 * Returns the step that `kind` makes from the status `from`: a LATE_MESSAGE when an answer changes nothing,
 * null when `kind` cannot happen there.
 */
export function stepFrom(from: TransactionStatus | null, kind: StepKind): LifecycleStep | null {
  const to = targets.get(`${from}/${kind}`)
  if (to !== undefined) return { kind, to }
  return from !== null && answers.has(kind) ? { kind: 'LATE_MESSAGE', to: from } : null
}

export type Outcome = 'PENDING' | 'SUCCEEDED' | 'FAILED' | 'CANCELLED'

/** The coarse view of a status for wallets. REVERSING counts as FAILED: the merchant will not be paid. */
export const outcomes: Readonly<Record<TransactionStatus, Outcome>> = {
  RECEIVED: 'PENDING',
  ROUTED: 'PENDING',
  IN_DOUBT: 'PENDING',
  COMPLETED: 'SUCCEEDED',
  DECLINED: 'FAILED',
  FAILED: 'FAILED',
  EXPIRED: 'FAILED',
  REVERSING: 'FAILED',
  REVERSED: 'FAILED',
  CANCELLING: 'CANCELLED',
  CANCELLED: 'CANCELLED',
}

/**
 * The statuses that no transition leads out of; a payment with one of them was not paid. COMPLETED is not
 * final: refunds may follow.
 */
export const finalStatuses: readonly TransactionStatus[] = (
  Object.keys(outcomes) as TransactionStatus[]
).filter((status) => !transitions.some(({ from }) => from === status))

export const isFinal = (status: TransactionStatus): boolean => finalStatuses.includes(status)

/** Every kind of step, as a set of names. */
export const stepKinds: Readonly<Record<string, true>> = Object.fromEntries(
  [...transitions.map(({ on }) => on), 'LATE_MESSAGE'].map((kind) => [kind, true]),
)
