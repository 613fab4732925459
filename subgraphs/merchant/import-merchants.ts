// Imports merchants and QR products as a whole, for data sets and first starts. Several threads may import
// parts of one data set: each with `createMerchantImport`, then one of them with `finishMerchants`.

import type { Db } from 'mongodb'
import { chunks } from '../platform/async/chunks.ts'
import { importing, insertAll } from '../platform/mongo/bulk-write.ts'
import { createCompressed } from '../platform/mongo/create-compressed.ts'
import { isDuplicateKey } from '../platform/mongo/errors.ts'
import { NameWordsCache, saveCommonWords, type CommonWords } from './common-words.ts'
import { CountKeys } from './count-key.ts'
import { countCollections } from './count-store.ts'
import { JoinedTally, MerchantTally, type SpotCounts, type TallyParts } from './merchant-tally.ts'
import type { Merchant, QrProduct } from './merchant.ts'
import { createMerchantIndexes, merchantCollection, storedMerchant } from './stored-merchant.ts'

const groupSize = 2_000
const flightsMax = 2

export interface MerchantImport {
  /**
   * Counts `merchants`, and writes them unless `stored` is `all`. `some`: an earlier import may have written
   * some of them. Returns how many there were.
   */
  add(
    merchants: AsyncIterable<Merchant> | Iterable<Merchant>,
    stored?: 'none' | 'some' | 'all',
    onAdded?: (merchants: number) => void,
  ): Promise<number>
  /** Returns the counts of all merchants that were added, and begins again without any. */
  takeCounts(): TallyParts
}

export function createMerchantImport(db: Db, commonWords: CommonWords): MerchantImport {
  const collection = merchantCollection(db)
  const tally = new MerchantTally()
  const keys = new CountKeys()
  const nameWords = new NameWordsCache(commonWords)
  return {
    add: (merchants, stored = 'none', onAdded = () => {}) =>
      inGroups(merchants, async (group) => {
        const rows = group.map((merchant) => {
          const words = nameWords.of(merchant)
          const key = keys.of(merchant, words.common)
          tally.add(key, keys.profiles)
          return stored === 'all' ? null : storedMerchant(merchant, key, words)
        })
        const written = rows.filter((row) => row !== null)
        const errors = await insertAll(collection, written, importing)
        const failed = errors.find((error) => stored !== 'some' || !isDuplicateKey(error))
        if (failed) {
          const { _id } = written[failed.index]!
          throw new Error(
            `merchant ${_id} cannot be imported: ${isDuplicateKey(failed) ? 'duplicate key' : failed.code}`,
          )
        }
        onAdded(group.length)
      }),
    takeCounts: () => tally.take(),
  }
}

/** Deletes all merchants, and what is derived from them. `words` are the common words of the new ones. */
export async function clearMerchants(db: Db, words: CommonWords): Promise<void> {
  const all = [merchantCollection(db), ...Object.values(countCollections(db))]
  await Promise.all(all.map((collection) => collection.drop()))
  await createCompressed(db, merchantCollection(db).collectionName)
  await saveCommonWords(db, words)
}

export interface MerchantsToFinish {
  readonly counts: readonly TallyParts[]
  readonly products: Iterable<QrProduct>
  readonly at: Date
}

/** Creates the indexes and the counts of imported merchants. May be repeated. */
export async function finishMerchants(db: Db, { counts, products, at }: MerchantsToFinish): Promise<void> {
  const tally = new JoinedTally(counts)
  await Promise.all(Object.values(countCollections(db)).map((collection) => collection.drop()))
  await Promise.all([createMerchantIndexes(db), saveCounts(db, tally, at)])
  const rows = Array.from(products, ({ id, ...product }) => ({ _id: id, ...product }))
  if (rows.length > 0) await countCollections(db).products.insertMany(rows)
}

/**
 * Replaces all merchants and products of `db`, then creates the indexes and the counts. Merchants are written
 * in groups, so there may be any number of them; their ids must be distinct. Returns how many merchants there
 * were.
 */
export async function importMerchants(
  db: Db,
  merchants: AsyncIterable<Merchant> | Iterable<Merchant>,
  options: {
    readonly products: Iterable<QrProduct>
    readonly at?: Date
    readonly commonWords?: CommonWords
  },
): Promise<number> {
  const { products, at = new Date(), commonWords = new Set() } = options
  await clearMerchants(db, commonWords)
  const merchantImport = createMerchantImport(db, commonWords)
  const imported = await merchantImport.add(merchants)
  await finishMerchants(db, { counts: [merchantImport.takeCounts()], products, at })
  return imported
}

async function saveCounts(db: Db, tally: JoinedTally, at: Date): Promise<void> {
  const collections = countCollections(db)
  await inGroups(tally.profiles, async (group) => {
    const rows = group.map(([_id, profile]) => ({ _id, ...profile }))
    throwIfFailed(await insertAll(collections.profiles, rows, importing))
  })
  // A map of counts is written as a document.
  const spots = db.collection<{ readonly _id: string }>(collections.spots.collectionName)
  await inFlight(groupsOf(tally.spots()), async (group) => {
    const rows = group.map(({ spot: { id, ...head }, counts }) => {
      return { _id: id, ...head, version: 1, at, counts }
    })
    throwIfFailed(await insertAll(spots, rows, importing))
  })
}

/** A spot of a large city has ten thousand counts, and most spots have few. */
const groupCounts = 20_000

function* groupsOf(spots: Iterable<SpotCounts>): Iterable<readonly SpotCounts[]> {
  let group: SpotCounts[] = []
  let counts = 0
  for (const spot of spots) {
    group.push(spot)
    counts += spot.counts.size
    if (counts < groupCounts) continue
    yield group
    ;[group, counts] = [[], 0]
  }
  if (group.length > 0) yield group
}

function throwIfFailed([error]: Awaited<ReturnType<typeof insertAll>>): void {
  if (error) throw new Error(`the counts cannot be written: error ${error.code}`)
}

/** Writes `rows` in groups. Returns how many rows there were. */
const inGroups = <Row>(
  rows: AsyncIterable<Row> | Iterable<Row>,
  write: (group: readonly Row[]) => Promise<void>,
): Promise<number> => inFlight(chunks(rows, groupSize), write)

/** Writes groups, at most `flightsMax` at a time. Returns how many rows they had. */
async function inFlight<Row>(
  groups: AsyncIterable<readonly Row[]> | Iterable<readonly Row[]>,
  write: (group: readonly Row[]) => Promise<void>,
): Promise<number> {
  const flights = new Set<Promise<void>>()
  let total = 0
  for await (const group of groups) {
    total += group.length
    const flight = write(group).finally(() => flights.delete(flight))
    flight.catch(() => {}) // The error is thrown by the next await of the flights.
    flights.add(flight)
    if (flights.size >= flightsMax) await Promise.race(flights)
  }
  await Promise.all(flights)
  return total
}
