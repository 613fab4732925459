// From the log to deliveries: each event becomes one for every endpoint that asks for it and whose owner may see it, in the same
// MongoDB transaction as the place in the log, so that none is made twice and none is left out.

import { partyOf, sees, type Visibility } from '../../shared/access.ts'
import type { Projection } from '../../log/projection.ts'
import type { Registry } from '../../shared/registry.ts'
import { newDelivery } from './delivery.ts'
import type { DeliveryStore } from './delivery-store.ts'
import type { LogEntry } from '../../log/entry.ts'
import { wants, type WebhookEndpoint } from './endpoint.ts'
import type { EndpointStore } from './endpoint-store.ts'
import type { ParticipantId } from '../../../schema/values/id.ts'

/** Names the projection's place in the log. */
export const deliveryProjectionName = 'webhookDeliveries'

export interface DeliveryProjectionDependencies {
  readonly endpoints: EndpointStore
  readonly deliveries: DeliveryStore
  readonly registry: Registry
  readonly now: () => Date
  /** Called when there is something new to send. */
  readonly onWritten: () => void
}

export function createDeliveryProjection(dependencies: DeliveryProjectionDependencies): Projection {
  const { endpoints, deliveries, registry, now, onWritten } = dependencies
  let isNew = false

  return {
    name: deliveryProjectionName,
    async apply(entries, session) {
      const concerned = await endpoints.active(ownersOf(entries, registry), session)
      const batch = entries.flatMap((entry) =>
        endpointsFor(entry, concerned, registry).map(({ _id }) => newDelivery(_id, entry, now())),
      )
      isNew = batch.length > 0
      await deliveries.add(batch, session)
    },
    applied() {
      if (isNew) onWritten()
    },
  }
}

/** The endpoints that an event goes to. */
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

/** What a participant may see by its roles, whoever of it looks; nothing any more once it is closed. */
export function visibilityOfOwner(owner: ParticipantId, registry: Registry): Visibility {
  const participant = registry.participants.get(owner)
  if (!participant || participant.status === 'CLOSED' || participant.status === 'REJECTED') return nobody
  return participant.roles.includes('OPERATOR') ? { kind: 'all' } : partyOf(owner, registry)
}

const nobody: Visibility = { kind: 'own', wallet: null, acquirer: null, corridors: new Set() }

/** Everybody who could see one of these: so that not all endpoints are read for each batch. */
function ownersOf(entries: readonly LogEntry[], { participants }: Registry): readonly string[] {
  const parties = entries.flatMap(({ payment }) => [payment.wallet, payment.acquirer])
  const onlookers = [...participants.values()]
    .filter(({ roles }) => roles.includes('NETWORK') || roles.includes('OPERATOR'))
    .map(({ id }) => id)
  return [...new Set([...parties, ...onlookers])]
}
