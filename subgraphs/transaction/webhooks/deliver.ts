// Sends one claimed delivery, and records the outcome.

import type { Logger } from '../../platform/logger.ts'
import { isOutage } from '../../platform/mongo/errors.ts'
import { validSecrets } from '../../shared/signing-secret.ts'
import type { ClaimedDelivery } from './claims.ts'
import { afterAttempt, attemptOf, gone, type DeliveryProgress } from './delivery.ts'
import type { DeliveryStore } from './delivery-store.ts'
import type { WebhookEndpoint } from './endpoint.ts'
import type { EndpointStore } from './endpoint-store.ts'
import type { HttpSender } from './http-sender.ts'

export interface DeliverDependencies {
  readonly endpoints: EndpointStore
  readonly deliveries: DeliveryStore
  readonly httpSender: HttpSender
  /** The body of a delivery; null when the owner of the endpoint may no longer see the event. */
  readonly readBody: (delivery: ClaimedDelivery, endpoint: WebhookEndpoint) => Promise<string | null>
  readonly now: () => Date
  readonly logger: Pick<Logger, 'error' | 'info'>
}

export interface Sent {
  /** False when the endpoint did not accept the event. */
  readonly isAccepted: boolean
  /** Resolves when the outcome is stored. */
  readonly stored: Promise<void>
}

/** When `signal` aborts the request, the claim is released instead. */
export async function deliver(
  dependencies: DeliverDependencies,
  claimed: ClaimedDelivery,
  signal: AbortSignal,
): Promise<Sent> {
  const { endpoints, deliveries, httpSender, now } = dependencies
  const endpoint = await endpoints.byId(claimed.endpoint)
  if (!endpoint) return { isAccepted: true, stored: deliveries.remove(claimed.endpoint) }
  if (endpoint.status === 'DISABLED') return { isAccepted: true, stored: deliveries.abandon(endpoint._id) }
  const at = now()
  const body = await readBodyOnce(dependencies, claimed, endpoint)
  if (typeof body !== 'string') {
    const attempt = { at, status: null, latencyMs: 0, error: body.error }
    const progress = body.mayRetry ? afterAttempt(claimed, attempt, at) : dead
    return { isAccepted: true, stored: deliveries.record(claimed, attempt, progress) }
  }
  const secrets = validSecrets(endpoint.secrets, at)
  const outcome = await httpSender.send({ id: claimed._id, url: endpoint.url, body, secrets, at }, { signal })
  if (outcome.kind === 'FAILED' && signal.aborted) {
    return { isAccepted: true, stored: deliveries.release([claimed], now()) }
  }
  const attempt = attemptOf(outcome, at)
  const stored = deliveries.record(claimed, attempt, afterAttempt(claimed, attempt, now()))
  const isGone = attempt.status === gone
  return {
    isAccepted: attempt.error === null,
    stored: isGone ? stored.then(() => disable(dependencies, endpoint)) : stored,
  }
}

const dead: DeliveryProgress = { state: 'DEAD', nextAttemptAt: null }

/** A body that cannot be made. */
interface NoBody {
  readonly error: string
  readonly mayRetry: boolean
}

/**
 * Throws during an outage of MongoDB: then the claim expires and the delivery is due again. Any other failure
 * counts as an attempt, so that one event does not return without end.
 */
async function readBodyOnce(
  { readBody, logger }: DeliverDependencies,
  claimed: ClaimedDelivery,
  endpoint: WebhookEndpoint,
): Promise<string | NoBody> {
  try {
    const body = await readBody(claimed, endpoint)
    return body ?? { error: 'the owner of the webhook may not see this event', mayRetry: false }
  } catch (error) {
    if (isOutage(error)) throw error
    logger.error({ err: error, webhook: endpoint._id, delivery: claimed._id }, 'a webhook has no body')
    return { error: 'the hub cannot read this event', mayRetry: true }
  }
}

async function disable(
  { endpoints, deliveries, logger }: DeliverDependencies,
  { _id, owner }: WebhookEndpoint,
): Promise<void> {
  await endpoints.change(_id, { status: 'DISABLED' })
  await deliveries.abandon(_id)
  logger.info({ webhook: _id, owner, status: gone }, 'a webhook answered 410 and is now DISABLED')
}
