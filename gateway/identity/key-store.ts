// Stores API keys in MongoDB, in the collection `apiKeys`, which no other part of the hub uses.

import type { ClientSession, Collection, Db, Filter } from 'mongodb'
import type { ParticipantId } from '../../schema/values/id.ts'
import type { Scope } from '../../schema/values/scopes.ts'
import type { Logger } from '../../subgraphs/platform/logger.ts'
import { openCollectionWatch, type CollectionWatch } from '../../subgraphs/platform/mongo/collection-watch.ts'
import { withFreshSession } from '../../subgraphs/platform/mongo/fresh-session.ts'
import type { ApiKeys, ApiKeyView, Grant } from '../../subgraphs/shared/api-keys.ts'
import { createKey, demoKeys, hashKey, hashStart, keyId, type ApiKey, type KeyHash } from './key.ts'

export interface KeyStore extends ApiKeys {
  /** All keys, also revoked ones. There are few for each participant, so all fit in memory. */
  all(): Promise<readonly ApiKey[]>
  /** Creates a key and returns it. Only its hash is stored, so it cannot be read again. */
  issue(grant: Pick<ApiKey, 'participant' | 'scopes' | 'label'>, now: Date): Promise<string>
  /** Revokes a key by its hash; false when there is none, or it was revoked before. */
  revoke(keyHash: KeyHash, now: Date): Promise<boolean>
  /** Stores when keys were last used. */
  storeUses(uses: ReadonlyMap<KeyHash, Date>): Promise<void>
  /** Adds the demo keys that are missing. */
  seedDemo(now: Date): Promise<void>
  /** Calls `reload` now and after every change of a key. Rejects when the first call does. */
  watch(reload: () => Promise<void>, logger: Logger): Promise<CollectionWatch>
}

export function createKeyStore(db: Db): KeyStore {
  const keys: Collection<ApiKey> = db.collection<ApiKey>('apiKeys')
  // Not in the keys themselves, of which every change is read again by every hub.
  const uses = db.collection<{ _id: KeyHash; at: Date }>('keyUses')
  return {
    ...viewsOf(keys, uses),

    async storeUses(found) {
      if (found.size === 0) return
      await uses.bulkWrite(
        [...found].map(([_id, at]) => ({
          updateOne: { filter: { _id }, update: { $max: { at } }, upsert: true },
        })),
        { ordered: false },
      )
    },

    all: () => withFreshSession(db, (session) => keys.find({}, { session }).toArray()),

    async issue({ participant, scopes, label }, now) {
      const key = createKey()
      await keys.insertOne(keyDocument(key, participant, scopes, label, now))
      return key
    },

    async revoke(keyHash, now) {
      const { modifiedCount } = await keys.updateOne(
        { _id: keyHash, revokedAt: null },
        { $set: { revokedAt: now } },
      )
      return modifiedCount === 1
    },

    async seedDemo(now) {
      await keys.bulkWrite(
        demoKeys.map(({ key, participant, scopes }) => {
          const { _id, ...rest } = keyDocument(key, participant, scopes, key, now)
          return { updateOne: { filter: { _id }, update: { $setOnInsert: rest }, upsert: true } }
        }),
      )
    },

    watch: (reload, logger) =>
      openCollectionWatch({
        db,
        logger,
        content: 'API keys',
        collections: ['apiKeys'],
        reload,
        apply: reload,
      }),
  }
}

/** The keys as the graph shows and changes them. */
function viewsOf(keys: Collection<ApiKey>, uses: Collection<{ _id: KeyHash; at: Date }>): ApiKeys {
  const withId = (id: string): Filter<ApiKey> => {
    const start = hashStart(id)
    return start === null
      ? { _id: { $in: [] } }
      : { _id: { $gte: start as KeyHash, $lt: `${start}g` as KeyHash } }
  }
  return {
    list: async (participant) =>
      (
        await keys.find(participant === null ? {} : { participant }, { sort: { createdAt: -1 } }).toArray()
      ).map(viewOfKey),
    async byId(id, session) {
      const found = await keys.findOne(withId(id), session && { session })
      return found && viewOfKey(found)
    },
    draft() {
      const text = createKey()
      return { text, id: keyId(hashKey(text)) }
    },
    async add(text: string, grant: Grant, now: Date, session: ClientSession) {
      const { participant, scopes, label, expiresAt, certificate } = grant
      const document = { ...keyDocument(text, participant, scopes, label, now), expiresAt, certificate }
      await keys.insertOne(document, { session })
      return viewOfKey(document)
    },
    async expire(id, expiresAt, session) {
      const earlier = { $or: [{ expiresAt: null }, { expiresAt: { $gt: expiresAt } }] }
      await keys.updateOne({ _id: withId(id)._id!, ...earlier }, { $set: { expiresAt } }, { session })
    },
    async revokeById(id, revokedAt, session) {
      await keys.updateOne({ _id: withId(id)._id!, revokedAt: null }, { $set: { revokedAt } }, { session })
    },
    async lastUses(ids) {
      const filters = ids.map((id) => withId(id) as object)
      const found = filters.length > 0 ? await uses.find({ $or: filters }).toArray() : []
      return new Map(found.map(({ _id, at }) => [keyId(_id), at]))
    },
  }
}

const viewOfKey = ({ _id, expiresAt = null, certificate = null, ...key }: ApiKey): ApiKeyView => ({
  id: keyId(_id),
  participant: key.participant,
  scopes: key.scopes,
  label: key.label,
  createdAt: key.createdAt,
  expiresAt,
  certificate,
  revokedAt: key.revokedAt,
})

const keyDocument = (
  key: string,
  participant: ParticipantId,
  scopes: readonly Scope[],
  label: string,
  now: Date,
): ApiKey => ({
  _id: hashKey(key),
  participant,
  scopes: [...scopes],
  label,
  createdAt: now,
  revokedAt: null,
})
