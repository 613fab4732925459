// Endpoints in MongoDB.

import type { ClientSession, Collection, Db, MongoServerError } from 'mongodb'
import type { ParticipantId, WebhookId } from '../../../schema/values/id.ts'
import { makeCollection } from '../../platform/mongo/client.ts'
import { isDuplicateKey } from '../../platform/mongo/errors.ts'
import { loaderById } from '../../platform/mongo/loader-by-id.ts'
import { plainSecrets, type SecretBox } from '../../shared/secret-box.ts'
import { openSecrets, sealSecrets } from '../../shared/signing-secret.ts'
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

export async function createEndpointStore(db: Db, box: SecretBox = plainSecrets): Promise<EndpointStore> {
  await makeCollection(db, 'webhooks')
  const endpoints = db.collection<StoredEndpoint>('webhooks')
  // Each owner has `endpointsMax` slots, and a slot holds one endpoint: so concurrent calls cannot exceed the
  // limit.
  await endpoints.createIndex({ owner: 1, slot: 1 }, { name: 'owner', unique: true })
  const byId = loaderById<StoredEndpoint>(endpoints)
  const sealed = ({ _id, secrets }: Pick<WebhookEndpoint, '_id' | 'secrets'>) =>
    sealSecrets(secrets, webhookOwner(_id), box)
  const openAll = (stored: readonly WebhookEndpoint[]): readonly WebhookEndpoint[] =>
    stored.map((one) => ({ ...one, secrets: openSecrets(one.secrets, webhookOwner(one._id), box) }))
  const open = (stored: WebhookEndpoint | null): WebhookEndpoint | null => stored && openAll([stored])[0]!

  return {
    byId: async (id) => open(await byId.load(id)),
    ofOwner: async (owner) => openAll(await endpoints.find({ owner }, { sort: { _id: 1 } }).toArray()),
    active: async (owners) =>
      openAll(await endpoints.find({ owner: { $in: [...owners] }, status: 'ACTIVE' }).toArray()),
    hasAny: async () => (await endpoints.findOne({}, { projection: { _id: 1 } })) !== null,
    add: (endpoint, session) => add(endpoints, { ...endpoint, secrets: sealed(endpoint) }, session),
    read: async (id, session) => open(await endpoints.findOne({ _id: id }, { session })),
    async setSecrets(id, secrets, session) {
      const $set = { secrets: sealed({ _id: id, secrets }) }
      await endpoints.updateOne({ _id: id }, { $set }, { session })
    },
    async change(id, changes, session) {
      // An update that sets nothing is an error of MongoDB.
      const within = session && { session }
      if (Object.keys(changes).length === 0) return open(await endpoints.findOne({ _id: id }, within))
      const options = { returnDocument: 'after', ...within } as const
      return open(await endpoints.findOneAndUpdate({ _id: id }, { $set: changes }, options))
    },
    async remove(id, session) {
      await endpoints.deleteOne({ _id: id }, { session })
    },
  }
}

/** The owner that the secrets of an endpoint are sealed for. */
const webhookOwner = (id: WebhookId): string => `webhook:${id}`

/** Encrypts the secrets of all endpoints under the newest key of `box`; returns how many it has changed. */
export async function resealEndpoints(db: Db, box: SecretBox): Promise<number> {
  const endpoints = db.collection<StoredEndpoint>('webhooks')
  let changed = 0
  for await (const { _id, secrets } of endpoints.find({})) {
    if (secrets.every(({ secret }) => box.isCurrent(secret))) continue
    const owner = webhookOwner(_id)
    const sealed = sealSecrets(openSecrets(secrets, owner, box), owner, box)
    // A rotation meanwhile has sealed its secrets itself.
    const { modifiedCount } = await endpoints.updateOne({ _id, secrets }, { $set: { secrets: sealed } })
    changed += modifiedCount
  }
  return changed
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
