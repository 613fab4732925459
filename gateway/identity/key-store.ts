// Stores API keys in MongoDB, in the collection `apiKeys`, which no other part of the hub uses.

import type { Collection, Db } from 'mongodb'
import type { ParticipantId } from '../../schema/values/id.ts'
import type { Scope } from '../../schema/values/scopes.ts'
import type { Logger } from '../../subgraphs/platform/logger.ts'
import { openCollectionWatch, type CollectionWatch } from '../../subgraphs/platform/mongo/collection-watch.ts'
import { withFreshSession } from '../../subgraphs/platform/mongo/fresh-session.ts'
import { createKey, demoKeys, hashKey, type ApiKey, type KeyHash } from './key.ts'

export interface KeyStore {
  /** All keys, also revoked ones. There are few for each participant, so all fit in memory. */
  all(): Promise<readonly ApiKey[]>
  /** Creates a key and returns it. Only its hash is stored, so it cannot be read again. */
  issue(grant: Pick<ApiKey, 'participant' | 'scopes' | 'label'>, now: Date): Promise<string>
  /** Revokes a key by its hash; false when there is none, or it was revoked before. */
  revoke(keyHash: KeyHash, now: Date): Promise<boolean>
  /** Adds the demo keys that are missing. */
  seedDemo(now: Date): Promise<void>
  /** Calls `reload` now and after every change of a key. Rejects when the first call does. */
  watch(reload: () => Promise<void>, logger: Logger): Promise<CollectionWatch>
}

export function createKeyStore(db: Db): KeyStore {
  const keys: Collection<ApiKey> = db.collection<ApiKey>('apiKeys')
  return {
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
