// The counts of merchants in MongoDB: written in one MongoDB transaction with the merchants, and mirrored in
// every process.

import type { AnyBulkWriteOperation, ClientSession, Db, Filter, FindCursor } from 'mongodb'
import { createLoader } from '../platform/async/batching.ts'
import { chunks } from '../platform/async/chunks.ts'
import { inSlices, type Steps } from '../platform/async/slices.ts'
import type { Logger } from '../platform/logger.ts'
import { openCollectionWatch, type CollectionChange } from '../platform/mongo/collection-watch.ts'
import { readCommonWords } from './common-words.ts'
import { CountCube, type SpotRecord } from './count-cube.ts'
import type { Profile, ProfileKey, SpotChange, SpotId } from './count-key.ts'
import type { QrProduct } from './merchant.ts'
import { readSpot, type PackedSpot } from './spot-bytes.ts'

type Stored<Row extends { readonly id: string }> = Omit<Row, 'id'> & { readonly _id: Row['id'] }

/** The collections of the counts, of their profiles, and of QR products. */
export const countCollections = (db: Db) => ({
  spots: db.collection<Stored<SpotRecord>>('coverage'),
  profiles: db.collection<Profile & { readonly _id: ProfileKey }>('coverageProfiles'),
  products: db.collection<Stored<QrProduct>>('qrProducts'),
})

const watchedCollections = ['coverage', 'coverageProfiles', 'qrProducts'] as const
/** Some spots have ten thousand counts: more would take too much memory at once. */
const spotsPerRead = 50

export interface CountStore {
  /** The current cube. A reload replaces it, so read it again after an await. */
  readonly cube: CountCube
  /** Reads these spots again now. When it resolves, the cube has their state at the call or a later one. */
  refresh(spots: readonly SpotId[]): Promise<void>
  /** Reads all QR products again now. */
  refreshProducts(): Promise<void>
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
  const spotLoader = createLoader<SpotId, Buffer>({
    batchMax: spotsPerRead,
    flightsMax: 1,
    async load(ids) {
      const found = await rawSpots(db, { _id: { $in: [...ids] } }).toArray()
      const byId = new Map(found.map((bytes) => [idOf(bytes), bytes]))
      return ids.map((id) => byId.get(id) ?? null)
    },
  })
  let cube = new CountCube(now())
  /** Changes while all counts are loaded, which may have been read before. */
  let missed: Map<string, CollectionChange> | null = null

  const refresh = async (ids: readonly SpotId[]): Promise<void> => {
    const target = cube
    const spots = await spotLoader.loadMany(ids)
    for (const some of chunks(spots, spotsPerRead)) {
      await putSpots(
        db,
        target,
        some.filter((bytes) => bytes !== null),
      )
    }
  }
  const apply = async (change: CollectionChange): Promise<void> => {
    const { collection, documentKey, operationType } = change
    if (!documentKey || operationType === 'delete') {
      throw new Error(`the collection ${collection} changed as a whole`)
    }
    missed?.set(`${collection} ${documentKey._id}`, change)
    if (collection === 'coverage') await refresh([documentKey._id as SpotId])
    if (collection === 'qrProducts') await loadProducts(db, cube)
  }
  const watch = await openCollectionWatch({
    db,
    logger,
    content: 'coverage counts',
    collections: watchedCollections,
    async reload() {
      missed = new Map()
      cube = await loadCube(db, now())
      const changes = missed
      missed = null
      for (const change of changes.values()) await apply(change)
    },
    apply,
  })
  return {
    get cube() {
      return cube
    },
    refresh,
    refreshProducts: () => loadProducts(db, cube),
    close: () => watch.close(),
  }
}

async function loadCube(db: Db, at: Date): Promise<CountCube> {
  const { profiles } = countCollections(db)
  const cube = new CountCube(at, await readCommonWords(db))
  for await (const { _id, ...profile } of profiles.find().batchSize(10_000)) cube.addProfile(_id, profile)
  await loadProducts(db, cube)
  for await (const stored of chunks(rawSpots(db, {}).batchSize(2 * spotsPerRead), spotsPerRead)) {
    await putSpots(db, cube, stored)
  }
  await inSlices(cube.prepareCitySums())
  return cube
}

async function loadProducts(db: Db, cube: CountCube): Promise<void> {
  const stored = await countCollections(db).products.find().sort({ _id: 1 }).toArray()
  cube.products = new Map(stored.map(({ _id, ...product }) => [_id, { id: _id, ...product }]))
  cube.version++
}

/**
 * Profiles are stored before the spots that use them, so all profiles that the cube lacks can be read now. A
 * merchant may have moved between two of the spots, so all of them change at once.
 */
async function putSpots(db: Db, cube: CountCube, stored: readonly Buffer[]): Promise<void> {
  const missing = new Set<ProfileKey>()
  let spots = await inSlices(readSpots(cube, stored, missing))
  if (missing.size > 0) {
    const found = countCollections(db).profiles.find({ _id: { $in: [...missing] } })
    for (const { _id, ...profile } of await found.toArray()) cube.addProfile(_id, profile)
    missing.clear()
    spots = await inSlices(readSpots(cube, stored, missing))
    if (missing.size > 0) throw new TypeError(`there is no profile ${[...missing].join()}`)
  }
  for (const spot of spots) cube.put(spot)
}

/** Without those that have profiles which the cube lacks: their keys are added to `missing`. */
function* readSpots(
  cube: CountCube,
  stored: readonly Buffer[],
  missing: Set<ProfileKey>,
): Steps<readonly PackedSpot[]> {
  const spots: PackedSpot[] = []
  for (const bytes of stored) {
    const spot = readSpot(
      bytes,
      (profile) => cube.numberOfProfile(profile),
      (profile) => missing.add(profile),
    )
    if (spot) spots.push(spot)
    yield
  }
  return spots
}

/** The documents of spots as bytes: see `spot-bytes.ts`. */
const rawSpots = (db: Db, filter: Filter<Stored<SpotRecord>>): FindCursor<Buffer> =>
  countCollections(db).spots.find(filter, { raw: true }) as unknown as FindCursor<Buffer>

/** The id is the first field of a document. */
function idOf(bytes: Buffer): SpotId {
  const valueAt = bytes.indexOf(0, 5) + 1
  return bytes.toString('utf8', valueAt + 4, valueAt + 4 + bytes.readInt32LE(valueAt) - 1) as SpotId
}
