// The kept counts in MongoDB: written together with the merchants they count, and mirrored in every process.
import type { AnyBulkWriteOperation, ClientSession, Collection, Db } from 'mongodb'
import { createLoader } from '../platform/async/batching.ts'
import { CountCube, type SpotRecord } from './count-cube.ts'
import type { QrProduct } from './merchant.ts'
import { openCollectionWatch } from '../platform/mongo/collection-watch.ts'
import { splitEntry, type Profile, type SpotChange } from './count-key.ts'
import type { Logger } from '../platform/logger.ts'

type Stored<Row> = Omit<Row, 'id'> & { readonly _id: string }

/** Collections of the kept counts, and of what they are counted by. */
export const countCollections = (db: Db) => ({
  spots: db.collection<Stored<SpotRecord>>('coverage'),
  profiles: db.collection<Profile & { readonly _id: string }>('coverageProfiles'),
  products: db.collection<Stored<QrProduct>>('qrProducts'),
})

const watchedCollections = ['coverage', 'coverageProfiles', 'qrProducts'] as const

/** The cube, kept as MongoDB has it. */
export interface CountStore {
  /** As of now. It is replaced when everything had to be read again, so keep none across an await. */
  readonly cube: CountCube
  /** Reads these spots again now: for who has just changed them and wants to see it. */
  refresh(spots: readonly string[]): Promise<void>
  close(): Promise<void>
}

/** Makes profiles known that the cube does not know yet. Repeating it changes nothing. */
export async function saveProfiles(db: Db, profiles: ReadonlyMap<string, Profile>): Promise<void> {
  if (profiles.size === 0) return
  await countCollections(db).profiles.bulkWrite(
    Array.from(profiles, ([_id, profile]) => ({
      updateOne: { filter: { _id }, update: { $setOnInsert: profile }, upsert: true },
    })),
    { ordered: false },
  )
}

/** Adds changes to the kept counts, as part of the session's MongoDB transaction. */
export async function addCounts(
  db: Db,
  changes: Iterable<SpotChange>,
  at: Date,
  session: ClientSession,
): Promise<void> {
  const operations = Array.from(changes, ({ spot, counts }): AnyBulkWriteOperation<Stored<SpotRecord>> => {
    const { id, ...head } = spot
    const steps = Array.from(counts, ([entry, by]) => [`counts.${entry}`, by] as const)
    const update = { $inc: { version: 1, ...Object.fromEntries(steps) }, $max: { at }, $setOnInsert: head }
    return { updateOne: { filter: { _id: id }, update, upsert: true } }
  })
  if (operations.length > 0)
    await countCollections(db).spots.bulkWrite(operations, { session, ordered: false })
}

/**
 * Loads the kept counts of `db` and follows them until `close`. A change makes its spot be read again, many changes
 * together; a spot never goes back, because it has a version. When the stream of changes breaks, or a collection is
 * dropped, everything is read again, and the cube says what it last knew meanwhile. Rejects when the first load fails.
 */
export async function openCountStore(db: Db, now: () => Date, logger: Logger): Promise<CountStore> {
  const { spots, products } = countCollections(db)
  let cube = new CountCube(now())
  const spotLoader = createLoader<string, SpotRecord>({
    batchMax: 1_000,
    flightsMax: 1,
    load: async (ids) => inOrder(ids, await readSpots(spots, ids)),
  })
  const refresh = async (ids: readonly string[]): Promise<void> => {
    const into = cube
    await putAll(
      db,
      into,
      (await spotLoader.loadMany(ids)).filter((record) => record !== null),
    )
  }

  const { close } = await openCollectionWatch({
    db,
    logger,
    content: 'coverage counts',
    collections: watchedCollections,
    async reload() {
      cube = await load(db, now())
    },
    async apply({ collection, documentKey, operationType }) {
      if (!documentKey || operationType === 'delete') throw new Error(`${collection} was changed as a whole`)
      if (collection === 'coverage') await refresh([documentKey._id])
      if (collection === 'qrProducts') setProducts(cube, await products.find().sort({ _id: 1 }).toArray())
    },
  })
  return {
    get cube() {
      return cube
    },
    refresh,
    close,
  }
}

async function load(db: Db, at: Date): Promise<CountCube> {
  const { spots, profiles, products } = countCollections(db)
  const cube = new CountCube(at)
  for await (const { _id, ...profile } of profiles.find().batchSize(10_000)) cube.addProfile(_id, profile)
  setProducts(cube, await products.find().sort({ _id: 1 }).toArray())
  let records: SpotRecord[] = []
  for await (const stored of spots.find().batchSize(2_000)) {
    records.push(recordOf(stored))
    if (records.length === 2_000) await putAll(db, cube, records.splice(0))
  }
  await putAll(db, cube, records)
  return cube
}

/** Profiles are written before the spots that use them, so those that the cube lacks can be read now. */
async function putAll(db: Db, cube: CountCube, records: readonly SpotRecord[]): Promise<void> {
  const missing = new Set<string>()
  for (const { counts } of records) {
    for (const entry in counts) {
      const { profile } = splitEntry(entry)
      if (!cube.knows(profile)) missing.add(profile)
    }
  }
  if (missing.size > 0) {
    const found = await countCollections(db)
      .profiles.find({ _id: { $in: [...missing] } })
      .toArray()
    for (const { _id, ...profile } of found) cube.addProfile(_id, profile)
  }
  for (const record of records) cube.put(record)
}

function setProducts(cube: CountCube, stored: readonly Stored<QrProduct>[]): void {
  cube.products = new Map(stored.map(({ _id, ...product }) => [_id, { id: _id, ...product }]))
  cube.version++
}

const recordOf = ({ _id, ...record }: Stored<SpotRecord>): SpotRecord => ({ id: _id, ...record })

const readSpots = async (
  spots: Collection<Stored<SpotRecord>>,
  ids: readonly string[],
): Promise<SpotRecord[]> => (await spots.find({ _id: { $in: [...ids] } }).toArray()).map(recordOf)

function inOrder<Row extends { readonly id: string }>(
  ids: readonly string[],
  rows: readonly Row[],
): (Row | null)[] {
  const byId = new Map(rows.map((row) => [row.id, row]))
  return ids.map((id) => byId.get(id) ?? null)
}
