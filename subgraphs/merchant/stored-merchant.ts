// How merchants lie in MongoDB: their form, and the indexes that lists of them need.

import type { Collection, Db } from 'mongodb'
import type { Merchant } from './merchant.ts'
import type { CountKey } from './count-key.ts'
import { fold, wordsOf } from './search-words.ts'
import type { MerchantId } from '../../schema/values/id.ts'

/** How a merchant lies in its collection: with what it is found and counted by. */
export type StoredMerchant = Omit<Merchant, 'id' | 'location'> & {
  readonly _id: MerchantId
  /** GeoJSON. */
  readonly location: {
    readonly type: 'Point'
    readonly coordinates: readonly [lng: number, lat: number]
  } | null
  /** The city, folded. */
  readonly cityFolded: string
  /** What a search may begin with. */
  readonly words: readonly string[]
  readonly spot: string
  readonly place: number
  readonly profile: string
}

export const merchantCollection = (db: Db): Collection<StoredMerchant> =>
  db.collection<StoredMerchant>('merchants')

/**
 * Lists are by id, so each index ends in it. `profile` finds rare combinations, the others frequent ones; the index on
 * words holds all that a count by search needs. On a sharded cluster, shard by ranges of `_id`, which begins with the acquirer.
 */
export async function createMerchantIndexes(db: Db): Promise<void> {
  await merchantCollection(db).createIndexes([
    { key: { profile: 1, _id: 1 } },
    { key: { acquirer: 1, _id: 1 } },
    { key: { cityFolded: 1, _id: 1 } },
    { key: { mcc: 1, _id: 1 } },
    { key: { words: 1, spot: 1, place: 1, profile: 1 } },
    { key: { location: '2dsphere' } },
  ])
}

/** A merchant as it is stored. */
export function storedMerchant(merchant: Merchant, { spot, place, profile }: CountKey): StoredMerchant {
  const { id, location, ...rest } = merchant
  return {
    _id: id,
    ...rest,
    location: location && { type: 'Point', coordinates: [location.lng, location.lat] },
    cityFolded: fold(merchant.city),
    words: wordsOf(merchant.name, merchant.localName),
    spot: spot.id,
    place,
    profile,
  }
}

/** Kept beside a merchant, but no part of it. */
export const shown = { cityFolded: 0, words: 0, spot: 0, place: 0, profile: 0 } as const

export function merchantOf({ _id, location, ...rest }: Omit<StoredMerchant, keyof typeof shown>): Merchant {
  return {
    id: _id,
    ...rest,
    location: location && { lng: location.coordinates[0], lat: location.coordinates[1] },
  }
}
