// The counts of merchants in MongoDB: written in one MongoDB transaction with the merchants, and mirrored in
// every process.

import type { AnyBulkWriteOperation, ClientSession, Db } from 'mongodb'
import { chunks } from '../platform/async/chunks.ts'
import type { Logger } from '../platform/logger.ts'
import { openCollectionWatch, type CollectionChange } from '../platform/mongo/collection-watch.ts'
import { loaderById } from '../platform/mongo/loader-by-id.ts'
import { readCommonWords } from './common-words.ts'
import { CountCube, type SpotRecord } from './count-cube.ts'
import { splitEntry, type Profile, type ProfileKey, type SpotChange, type SpotId } from './count-key.ts'
import type { QrProduct } from './merchant.ts'

type Stored<Row extends { readonly id: string }> = Omit<Row, 'id'> & { readonly _id: Row['id'] }

/** The collections of the counts, of their profiles, and of QR products. */
export const countCollections = (db: Db) => ({
  spots: db.collection<Stored<SpotRecord>>('coverage'),
  profiles: db.collection<Profile & { readonly _id: ProfileKey }>('coverageProfiles'),
  products: db.collection<Stored<QrProduct>>('qrProducts'),
})

const watchedCollections = ['coverage', 'coverageProfiles', 'qrProducts'] as const
const spotsPerRead = 2_000

export interface CountStore {
  /** The current cube. A reload replaces it, so read it again after an await. */
  readonly cube: CountCube
  /** Reads these spots again now. When it resolves, the cube has their state at the call or a later one. */
  refresh(spots: readonly SpotId[]): Promise<void>
  close(): Promise<void>
}

/** Stores the profiles that are not stored yet. */
export async function saveProfiles(db: Db, profiles: ReadonlyMap<ProfileKey, Profile>): Promise<void> {
  if (profiles.size === 0) return
  await countCollections(db).profiles.bulkWrite(
    Array.from(profiles, ([_id, profile]) => ({
      updateOne: { filter: { _id }, update: { $setOnInsert: profile }, upsert: true },
    })),
    { ordered: false },
  )
}

/** Adds changes to the stored counts, as part of the session's MongoDB transaction. */
export async function addCounts(
  db: Db,
  changes: Iterable<SpotChange>,
  at: Date,
  session: ClientSession,
): Promise<void> {
  const operations = Array.from(changes, ({ spot, counts }): AnyBulkWriteOperation<Stored<SpotRecord>> => {
    const { id, ...head } = spot
    const increments = Array.from(counts, ([entry, by]) => [`counts.${entry}`, by] as const)
    const update = {
      $inc: { version: 1, ...Object.fromEntries(increments) },
      $max: { at },
      $setOnInsert: head,
    }
    return { updateOne: { filter: { _id: id }, update, upsert: true } }
  })
  if (operations.length === 0) return
  await countCollections(db).spots.bulkWrite(operations, { session, ordered: false })
}

/**
 * Loads the counts of `db` and keeps them current until `close`. A change reads its spot again, many changes
 * in one read; a spot has a version and never goes back to an earlier one. When the change stream breaks or a
 * collection is dropped, everything is loaded again, and the cube keeps its last state meanwhile. Rejects
 * when the first load fails.
 */
export async function openCountStore(db: Db, now: () => Date, logger: Logger): Promise<CountStore> {
  const spotLoader = loaderById(countCollections(db).spots, {
    batchMax: 1_000,
    flightsMax: 1,
    read: recordOf,
  })
  let cube = new CountCube(now())

  const refresh = async (ids: readonly SpotId[]): Promise<void> => {
    const target = cube
    const records = await spotLoader.loadMany(ids)
    await putSpots(
      db,
      target,
      records.filter((record) => record !== null),
    )
  }
  const apply = async ({ collection, documentKey, operationType }: CollectionChange): Promise<void> => {
    if (!documentKey || operationType === 'delete') {
      throw new Error(`the collection ${collection} changed as a whole`)
    }
    if (collection === 'coverage') await refresh([documentKey._id as SpotId])
    if (collection === 'qrProducts') await loadProducts(db, cube)
  }
  const watch = await openCollectionWatch({
    db,
    logger,
    content: 'coverage counts',
    collections: watchedCollections,
    async reload() {
      cube = await loadCube(db, now())
    },
    apply,
  })
  return {
    get cube() {
      return cube
    },
    refresh,
    close: () => watch.close(),
  }
}

async function loadCube(db: Db, at: Date): Promise<CountCube> {
  const { spots, profiles } = countCollections(db)
  const cube = new CountCube(at, await readCommonWords(db))
  for await (const { _id, ...profile } of profiles.find().batchSize(10_000)) cube.addProfile(_id, profile)
  await loadProducts(db, cube)
  for await (const stored of chunks(spots.find().batchSize(spotsPerRead), spotsPerRead)) {
    await putSpots(db, cube, stored.map(recordOf))
  }
  return cube
}

async function loadProducts(db: Db, cube: CountCube): Promise<void> {
  const stored = await countCollections(db).products.find().sort({ _id: 1 }).toArray()
  cube.products = new Map(stored.map(({ _id, ...product }) => [_id, { id: _id, ...product }]))
  cube.version++
}

/**
 * Profiles are stored before the spots that use them, so all profiles that the cube lacks can be read now.
 */
async function putSpots(db: Db, cube: CountCube, records: readonly SpotRecord[]): Promise<void> {
  const missing = new Set<ProfileKey>()
  for (const { counts } of records) {
    for (const entry in counts) {
      const { profile } = splitEntry(entry)
      if (!cube.hasProfile(profile)) missing.add(profile)
    }
  }
  if (missing.size > 0) {
    const found = countCollections(db).profiles.find({ _id: { $in: [...missing] } })
    for (const { _id, ...profile } of await found.toArray()) cube.addProfile(_id, profile)
  }
  for (const record of records) cube.put(record)
}

const recordOf = ({ _id, ...record }: Stored<SpotRecord>): SpotRecord => ({ id: _id, ...record })
