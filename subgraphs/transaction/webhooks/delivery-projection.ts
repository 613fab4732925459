// From the log to deliveries: each event becomes one for every endpoint that asks for it and whose owner may see it, in the same
// MongoDB transaction as the place in the log, so that none is made twice and none is left out.

import { partyOf, sees, type Visibility } from '../../shared/access.ts'
import type { Projection } from '../../log/projection.ts'
import type { Reference } from '../../shared/registry.ts'
import { newDelivery } from './delivery.ts'
import type { DeliveryStore } from './delivery-store.ts'
import type { LogEntry } from '../../log/entry.ts'
import { wants, type Endpoint } from './endpoint.ts'
import type { EndpointStore } from './endpoint-store.ts'

/** Names the projection's place in the log. */
export const outboxName = 'webhookDeliveries'

export interface OutboxDependencies {
  readonly endpoints: EndpointStore
  readonly deliveries: DeliveryStore
  readonly reference: Reference
  readonly now: () => Date
  /** Called when there is something new to send. */
  readonly onWritten: () => void
}

export function createOutbox(dependencies: OutboxDependencies): Projection {
  const { endpoints, deliveries, reference, now, onWritten } = dependencies
  let isNew = false

  return {
    name: outboxName,
    async apply(entries, session) {
      const concerned = await endpoints.active(ownersOf(entries, reference), session)
      const batch = entries.flatMap((entry) =>
        endpointsFor(entry, concerned, reference).map(({ _id }) => newDelivery(_id, entry, now())),
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
  endpoints: readonly Endpoint[],
  reference: Reference,
): readonly Endpoint[] =>
  endpoints.filter(
    (endpoint) =>
      wants(endpoint, entry.kind, entry._id) &&
      sees(visibilityOfOwner(endpoint.owner, reference), entry.payment),
  )

/** What a participant may see by its roles, whoever of it looks; nothing any more once it is closed. */
export function visibilityOfOwner(owner: string, reference: Reference): Visibility {
  const participant = reference.participants.get(owner)
  if (!participant || participant.status === 'CLOSED' || participant.status === 'REJECTED') return nobody
  return participant.roles.includes('OPERATOR') ? { kind: 'all' } : partyOf(owner, reference)
}

const nobody: Visibility = { kind: 'own', wallet: null, acquirer: null, corridors: new Set() }

/** Everybody who could see one of these: so that not all endpoints are read for each batch. */
function ownersOf(entries: readonly LogEntry[], { participants }: Reference): readonly string[] {
  const parties = entries.flatMap(({ payment }) => [payment.wallet, payment.acquirer])
  const onlookers = [...participants.values()]
    .filter(({ roles }) => roles.includes('NETWORK') || roles.includes('OPERATOR'))
    .map(({ id }) => id)
  return [...new Set([...parties, ...onlookers])]
}
