// A delivery: one event on its way to one endpoint, and the schedule that it is tried by. Pure.
import type { LogEntry, StepKind } from '../../log/entry.ts'
import type { SendOutcome } from './http-sender.ts'
import type { PaymentId, TransactionId } from '../../../schema/values/id.ts'

export type DeliveryState = 'PENDING' | 'DELIVERED' | 'DEAD'

export interface Attempt {
  readonly at: Date
  /** Null when there was no answer. */
  readonly status: number | null
  readonly latencyMs: number
  /** Null when it was taken. */
  readonly error: string | null
}

/** A document of the collection `webhookDeliveries`. The body is not kept: it is made of what never changes, see body.ts. */
export interface Delivery {
  /** The webhook-id: the position in the log and the endpoint, so that whoever makes it makes the same. */
  readonly _id: string
  readonly endpoint: string
  /** Position of the event in the log. */
  readonly position: bigint
  /** Id of the payment or refund. */
  readonly transaction: TransactionId
  /** Of the event, within the transaction. */
  readonly sequence: number
  readonly kind: StepKind
  /** Id of the payment, for an event of a refund. */
  readonly refundOf?: PaymentId
  /** Forgotten 30 days later. */
  readonly createdAt: Date
  readonly state: DeliveryState
  /** While it is PENDING. Whoever sends it puts this off by its claim, so that nobody else does meanwhile. */
  readonly nextAttemptAt?: Date
  /** Attempts of the schedule that were made. */
  readonly tries: number
  /** Oldest first; the latest `attemptsKept`. */
  readonly attempts: readonly Attempt[]
  /** Names the process and the moment that sends it. */
  readonly claim?: string
}

/** Waits after the first attempt, the second, and so on; after the last one it is dead. */
export const retryAfterMs: readonly number[] = [
  5_000, 60_000, 300_000, 1_800_000, 7_200_000, 21_600_000, 86_400_000,
]

export const attemptsKept = 50

const deliveryId = (endpoint: string, position: bigint): string => `${position}_${endpoint}`

export function newDelivery(endpoint: string, entry: LogEntry, now: Date): Delivery {
  const { _id: position, transaction, sequence, kind, refundOf } = entry
  return {
    _id: deliveryId(endpoint, position),
    endpoint,
    position,
    transaction,
    sequence,
    kind,
    ...(refundOf !== undefined && { refundOf }),
    createdAt: now,
    state: 'PENDING',
    nextAttemptAt: now,
    tries: 0,
    attempts: [],
  }
}

/** What an outcome is written down as. */
export function attemptOf(outcome: SendOutcome, at: Date): Attempt {
  const { latencyMs } = outcome
  if (outcome.kind === 'FAILED') return { at, status: null, latencyMs, error: outcome.error }
  const { status } = outcome
  return { at, status, latencyMs, error: isTaken(status) ? null : refusalOf(status) }
}

/** Where a delivery stands after its next attempt, which ended at `now`. */
export function afterAttempt(
  { tries, attempts }: Pick<Delivery, 'tries' | 'attempts'>,
  { status }: Pick<Attempt, 'status'>,
  now: Date,
): { readonly state: DeliveryState; readonly nextAttemptAt: Date | null } {
  if (status !== null && isTaken(status)) return { state: 'DELIVERED', nextAttemptAt: null }
  const waitMs = status === gone ? undefined : retryAfterMs[tries]
  if (waitMs !== undefined) return { state: 'PENDING', nextAttemptAt: new Date(now.getTime() + waitMs) }
  // It was sent once more though it had been taken before.
  const wasTaken = attempts.some((one) => one.status !== null && isTaken(one.status))
  return { state: wasTaken ? 'DELIVERED' : 'DEAD', nextAttemptAt: null }
}

/** The status by which a receiver says that it wants no more. */
export const gone = 410

const isTaken = (status: number): boolean => status >= 200 && status < 300

const refusalOf = (status: number): string =>
  status >= 300 && status < 400
    ? `answered ${status}: redirects are not followed`
    : `answered ${status}, not a 2xx`
