// Deliveries of what happens to alerts: one for each endpoint that names the event and whose owner may read
// the alert. The id of a delivery follows from the event and the endpoint, so every process may write it.
//
//   { "type": "alert.raised", "timestamp": "2026-03-01T12:06:10.000Z", "data": { "alert": {…} } }

import type { ParticipantId } from '../../../schema/values/id.ts'
import { pause } from '../../platform/async/promise.ts'
import type { Logger } from '../../platform/logger.ts'
import { isOutage } from '../../platform/mongo/errors.ts'
import { alertSubjectsOf, idOf, seesFigures } from '../../shared/alert-access.ts'
import type { Alert, AlertEvent, AlertLog } from '../../shared/alert-log.ts'
import type { Registry } from '../../shared/registry.ts'
import { newAlertDelivery } from './delivery.ts'
import { noPayments, visibilityOfOwner } from './delivery-projection.ts'
import type { DeliveryStore } from './delivery-store.ts'
import type { WebhookEndpoint } from './endpoint.ts'
import type { EndpointStore } from './endpoint-store.ts'

export interface AlertDeliveriesDependencies {
  readonly alertLog: AlertLog
  readonly endpoints: EndpointStore
  readonly deliveries: DeliveryStore
  readonly registry: Registry
  readonly now: () => Date
  readonly logger: Pick<Logger, 'error'>
  readonly readTip: () => Promise<bigint>
  /** Called after new deliveries are stored. */
  readonly onWritten: () => void
}

/** Writes the deliveries of new events, until closed. */
export function startAlertDeliveries(dependencies: AlertDeliveriesDependencies): { close(): Promise<void> } {
  const { logger } = dependencies
  const closing = new AbortController()
  const run = async (): Promise<void> => {
    while (!closing.signal.aborted) {
      await writeAlertDeliveries(dependencies).catch((error: unknown) => {
        if (!isOutage(error))
          logger.error({ err: error }, 'the deliveries of alerts could not be written; retrying')
      })
      await pause(pollMs, closing.signal)
    }
  }
  const running = run()
  return {
    close() {
      closing.abort()
      return running
    },
  }
}

/** Alerts are few, so their events are polled. */
const pollMs = 2_000
const pageMax = 100

/** Writes the deliveries of all events that have none yet. */
async function writeAlertDeliveries(dependencies: AlertDeliveriesDependencies): Promise<void> {
  const { alertLog, endpoints, deliveries, registry, now, readTip, onWritten } = dependencies
  const events = await alertLog.read(await alertLog.sentTo(), pageMax)
  if (events.length === 0) return
  const active = await endpoints.active([...registry.participants.keys()])
  const position = await readTip()
  const batch = events.flatMap((event) =>
    active
      .filter((endpoint) => wantsAlert(endpoint, event, registry))
      .map(({ _id }) => newAlertDelivery(_id, event, position, now())),
  )
  await deliveries.add(batch)
  await alertLog.moveSentTo(events.at(-1)!._id)
  if (batch.length > 0) onWritten()
}

const wantsAlert = (
  { owner, events, createdAt }: WebhookEndpoint,
  { kind, at, alert }: AlertEvent,
  registry: Registry,
): boolean => events.includes(kind) && at >= createdAt && seesAlert(owner, alert, registry)

function seesAlert(owner: ParticipantId, { subject }: Alert, registry: Registry): boolean {
  const visibility = visibilityOfOwner(owner, registry)
  if (visibility.kind === 'all') return true
  return visibility !== noPayments && alertSubjectsOf(owner, registry).has(subject)
}

/** The body of a delivery; null when the owner of the endpoint may not read the alert. */
export function alertBody(
  { kind, at, alert }: AlertEvent,
  owner: ParticipantId,
  registry: Registry,
): string | null {
  if (!seesAlert(owner, alert, registry)) return null
  const { subject, observed, usual, bound, payments, acknowledged } = alert
  const isCorridor = subject.startsWith('corridor:')
  const hasFigures = visibilityOfOwner(owner, registry).kind === 'all' || seesFigures(alert, owner, registry)
  return JSON.stringify({
    type: kind.toLowerCase().replace('_', '.'),
    timestamp: at.toISOString(),
    data: {
      alert: {
        id: alert._id,
        kind: alert.kind,
        corridor: isCorridor ? idOf(subject) : null,
        participant: isCorridor ? null : idOf(subject),
        beganAt: alert.beganAt.toISOString(),
        raisedAt: alert.raisedAt.toISOString(),
        endedAt: alert.endedAt?.toISOString() ?? null,
        acknowledgedAt: acknowledged?.at.toISOString() ?? null,
        figures: hasFigures ? { observed, usual, bound, payments } : null,
      },
    },
  })
}
