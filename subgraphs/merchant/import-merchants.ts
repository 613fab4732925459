// Loads merchants and QR products as a whole: for data sets and first starts.

import type { Db } from 'mongodb'
import { countCollections } from './count-store.ts'
import type { Merchant, QrProduct } from './merchant.ts'
import { createMerchantIndexes, merchantCollection, storedMerchant } from './stored-merchant.ts'
import { count, profileOf, countKeyOf, type Profile, type SpotChange } from './count-key.ts'

const groupSize = 2_000
const flightsMax = 3

/** Only the last writes wait for the journal of a majority: a load that is cut short is started again. */
const quick = { ordered: false, writeConcern: { w: 1, journal: false } } as const

/**
 * Replaces all merchants and products of `db`, then makes indexes and kept counts. `merchants` may be as many as MongoDB
 * holds: they pass through in groups. Ids must be unique. Returns how many there were.
 */
export async function importMerchants(
  db: Db,
  merchants: AsyncIterable<Merchant> | Iterable<Merchant>,
  { products, at = new Date() }: { readonly products: Iterable<QrProduct>; readonly at?: Date },
): Promise<number> {
  const stored = merchantCollection(db)
  await Promise.all([stored, ...Object.values(countCollections(db))].map((collection) => collection.drop()))

  const profiles = new Map<string, Profile>()
  const changes = new Map<string, SpotChange>()
  const imported = await inGroups(merchants, async (group) => {
    const rows = group.map((merchant) => {
      const tally = countKeyOf(merchant)
      if (!profiles.has(tally.profile)) profiles.set(tally.profile, profileOf(merchant))
      count(changes, tally, 1)
      return storedMerchant(merchant, tally)
    })
    await stored.insertMany(rows, quick)
  })
  await Promise.all([createMerchantIndexes(db), saveCounts(db, profiles, changes.values(), at)])
  await saveProducts(db, products)
  return imported
}

async function saveCounts(
  db: Db,
  profiles: ReadonlyMap<string, Profile>,
  changes: Iterable<SpotChange>,
  at: Date,
): Promise<void> {
  const collections = countCollections(db)
  await inGroups(profiles, async (group) => {
    const rows = group.map(([_id, profile]) => ({ _id, ...profile }))
    await collections.profiles.insertMany(rows, quick)
  })
  await inGroups(changes, async (group) => {
    const rows = group.map(({ spot: { id, ...head }, counts }) => {
      return { _id: id, ...head, version: 1, at, counts: Object.fromEntries(counts) }
    })
    await collections.spots.insertMany(rows, quick)
  })
}

async function saveProducts(db: Db, products: Iterable<QrProduct>): Promise<void> {
  const rows = Array.from(products, ({ id, ...product }) => ({ _id: id, ...product }))
  if (rows.length > 0) await countCollections(db).products.insertMany(rows)
}

/** Hands on `rows` in groups, `flightsMax` at a time. Returns how many rows there were. */
async function inGroups<Row>(
  rows: AsyncIterable<Row> | Iterable<Row>,
  write: (group: readonly Row[]) => Promise<void>,
): Promise<number> {
  const flights = new Set<Promise<void>>()
  let total = 0
  let group: Row[] = []
  const leave = async (): Promise<void> => {
    total += group.length
    const flight = write(group).finally(() => flights.delete(flight))
    flight.catch(() => {}) // Seen by whoever awaits the flights next.
    flights.add(flight)
    group = []
    if (flights.size >= flightsMax) await Promise.race(flights)
  }
  for await (const row of rows) {
    group.push(row)
    if (group.length === groupSize) await leave()
  }
  if (group.length > 0) await leave()
  await Promise.all(flights)
  return total
}
