// Endpoints in MongoDB.

import type { ClientSession, Collection, Db, MongoServerError } from 'mongodb'
import type { ParticipantId, WebhookId } from '../../../schema/values/id.ts'
import { makeCollection } from '../../platform/mongo/client.ts'
import { isDuplicateKey } from '../../platform/mongo/errors.ts'
import { loaderById } from '../../platform/mongo/loader-by-id.ts'
import { endpointsMax, type WebhookEndpoint } from './endpoint.ts'

export interface EndpointStore {
  byId(id: WebhookId): Promise<WebhookEndpoint | null>
  /** Oldest first. */
  ofOwner(owner: ParticipantId): Promise<readonly WebhookEndpoint[]>
  /** The ACTIVE endpoints of `owners`. */
  active(owners: readonly ParticipantId[]): Promise<readonly WebhookEndpoint[]>
  hasAny(): Promise<boolean>
  /** Within a MongoDB transaction. False when the owner already has the most that it may have. */
  add(endpoint: WebhookEndpoint, session: ClientSession): Promise<boolean>
  /** Within a MongoDB transaction, which fails when another process changes the endpoint meanwhile. */
  read(id: WebhookId, session: ClientSession): Promise<WebhookEndpoint | null>
  setSecrets(id: WebhookId, secrets: WebhookEndpoint['secrets'], session: ClientSession): Promise<void>
  /** Gives the changed endpoint; null when there is none. */
  change(id: WebhookId, changes: EndpointChanges, session?: ClientSession): Promise<WebhookEndpoint | null>
  remove(id: WebhookId, session: ClientSession): Promise<void>
}

type EndpointChanges = Partial<Pick<WebhookEndpoint, 'url' | 'events' | 'status'>>

/** An endpoint in one of its owner’s numbered slots. */
type StoredEndpoint = WebhookEndpoint & { readonly slot: number }

export async function createEndpointStore(db: Db): Promise<EndpointStore> {
  await makeCollection(db, 'webhooks')
  const endpoints = db.collection<StoredEndpoint>('webhooks')
  // Each owner has `endpointsMax` slots, and a slot holds one endpoint: so concurrent calls cannot exceed the
  // limit.
  await endpoints.createIndex({ owner: 1, slot: 1 }, { name: 'owner', unique: true })
  const byId = loaderById<StoredEndpoint>(endpoints)

  return {
    byId: (id) => byId.load(id),
    ofOwner: (owner) => endpoints.find({ owner }, { sort: { _id: 1 } }).toArray(),
    active: (owners) => endpoints.find({ owner: { $in: [...owners] }, status: 'ACTIVE' }).toArray(),
    hasAny: async () => (await endpoints.findOne({}, { projection: { _id: 1 } })) !== null,
    add: (endpoint, session) => add(endpoints, endpoint, session),
    read: (id, session) => endpoints.findOne({ _id: id }, { session }),
    async setSecrets(id, secrets, session) {
      await endpoints.updateOne({ _id: id }, { $set: { secrets } }, { session })
    },
    change: (id, changes, session) =>
      Object.keys(changes).length === 0
        ? endpoints.findOne({ _id: id }, { session })
        : endpoints.findOneAndUpdate({ _id: id }, { $set: changes }, { returnDocument: 'after', session }),
    async remove(id, session) {
      await endpoints.deleteOne({ _id: id }, { session })
    },
  }
}

async function add(
  endpoints: Collection<StoredEndpoint>,
  endpoint: WebhookEndpoint,
  session: ClientSession,
): Promise<boolean> {
  const present = await endpoints.find({ owner: endpoint.owner }, { session }).toArray()
  const taken = new Set(present.map(({ slot }) => slot))
  const slot = slots.find((one) => !taken.has(one))
  if (slot === undefined) return false
  try {
    await endpoints.insertOne({ ...endpoint, slot }, { session })
    return true
  } catch (error) {
    // Another call has taken the slot since it was read: the MongoDB transaction runs again.
    if (isDuplicateKey(error)) (error as MongoServerError).addErrorLabel('TransientTransactionError')
    throw error
  }
}

const slots = Array.from({ length: endpointsMax }, (_, n) => n)
