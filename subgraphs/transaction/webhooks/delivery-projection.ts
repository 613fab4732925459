// Projects the log to deliveries: one for each endpoint that wants an event and whose owner may see it. The
// id of a delivery follows from the event and the endpoint, so a repeated write creates none twice.

import type { ParticipantId } from '../../../schema/values/id.ts'
import type { LogEntry } from '../../log/entry.ts'
import type { IdempotentProjection } from '../../log/projection.ts'
import { chunks } from '../../platform/async/chunks.ts'
import { partyOf, sees, type Visibility } from '../../shared/access.ts'
import type { Registry } from '../../shared/registry.ts'
import { newDelivery } from './delivery.ts'
import type { DeliveryStore } from './delivery-store.ts'
import { wants, type WebhookEndpoint } from './endpoint.ts'
import type { EndpointStore } from './endpoint-store.ts'

export const deliveryProjectionName = 'webhookDeliveries'

export interface DeliveryProjectionDependencies {
  readonly endpoints: EndpointStore
  readonly deliveries: DeliveryStore
  readonly registry: Registry
  readonly now: () => Date
  /** Called after new deliveries are stored. */
  readonly onWritten: () => void
}

export function createDeliveryProjection(dependencies: DeliveryProjectionDependencies): IdempotentProjection {
  const { endpoints, deliveries, registry, now, onWritten } = dependencies
  let hasNew = false
  const write = async (entries: readonly LogEntry[]): Promise<boolean> => {
    const candidates = await endpoints.active(ownersOf(entries, registry))
    const batch = entries.flatMap((entry) =>
      endpointsFor(entry, candidates, registry).map(({ _id }) => newDelivery(_id, entry, now())),
    )
    await deliveries.add(batch)
    return batch.length > 0
  }

  return {
    name: deliveryProjectionName,
    kind: 'idempotent',
    async apply(entries) {
      const written = await Promise.all([...chunks(entries, entriesMax)].map(write))
      hasNew = written.some(Boolean)
    },
    applied() {
      if (hasNew) onWritten()
    },
  }
}

/** Entries whose deliveries are written together: each may be for many endpoints. */
const entriesMax = 500

/** The endpoints to which an event is sent. */
export const endpointsFor = (
  entry: Pick<LogEntry, '_id' | 'kind' | 'payment'>,
  endpoints: readonly WebhookEndpoint[],
  registry: Registry,
): readonly WebhookEndpoint[] =>
  endpoints.filter(
    (endpoint) =>
      wants(endpoint, entry.kind, entry._id) &&
      sees(visibilityOfOwner(endpoint.owner, registry), entry.payment),
  )

/** The payments that a participant may see by its roles; none once the participant is CLOSED or REJECTED. */
export function visibilityOfOwner(owner: ParticipantId, registry: Registry): Visibility {
  const participant = registry.participants.get(owner)
  if (!participant || participant.status === 'CLOSED' || participant.status === 'REJECTED') return noPayments
  return participant.roles.includes('OPERATOR') ? { kind: 'all' } : partyOf(owner, registry)
}

export const noPayments: Visibility = { kind: 'own', wallet: null, acquirer: null, corridors: new Set() }

/** The participants that could see one of the entries, so that not every endpoint is read for each batch. */
function ownersOf(entries: readonly LogEntry[], { participants }: Registry): readonly ParticipantId[] {
  const parties = entries.flatMap(({ payment }) => [payment.wallet, payment.acquirer])
  const observers = [...participants.values()]
    .filter(({ roles }) => roles.includes('NETWORK') || roles.includes('OPERATOR'))
    .map(({ id }) => id)
  return [...new Set([...parties, ...observers])]
}
