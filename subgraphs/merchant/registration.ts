// Registers merchants: writes each merchant and its count in one MongoDB transaction, so the counts are
// always exact.

import { isDeepStrictEqual } from 'node:util'
import type { AnyBulkWriteOperation, ClientSession, Db } from 'mongodb'
import type { MerchantId } from '../../schema/values/id.ts'
import { isRefusal, type Refusal } from '../../schema/values/problems.ts'
import { nameWordsOf, type CommonWords } from './common-words.ts'
import {
  addChange,
  countKeyOf,
  profileOf,
  type CountKey,
  type Profile,
  type ProfileKey,
  type SpotChange,
  type SpotId,
} from './count-key.ts'
import { addCounts, saveProfiles, type CountStore } from './count-store.ts'
import type { Merchant } from './merchant.ts'
import { merchantCollection, merchantOf, storedMerchant, type StoredMerchant } from './stored-merchant.ts'

export interface Registration {
  /** Their ids are distinct. */
  readonly merchants: readonly Merchant[]
  readonly at: Date
  /** Writes more in the same MongoDB transaction. It may run several times, of which one counts. */
  readonly alsoWrite?: AlsoWrite | undefined
}

export type AlsoWrite = (registered: Registered, session: ClientSession) => Promise<void>

export interface Registered {
  readonly created: number
  /** Merchants that existed, changed or not. */
  readonly updated: number
}

/** Writes merchants and counts in one MongoDB transaction, then refreshes `counts`. */
export async function writeMerchants(
  db: Db,
  counts: CountStore,
  { merchants, at, alsoWrite }: Registration,
): Promise<Registered> {
  const collection = merchantCollection(db)
  const ids = merchants.map(({ id }) => id)
  const { updated, spots } = await db.client.withSession((session) =>
    session.withTransaction(async () => {
      const found = await collection.find({ _id: { $in: ids } }, { session }).toArray()
      const { operations, changes, profiles } = planWrites(
        merchants,
        new Map(found.map((one) => [one._id, one])),
        counts.cube.commonWords,
      )
      for (const key of profiles.keys()) if (counts.cube.hasProfile(key)) profiles.delete(key)
      await saveProfiles(db, profiles)
      if (operations.length > 0) await collection.bulkWrite(operations, { session, ordered: false })
      await addCounts(db, changes.values(), at, session)
      await alsoWrite?.({ created: ids.length - found.length, updated: found.length }, session)
      return { updated: found.length, spots: [...changes.keys()] }
    }),
  )
  await counts.refresh(spots)
  return { created: ids.length - updated, updated }
}

/**
 * Changes one merchant by `rule` together with its counts, as part of the session's MongoDB transaction.
 * Returns null when there is none, and the spots whose counts have changed with the merchant.
 */
export async function changeMerchant(
  db: Db,
  commonWords: CommonWords,
  id: MerchantId,
  rule: (merchant: Merchant) => Merchant | Refusal,
  at: Date,
  session: ClientSession,
): Promise<{ readonly merchant: Merchant; readonly spots: readonly SpotId[] } | Refusal | null> {
  const collection = merchantCollection(db)
  const before = await collection.findOne({ _id: id }, { session })
  if (!before) return null
  const merchant = rule(merchantOf(before))
  if (isRefusal(merchant)) return merchant
  const words = nameWordsOf(merchant, commonWords)
  const countKey = countKeyOf(merchant, words.common)
  const changes = new Map<SpotId, SpotChange>()
  addChange(changes, storedCountKey(before), -1)
  addChange(changes, countKey, 1)
  // Outside the MongoDB transaction: a profile without a merchant does no harm.
  await saveProfiles(db, new Map([[countKey.profile, profileOf(merchant, words.common)]]))
  const { _id, ...replacement } = storedMerchant(merchant, countKey, words)
  await collection.replaceOne({ _id }, replacement, { session })
  await addCounts(db, changes.values(), at, session)
  return { merchant, spots: [...changes.keys()] }
}

/** The writes that turn the stored merchants into `merchants`. A stored merchant keeps its status. */
function planWrites(
  merchants: readonly Merchant[],
  stored: ReadonlyMap<MerchantId, StoredMerchant>,
  commonWords: CommonWords,
) {
  const operations: AnyBulkWriteOperation<StoredMerchant>[] = []
  const changes = new Map<SpotId, SpotChange>()
  const profiles = new Map<ProfileKey, Profile>()
  for (const described of merchants) {
    const before = stored.get(described.id)
    const { status, suspendedByOperator } = before ?? described
    const merchant = { ...described, status, ...(suspendedByOperator && { suspendedByOperator }) }
    const words = nameWordsOf(merchant, commonWords)
    const countKey = countKeyOf(merchant, words.common)
    const replacement = storedMerchant(merchant, countKey, words)
    if (before && isDeepStrictEqual(before, replacement)) continue
    if (before) addChange(changes, storedCountKey(before), -1)
    addChange(changes, countKey, 1)
    profiles.set(countKey.profile, profileOf(merchant, words.common))
    operations.push({ replaceOne: { filter: { _id: merchant.id }, replacement, upsert: true } })
  }
  // A spot gets a new version also when its counts stay the same, as by another name: what was found in it
  // before is not kept.
  return { operations, changes, profiles }
}

function storedCountKey({ spot, country, city, place, profile }: StoredMerchant): CountKey {
  const region = spot.slice(spot.lastIndexOf('|') + 1)
  return { spot: { id: spot, country, city, region: region || null }, place, profile }
}
