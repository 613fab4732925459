// Endpoints in MongoDB: few documents, each written whole or not at all with the idempotency key of whoever writes it.

import type { ClientSession, Db } from 'mongodb'
import { createLoader } from '../../platform/async/batching.ts'
import { duplicateKey, isServerError, makeCollection } from '../../platform/mongo/client.ts'
import { endpointsMax, type WebhookEndpoint } from './endpoint.ts'
import type { ParticipantId, WebhookId } from '../../../schema/values/id.ts'

export interface EndpointStore {
  byId(id: WebhookId): Promise<WebhookEndpoint | null>
  /** Oldest first. */
  ofOwner(owner: ParticipantId): Promise<readonly WebhookEndpoint[]>
  /** Those of `owners` that are sent to. */
  active(owners: readonly string[], session: ClientSession): Promise<readonly WebhookEndpoint[]>
  hasAny(): Promise<boolean>
  /** Within a MongoDB transaction. False when its owner has as many as it may. */
  add(endpoint: WebhookEndpoint, session: ClientSession): Promise<boolean>
  /** Within a MongoDB transaction, so that nobody else changes it meanwhile. */
  read(id: WebhookId, session: ClientSession): Promise<WebhookEndpoint | null>
  setSecrets(id: WebhookId, secrets: WebhookEndpoint['secrets'], session: ClientSession): Promise<void>
  /** Gives the endpoint as it then is; null when there is none. */
  change(
    id: WebhookId,
    set: Partial<Pick<WebhookEndpoint, 'url' | 'events' | 'status'>>,
  ): Promise<WebhookEndpoint | null>
  remove(id: WebhookId): Promise<void>
}

export async function createEndpointStore(db: Db): Promise<EndpointStore> {
  await makeCollection(db, 'webhooks')
  const endpoints = db.collection<WebhookEndpoint & { readonly slot: number }>('webhooks')
  // Each owner has so many slots, and no two webhooks are in one: so nobody gets more, however many calls come at once.
  await endpoints.createIndex({ owner: 1, slot: 1 }, { name: 'owner', unique: true })
  const reads = createLoader<string, WebhookEndpoint>({
    load: async (ids) => {
      const found = await endpoints.find({ _id: { $in: [...ids] } }).toArray()
      const byId = new Map(found.map((endpoint) => [endpoint._id, endpoint]))
      return ids.map((id) => byId.get(id) ?? null)
    },
  })

  return {
    byId: (id) => reads.load(id),
    ofOwner: (owner) => endpoints.find({ owner }, { sort: { _id: 1 } }).toArray(),
    active: (owners, session) =>
      endpoints.find({ owner: { $in: [...owners] }, status: 'ACTIVE' }, { session }).toArray(),
    hasAny: async () => (await endpoints.findOne({}, { projection: { _id: 1 } })) !== null,
    async add(endpoint, session) {
      const present = await endpoints.find({ owner: endpoint.owner }, { session }).toArray()
      const taken = new Set(present.map(({ slot }) => slot))
      const slot = slots.find((one) => !taken.has(one))
      if (slot === undefined) return false
      try {
        await endpoints.insertOne({ ...endpoint, slot }, { session })
        return true
      } catch (error) {
        // Another call took the slot after this one had looked: look again.
        if (isServerError(error, duplicateKey)) error.addErrorLabel('TransientTransactionError')
        throw error
      }
    },
    read: (id, session) => endpoints.findOne({ _id: id }, { session }),
    async setSecrets(id, secrets, session) {
      await endpoints.updateOne({ _id: id }, { $set: { secrets } }, { session })
    },
    change: (id, set) =>
      Object.keys(set).length === 0
        ? reads.load(id)
        : endpoints.findOneAndUpdate({ _id: id }, { $set: set }, { returnDocument: 'after' }),
    async remove(id) {
      await endpoints.deleteOne({ _id: id })
    },
  }
}

const slots = Array.from({ length: endpointsMax }, (_, n) => n)
