// API keys in MongoDB: the collection `apiKeys`, which belongs to the gateway alone.

import type { Collection, Db } from 'mongodb'
import type { Scope } from '../../schema/values/scopes.ts'
import { openCollectionWatch, type CollectionWatch } from '../../subgraphs/platform/mongo/collection-watch.ts'
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
  /** Tells of every change after this resolves; what it resolves to stops that. */
  follow(follower: CollectionWatch): Promise<() => Promise<void>>
}

export function keyStore(db: Db): KeyStore {
  const keys: Collection<ApiKey> = db.collection<ApiKey>('apiKeys')
  return {
    async all() {
      const session = db.client.startSession({ causalConsistency: true })
      try {
        // The session makes the reading wait for the time that the ping gives.
        await db.command({ ping: 1 }, { session })
        return await keys.find({}, { session }).toArray()
      } finally {
        await session.endSession()
      }
    },

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

    follow: (follower) => openCollectionWatch(db, ['apiKeys'], follower),
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
