// API keys in MongoDB: the collection `apiKeys`, which belongs to the gateway alone.

import type { Collection, Db } from 'mongodb'
import type { Scope } from '../../schema/values/scopes.ts'
import type { Logger } from '../../subgraphs/platform/logger.ts'
import { openCollectionWatch, type CollectionWatch } from '../../subgraphs/platform/mongo/collection-watch.ts'
import { withFreshSession } from '../../subgraphs/platform/mongo/fresh-session.ts'
import { demoKeys, hashKey, newKey, type ApiKey } from './key.ts'

export interface KeyStore {
  /** All keys, revoked ones included: there are a few per participant, so all fit in memory. */
  all(): Promise<readonly ApiKey[]>
  /** Makes a key and gives it out, for the only time. */
  issue(grant: Pick<ApiKey, 'participant' | 'scopes' | 'label'>, now: Date): Promise<string>
  /** Ends a key by its hash; false when there is none that still stands. */
  revoke(keyHash: string, now: Date): Promise<boolean>
  /** Adds the demo keys that are not there yet. */
  seedDemo(now: Date): Promise<void>
  /** Calls `reload` now and after every change of a key. Rejects when the first call does. */
  watch(reload: () => Promise<void>, logger: Logger): Promise<CollectionWatch>
}

export function keyStore(db: Db): KeyStore {
  const keys: Collection<ApiKey> = db.collection<ApiKey>('apiKeys')
  return {
    all: () => withFreshSession(db, (session) => keys.find({}, { session }).toArray()),

    async issue({ participant, scopes, label }, now) {
      const key = newKey()
      await keys.insertOne(aKey(key, participant, scopes, label, now))
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
          const { _id, ...rest } = aKey(key, participant, scopes, key, now)
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

const aKey = (
  key: string,
  participant: string,
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
