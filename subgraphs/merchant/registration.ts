// Changes merchants. Whoever writes a merchant writes its count with it, so that the counts are never wrong.

import { isDeepStrictEqual } from 'node:util'
import type { AnyBulkWriteOperation, Db } from 'mongodb'
import { addCounts, saveProfiles, type CountStore } from './count-store.ts'
import type { Merchant } from './merchant.ts'
import { merchantCollection, storedMerchant, type StoredMerchant } from './stored-merchant.ts'
import { count, profileOf, countKeyOf, type Profile, type SpotChange, type CountKey } from './count-key.ts'

export interface Registration {
  /** Each with an id of its own. */
  readonly merchants: readonly Merchant[]
  readonly at: Date
}

export interface Registered {
  readonly created: number
  /** Those that were there, whether they changed or not. */
  readonly updated: number
}

/** Writes merchants and counts in one MongoDB transaction, then waits until `counts` has them. */
export async function writeMerchants(
  db: Db,
  counts: CountStore,
  { merchants, at }: Registration,
): Promise<Registered> {
  const collection = merchantCollection(db)
  const ids = merchants.map(({ id }) => id)
  const { updated, spots } = await db.client.withSession((session) =>
    session.withTransaction(async () => {
      const found = await collection.find({ _id: { $in: ids } }, { session }).toArray()
      const { operations, changes, profiles } = plan(merchants, new Map(found.map((one) => [one._id, one])))
      for (const key of profiles.keys()) if (counts.cube.knows(key)) profiles.delete(key)
      await saveProfiles(db, profiles)
      if (operations.length > 0) await collection.bulkWrite(operations, { session, ordered: false })
      await addCounts(db, changes.values(), at, session)
      return { updated: found.length, spots: [...changes.keys()] }
    }),
  )
  await counts.refresh(spots)
  return { created: ids.length - updated, updated }
}

/** What it takes to bring the stored merchants to what `merchants` say. */
function plan(merchants: readonly Merchant[], stored: ReadonlyMap<string, StoredMerchant>) {
  const operations: AnyBulkWriteOperation<StoredMerchant>[] = []
  const changes = new Map<string, SpotChange>()
  const profiles = new Map<string, Profile>()
  for (const described of merchants) {
    const before = stored.get(described.id)
    const merchant = before ? { ...described, status: before.status } : described
    const tally = countKeyOf(merchant)
    const replacement = storedMerchant(merchant, tally)
    if (before && isDeepStrictEqual(before, replacement)) continue
    if (before) count(changes, tallyOfStored(before), -1)
    count(changes, tally, 1)
    profiles.set(tally.profile, profileOf(merchant))
    operations.push({ replaceOne: { filter: { _id: merchant.id }, replacement, upsert: true } })
  }
  for (const [id, { counts }] of changes) if (counts.size === 0) changes.delete(id)
  return { operations, changes, profiles }
}

function tallyOfStored({ spot, country, city, place, profile }: StoredMerchant): CountKey {
  const region = spot.slice(spot.lastIndexOf('|') + 1)
  return { spot: { id: spot, country, city, region: region || null }, place, profile }
}
