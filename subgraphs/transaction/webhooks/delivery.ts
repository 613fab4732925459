// A delivery: one event to be sent to one endpoint, and the schedule of its attempts. Pure.

import { hash } from 'node:crypto'
import type { AlertId, PaymentId, TransactionId, WebhookId } from '../../../schema/values/id.ts'
import type { LogEntry, StepKind } from '../../log/entry.ts'
import type { AlertEvent, AlertEventKind } from '../../shared/alert-log.ts'
import type { SendOutcome } from './http-sender.ts'

/** What a webhook sends: a step of a payment or refund, or what happens to an alert. */
export type WebhookEvent = StepKind | AlertEventKind

export type DeliveryState = 'PENDING' | 'DELIVERED' | 'DEAD'

export interface Attempt {
  readonly at: Date
  /** Null when there was no response. */
  readonly status: number | null
  readonly latencyMs: number
  /** Null when the receiver accepted the event. */
  readonly error: string | null
}

/**
 * A document of the collection `webhookDeliveries`. Its body is not stored, because body.ts makes it again
 * unchanged.
 */
export interface Delivery {
  /**
   * The webhook-id: a hash of the event and the endpoint, so that every process gives the same id. It does
   * not contain the log position, which counts the events of all participants.
   */
  readonly _id: string
  readonly endpoint: WebhookId
  /** Position of the event in the log; for an alert, of the latest entry at its time. */
  readonly position: bigint
  /** The payment, refund or alert of the event. */
  readonly transaction: TransactionId | AlertId
  /** Of the event, within the transaction. */
  readonly sequence: number
  readonly kind: WebhookEvent
  /** Id of the payment, for an event of a refund. */
  readonly refundOf?: PaymentId
  /** MongoDB deletes the delivery 30 days later. */
  readonly createdAt: Date
  readonly state: DeliveryState
  /** While PENDING. A claim postpones it, so that no other process sends the delivery meanwhile. */
  readonly nextAttemptAt?: Date
  /** Attempts made by the schedule. */
  readonly tries: number
  /** The latest `attemptsMax`, oldest first. */
  readonly attempts: readonly Attempt[]
  /** Names the process and the call that is sending the delivery. */
  readonly claim?: string
}

/** The state of a delivery after an attempt; `nextAttemptAt` is null unless it is PENDING. */
export interface DeliveryProgress {
  readonly state: DeliveryState
  readonly nextAttemptAt: Date | null
}

/** The delays after the first attempt, the second, and so on. When they are used up, the delivery is DEAD. */
export const retryAfterMs: readonly number[] = [
  5_000, 60_000, 300_000, 1_800_000, 7_200_000, 21_600_000, 86_400_000,
]

export const attemptsMax = 50

/** 132 bits of the hash. */
const idLength = 22

const deliveryIdOf = (transaction: string, sequence: number, endpoint: WebhookId): string =>
  hash('sha256', `${transaction}/${sequence}/${endpoint}`, 'base64url').slice(0, idLength)

export function newDelivery(endpoint: WebhookId, entry: LogEntry, now: Date): Delivery {
  const { _id: position, transaction, sequence, kind, refundOf } = entry
  return {
    _id: deliveryIdOf(transaction, sequence, endpoint),
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

export function newAlertDelivery(
  endpoint: WebhookId,
  { _id: sequence, kind, alert }: AlertEvent,
  position: bigint,
  now: Date,
): Delivery {
  return {
    _id: deliveryIdOf(alert._id, sequence, endpoint),
    endpoint,
    position,
    transaction: alert._id,
    sequence,
    kind,
    createdAt: now,
    state: 'PENDING',
    nextAttemptAt: now,
    tries: 0,
    attempts: [],
  }
}

export function attemptOf(outcome: SendOutcome, at: Date): Attempt {
  const { latencyMs } = outcome
  if (outcome.kind === 'FAILED') return { at, status: null, latencyMs, error: outcome.error }
  const { status } = outcome
  return { at, status, latencyMs, error: isAccepted(status) ? null : errorOf(status) }
}

/** The progress of a delivery after its next attempt, which ended at `now` with `status`. */
export function afterAttempt(
  { tries, attempts }: Pick<Delivery, 'tries' | 'attempts'>,
  { status }: Pick<Attempt, 'status'>,
  now: Date,
): DeliveryProgress {
  if (isAccepted(status)) return { state: 'DELIVERED', nextAttemptAt: null }
  const delayMs = status === gone ? undefined : retryAfterMs[tries]
  if (delayMs !== undefined) return { state: 'PENDING', nextAttemptAt: new Date(now.getTime() + delayMs) }
  // A redelivery that fails does not undo an earlier success.
  const wasDelivered = attempts.some((attempt) => isAccepted(attempt.status))
  return { state: wasDelivered ? 'DELIVERED' : 'DEAD', nextAttemptAt: null }
}

/** The status with which a receiver ends its subscription. */
export const gone = 410

const isAccepted = (status: number | null): boolean => status !== null && status >= 200 && status < 300

const errorOf = (status: number): string =>
  status >= 300 && status < 400
    ? `answered ${status}: redirects are not followed`
    : `answered ${status}, not a 2xx`
