// Imports merchants and QR products as a whole, for data sets and first starts.

import type { Db } from 'mongodb'
import { chunks } from '../platform/async/chunks.ts'
import {
  addChange,
  countKeyOf,
  profileOf,
  type Profile,
  type ProfileKey,
  type SpotChange,
  type SpotId,
} from './count-key.ts'
import { countCollections } from './count-store.ts'
import type { Merchant, QrProduct } from './merchant.ts'
import { createMerchantIndexes, merchantCollection, storedMerchant } from './stored-merchant.ts'

const groupSize = 2_000
const flightsMax = 3

/** Only the last write waits for the journal of a majority: an interrupted import is repeated as a whole. */
const fastWrite = { ordered: false, writeConcern: { w: 1, journal: false } } as const

/**
 * Replaces all merchants and products of `db`, then creates the indexes and the counts. Merchants are written
 * in groups, so there may be any number of them; their ids must be distinct. Returns how many merchants there
 * were.
 */
export async function importMerchants(
  db: Db,
  merchants: AsyncIterable<Merchant> | Iterable<Merchant>,
  { products, at = new Date() }: { readonly products: Iterable<QrProduct>; readonly at?: Date },
): Promise<number> {
  const stored = merchantCollection(db)
  await Promise.all([stored, ...Object.values(countCollections(db))].map((collection) => collection.drop()))

  const profiles = new Map<ProfileKey, Profile>()
  const changes = new Map<SpotId, SpotChange>()
  const imported = await inGroups(merchants, async (group) => {
    const rows = group.map((merchant) => {
      const countKey = countKeyOf(merchant)
      if (!profiles.has(countKey.profile)) profiles.set(countKey.profile, profileOf(merchant))
      addChange(changes, countKey, 1)
      return storedMerchant(merchant, countKey)
    })
    await stored.insertMany(rows, fastWrite)
  })
  await Promise.all([createMerchantIndexes(db), saveCounts(db, profiles, changes.values(), at)])
  await saveProducts(db, products)
  return imported
}

async function saveCounts(
  db: Db,
  profiles: ReadonlyMap<ProfileKey, Profile>,
  changes: Iterable<SpotChange>,
  at: Date,
): Promise<void> {
  const collections = countCollections(db)
  await inGroups(profiles, async (group) => {
    const rows = group.map(([_id, profile]) => ({ _id, ...profile }))
    await collections.profiles.insertMany(rows, fastWrite)
  })
  await inGroups(changes, async (group) => {
    const rows = group.map(({ spot: { id, ...head }, counts }) => {
      return { _id: id, ...head, version: 1, at, counts: Object.fromEntries(counts) }
    })
    await collections.spots.insertMany(rows, fastWrite)
  })
}

async function saveProducts(db: Db, products: Iterable<QrProduct>): Promise<void> {
  const rows = Array.from(products, ({ id, ...product }) => ({ _id: id, ...product }))
  if (rows.length > 0) await countCollections(db).products.insertMany(rows)
}

/** Writes `rows` in groups, at most `flightsMax` at a time. Returns how many rows there were. */
async function inGroups<Row>(
  rows: AsyncIterable<Row> | Iterable<Row>,
  write: (group: readonly Row[]) => Promise<void>,
): Promise<number> {
  const flights = new Set<Promise<void>>()
  let total = 0
  for await (const group of chunks(rows, groupSize)) {
    total += group.length
    const flight = write(group).finally(() => flights.delete(flight))
    flight.catch(() => {}) // The error is thrown by the next await of the flights.
    flights.add(flight)
    if (flights.size >= flightsMax) await Promise.race(flights)
  }
  await Promise.all(flights)
  return total
}
