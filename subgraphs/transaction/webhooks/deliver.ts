// Sends one claimed delivery, and records the outcome.

import type { Logger } from '../../platform/logger.ts'
import { validSecrets } from '../../shared/signing-secret.ts'
import type { ClaimedDelivery } from './claims.ts'
import { afterAttempt, attemptOf, gone, type Attempt } from './delivery.ts'
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

/**
 * False when the endpoint did not accept the event. When `signal` aborts the request, the claim is released
 * instead.
 */
export async function deliver(
  dependencies: DeliverDependencies,
  claimed: ClaimedDelivery,
  signal: AbortSignal,
): Promise<boolean> {
  const { endpoints, deliveries, httpSender, readBody, now } = dependencies
  const endpoint = await endpoints.byId(claimed.endpoint)
  if (!endpoint) {
    await deliveries.remove(claimed.endpoint)
    return true
  }
  if (endpoint.status === 'DISABLED') {
    await deliveries.abandon(endpoint._id)
    return true
  }
  const at = now()
  const body = await readBody(claimed, endpoint)
  if (body === null) {
    await deliveries.record(claimed, notVisible(at), { state: 'DEAD', nextAttemptAt: null })
    return true
  }
  const secrets = validSecrets(endpoint.secrets, at)
  const outcome = await httpSender.send({ id: claimed._id, url: endpoint.url, body, secrets, at }, { signal })
  if (outcome.kind === 'FAILED' && signal.aborted) {
    await deliveries.release(claimed, now())
    return true
  }
  const attempt = attemptOf(outcome, at)
  await deliveries.record(claimed, attempt, afterAttempt(claimed, attempt, now()))
  if (attempt.status === gone) await disable(dependencies, endpoint)
  return attempt.error === null
}

const notVisible = (at: Date): Attempt => ({
  at,
  status: null,
  latencyMs: 0,
  error: 'the owner of the webhook may not see this event',
})

async function disable(
  { endpoints, deliveries, logger }: DeliverDependencies,
  { _id, owner }: WebhookEndpoint,
): Promise<void> {
  await endpoints.change(_id, { status: 'DISABLED' })
  await deliveries.abandon(_id)
  logger.info({ webhook: _id, owner, status: gone }, 'a webhook answered 410 and is now DISABLED')
}
