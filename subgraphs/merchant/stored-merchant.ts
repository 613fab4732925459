// The documents of merchants in MongoDB, and their indexes.

import type { Collection, Db } from 'mongodb'
import type { MerchantId } from '../../schema/values/id.ts'
import type { NameWords } from './common-words.ts'
import type { CountKey, ProfileKey, SpotId } from './count-key.ts'
import type { Merchant } from './merchant.ts'
import { fold } from './search-words.ts'

/** A document of the collection `merchants`: the merchant with the fields for search and counts. */
export type StoredMerchant = Omit<Merchant, 'id' | 'location'> & {
  readonly _id: MerchantId
  /** GeoJSON. */
  readonly location: {
    readonly type: 'Point'
    readonly coordinates: readonly [lng: number, lat: number]
  } | null
  /** The city, folded. */
  readonly cityFolded: string
  /** Folded words of both names without the common ones; see `wordsOf`. */
  readonly words: readonly string[]
  /** Common words of both names, which no index has; left out without any. */
  readonly commonWords?: readonly string[]
  readonly spot: SpotId
  readonly place: number
  readonly profile: ProfileKey
}

export const merchantCollection = (db: Db): Collection<StoredMerchant> =>
  db.collection<StoredMerchant>('merchants')

/**
 * Words of names by acquirer, so that the merchants of one acquirer with a beginning of a word are one range.
 * Covers the count of a search.
 */
export const wordIndex = { acquirer: 1, words: 1, spot: 1, place: 1, profile: 1 } as const

export const profileIndex = { profile: 1, _id: 1 } as const
export const acquirerIndex = { acquirer: 1, _id: 1 } as const

/**
 * Lists are in order of id, so each of their indexes ends in it. `profile` serves rare combinations of
 * filters, the others frequent ones; a search has `wordIndex`. On a sharded cluster,
 * shard by ranges of `_id`, which begins with the acquirer.
 */
export async function createMerchantIndexes(db: Db): Promise<void> {
  await merchantCollection(db).createIndexes([
    { key: profileIndex },
    { key: acquirerIndex },
    { key: { cityFolded: 1, _id: 1 } },
    { key: { mcc: 1, _id: 1 } },
    { key: wordIndex },
    { key: { location: '2dsphere' } },
  ])
}

export function storedMerchant(
  merchant: Merchant,
  { spot, place, profile }: CountKey,
  { rare, common }: NameWords,
): StoredMerchant {
  return {
    _id: merchant.id,
    acquirer: merchant.acquirer,
    mid: merchant.mid,
    name: merchant.name,
    localName: merchant.localName,
    status: merchant.status,
    ...(merchant.suspendedByOperator && { suspendedByOperator: true }),
    country: merchant.country,
    city: merchant.city,
    mcc: merchant.mcc,
    scenario: merchant.scenario,
    online: merchant.online,
    currency: merchant.currency,
    entryModes: merchant.entryModes,
    qrProducts: merchant.qrProducts,
    location: merchant.location && {
      type: 'Point',
      coordinates: [merchant.location.lng, merchant.location.lat],
    },
    cityFolded: fold(merchant.city),
    words: rare,
    ...(common.length > 0 && { commonWords: common }),
    spot: spot.id,
    place,
    profile,
  }
}

/** A projection without the fields that are not part of a merchant. */
export const merchantFields = {
  cityFolded: 0,
  words: 0,
  commonWords: 0,
  spot: 0,
  place: 0,
  profile: 0,
} as const

export function merchantOf({
  _id,
  location,
  ...rest
}: Omit<StoredMerchant, keyof typeof merchantFields>): Merchant {
  return {
    id: _id,
    ...rest,
    location: location && { lng: location.coordinates[0], lat: location.coordinates[1] },
  }
}
