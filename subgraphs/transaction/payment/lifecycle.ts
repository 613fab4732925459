// The life of a payment, as a table. The rules move along it, the reference page prints it, a test tries every pair.
import type { StepKind, TransactionStatus } from '../../log/entry.ts'

export interface Transition {
  /** Null: it does not exist yet. */
  readonly from: TransactionStatus | null
  readonly on: StepKind
  readonly to: TransactionStatus
  /** What happens, for people. */
  readonly means: string
}

export const transitions: readonly Transition[] = [
  { from: null, on: 'SUBMITTED', to: 'RECEIVED', means: 'submitted and accepted by the hub’s own checks' },
  { from: 'RECEIVED', on: 'RULE_DECLINED', to: 'DECLINED', means: 'the hub’s rules decline it' },
  { from: 'RECEIVED', on: 'SENT', to: 'ROUTED', means: 'sent to the counterparty' },
  { from: 'ROUTED', on: 'APPROVED', to: 'COMPLETED', means: 'the counterparty approves' },
  { from: 'ROUTED', on: 'REFUSED', to: 'DECLINED', means: 'the counterparty refuses, with a reason' },
  { from: 'ROUTED', on: 'UNDELIVERABLE', to: 'FAILED', means: 'it could not be delivered at all' },
  { from: 'ROUTED', on: 'TIMED_OUT', to: 'IN_DOUBT', means: 'the deadline passes with no answer' },
  { from: 'IN_DOUBT', on: 'INQUIRED', to: 'IN_DOUBT', means: 'the counterparty is asked where it stands' },
  { from: 'IN_DOUBT', on: 'APPROVED', to: 'COMPLETED', means: 'the inquiry says approved' },
  { from: 'IN_DOUBT', on: 'REFUSED', to: 'DECLINED', means: 'the inquiry says refused' },
  { from: 'IN_DOUBT', on: 'NEVER_SEEN', to: 'EXPIRED', means: 'the inquiry says never seen' },
  { from: 'IN_DOUBT', on: 'REVERSAL_STARTED', to: 'REVERSING', means: 'inquiries are used up' },
  { from: 'REVERSING', on: 'REVERSAL_RETRIED', to: 'REVERSING', means: 'it is asked again to undo it' },
  { from: 'REVERSING', on: 'REVERSAL_ACKNOWLEDGED', to: 'REVERSED', means: 'the counterparty acknowledges' },
  { from: 'RECEIVED', on: 'CANCEL_REQUESTED', to: 'CANCELLING', means: 'the wallet cancels' },
  { from: 'ROUTED', on: 'CANCEL_REQUESTED', to: 'CANCELLING', means: 'the wallet cancels' },
  { from: 'IN_DOUBT', on: 'CANCEL_REQUESTED', to: 'CANCELLING', means: 'the wallet cancels' },
  {
    from: 'COMPLETED',
    on: 'CANCEL_REQUESTED',
    to: 'CANCELLING',
    means: 'the wallet cancels before the cut-off, with no refund made',
  },
  { from: 'CANCELLING', on: 'CANCEL_RETRIED', to: 'CANCELLING', means: 'it is told again' },
  { from: 'CANCELLING', on: 'CANCEL_ACKNOWLEDGED', to: 'CANCELLED', means: 'the counterparty acknowledges' },
  { from: 'COMPLETED', on: 'REFUNDED', to: 'COMPLETED', means: 'part or all of it is given back' },
]

/** What a counterparty can say. Said too late or twice it is kept as a LATE_MESSAGE and moves nothing. */
const messages: ReadonlySet<StepKind> = new Set<StepKind>([
  'APPROVED',
  'REFUSED',
  'NEVER_SEEN',
  'REVERSAL_ACKNOWLEDGED',
  'CANCEL_ACKNOWLEDGED',
])

const target = new Map(transitions.map(({ from, on, to }) => [`${from}/${on}`, to]))

export interface Step {
  readonly kind: StepKind
  readonly to: TransactionStatus
}

/** What `kind` does to a payment in `from`: a step, recorded as LATE_MESSAGE when it moves nothing; null when it cannot happen there. */
export function stepFrom(from: TransactionStatus | null, kind: StepKind): Step | null {
  const to = target.get(`${from}/${kind}`)
  if (to !== undefined) return { kind, to }
  return from !== null && messages.has(kind) ? { kind: 'LATE_MESSAGE', to: from } : null
}

export type Outcome = 'PENDING' | 'SUCCEEDED' | 'FAILED' | 'CANCELLED'

/** The coarse view for wallets. REVERSING counts as FAILED: the merchant will not be paid, whatever comes. */
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

/** True when no transition leads out of `status`. COMPLETED is not final: refunds may follow. */
export const isFinal = (status: TransactionStatus): boolean =>
  !transitions.some((transition) => transition.from === status)

/** Every kind of step, as a set of names. */
export const stepKinds: Readonly<Record<string, true>> = Object.fromEntries(
  [...transitions.map(({ on }) => on), 'LATE_MESSAGE'].map((kind) => [kind, true]),
)
