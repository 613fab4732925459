// Endpoints in MongoDB. Few documents, each with all that was done to it, its idempotency keys included.

import { MongoServerError, type ClientSession, type Db, type Filter } from 'mongodb'
import type { UsedKey } from '../../idempotency.ts'
import { createLoader } from '../../loader.ts'
import { endpointsMax, type Endpoint } from './endpoint.ts'

export interface EndpointStore {
  /** Null when there is none, or it was deleted. */
  byId(id: string): Promise<Endpoint | null>
  /** The one that the key with this id was used on, deleted or not. */
  byKey(keyId: string): Promise<Endpoint | null>
  /** Oldest first. */
  ofOwner(owner: string): Promise<readonly Endpoint[]>
  /** Those of `owners` that are sent to. */
  active(owners: readonly string[], session: ClientSession): Promise<readonly Endpoint[]>
  hasAny(): Promise<boolean>
  /** 'KEY_USED' when its key was used before; 'FULL' when its owner has as many as it may. */
  add(endpoint: Endpoint): Promise<'ADDED' | 'KEY_USED' | 'FULL'>
  /** Gives the endpoint as it then is; null when there is none. */
  change(id: string, set: Partial<Pick<Endpoint, 'url' | 'events' | 'status'>>): Promise<Endpoint | null>
  /** Writes the secrets if they still are those of `before`; null when they are not, or when the key was used before. */
  setSecrets(before: Endpoint, secrets: Endpoint['secrets'], key: UsedKey): Promise<Endpoint | null>
  /** Its secrets go at once; its key stays for a month, so that repeating what made it does not make it again. */
  remove(id: string, now: Date): Promise<void>
}

export async function createEndpointStore(db: Db): Promise<EndpointStore> {
  const endpoints = db.collection<Endpoint>('webhooks')
  await endpoints.createIndexes([
    { name: 'key', key: { 'keys.id': 1 }, unique: true },
    {
      name: 'owner',
      key: { owner: 1, slot: 1 },
      unique: true,
      partialFilterExpression: { slot: { $exists: true } },
    },
    { name: 'expiry', key: { deletedAt: 1 }, expireAfterSeconds: deletedKeptSeconds },
  ])
  const present = (filter: Filter<Endpoint>): Filter<Endpoint> => ({ ...filter, slot: { $exists: true } })
  // A duplicate may be too young for a majority to have it: a linearizable read waits until one does.
  const surely = { readConcern: { level: 'linearizable' }, readPreference: 'primary' } as const
  const reads = createLoader<string, Endpoint>({
    load: async (ids) => {
      const found = await endpoints.find(present({ _id: { $in: [...ids] } })).toArray()
      const byId = new Map(found.map((endpoint) => [endpoint._id, endpoint]))
      return ids.map((id) => byId.get(id) ?? null)
    },
  })
  const ofOwner = (owner: string) => endpoints.find(present({ owner }), { sort: { _id: 1 } }).toArray()

  return {
    byId: (id) => reads.load(id),
    byKey: (keyId) => endpoints.findOne({ 'keys.id': keyId }, surely),
    ofOwner,
    active: (owners, session) =>
      endpoints.find(present({ owner: { $in: [...owners] }, status: 'ACTIVE' }), { session }).toArray(),
    hasAny: async () => (await endpoints.findOne({}, { projection: { _id: 1 } })) !== null,
    async add(endpoint) {
      for (;;) {
        const taken = new Set((await ofOwner(endpoint.owner)).map(({ slot }) => slot))
        const slot = slots.find((one) => !taken.has(one))
        if (slot === undefined) {
          const used = await endpoints.findOne({ 'keys.id': endpoint.keys[0]!.id }, surely)
          return used ? 'KEY_USED' : 'FULL'
        }
        try {
          await endpoints.insertOne({ ...endpoint, slot })
          return 'ADDED'
        } catch (error) {
          const index = duplicateOf(error)
          if (index === null) throw error
          if (index === 'key') return 'KEY_USED'
          // Another call took the slot meanwhile: there are only so many.
        }
      }
    },
    change: (id, set) =>
      Object.keys(set).length === 0
        ? endpoints.findOne(present({ _id: id }))
        : endpoints.findOneAndUpdate(present({ _id: id }), { $set: set }, { returnDocument: 'after' }),
    async setSecrets(before, secrets, key) {
      try {
        return await endpoints.findOneAndUpdate(
          // The unique index does not look twice at one document.
          present({ _id: before._id, secrets: before.secrets, 'keys.id': { $ne: key.id } }),
          { $set: { secrets }, $push: { keys: { $each: [key], $slice: -keysKept } } },
          { returnDocument: 'after' },
        )
      } catch (error) {
        if (duplicateOf(error) === null) throw error
        return null
      }
    },
    async remove(id, now) {
      await endpoints.updateOne(present({ _id: id }), {
        $set: { deletedAt: now, status: 'DISABLED', secrets: [] },
        $unset: { slot: '' },
      })
    },
  }
}

const slots = Array.from({ length: endpointsMax }, (_, n) => n)
const keysKept = 50
const deletedKeptSeconds = 30 * 86_400

/** Name of the unique index that an insert met; null when it failed for another reason. */
function duplicateOf(error: unknown): string | null {
  if (!(error instanceof MongoServerError) || error.code !== 11000) return null
  return /index: (\w+)/.exec(error.message)?.[1] ?? ''
}
