// Checkpoints of projections, and the epochs of their results.

import type { LogEntry } from './entry.ts'
import { archiveOf, readLog, readTip } from './store.ts'
import type { Collection, Db, Document } from 'mongodb'

/** The results of one epoch. */
export interface Results {
  readonly epoch: number
  collection<Doc extends Document>(name: string): Collection<Doc>
}

/** How far results go. */
export interface EpochPosition {
  /** Counts up with every rebuild, from 0. */
  readonly epoch: number
  /** Every entry up to here is in them; 0 before the first. */
  readonly position: bigint
}

/** A document of the collection `places`: where a reader of the log stands. What lies after the lowest place must be kept. */
export interface Checkpoint extends EpochPosition {
  /** The reader's name. */
  readonly _id: string
  /** While it is made anew: what is shown meanwhile. */
  readonly shown?: EpochPosition
}

/** What of reader `name` is to be shown. */
export async function publishedOf(db: Db, name: string): Promise<EpochPosition> {
  const checkpoint = await checkpointsOf(db).findOne({ _id: name })
  const { epoch, position } = checkpoint?.shown ?? checkpoint ?? beginning
  return { epoch, position }
}

/** Lets `name` begin after `position`, if it has not begun yet: for one that makes nothing of what came before. */
export async function beginAfter(db: Db, name: string, position: bigint): Promise<void> {
  await checkpointsOf(db).updateOne({ _id: name }, { $setOnInsert: { epoch: 0, position } }, { upsert: true })
}

export const resultsOf = (db: Db, epoch: number): Results => ({
  epoch,
  collection: (name) => db.collection(collectionName(name, epoch)),
})

/** Reads from the results that are to be shown; again when they have changed over to another epoch meanwhile. */
export async function readPublished<Found>(
  db: Db,
  name: string,
  read: (results: Results) => Promise<Found>,
): Promise<Found> {
  for (let before = await publishedOf(db, name); ;) {
    const found = await read(resultsOf(db, before.epoch))
    const after = await publishedOf(db, name)
    if (after.epoch === before.epoch) return found
    before = after
  }
}

/** Neither the log nor its archive goes back far enough. */
export class LogTrimmedError extends Error {
  override readonly name = 'LogTrimmedError'
  /** The first position that the log still has. */
  readonly first: bigint
  constructor(message: string, first: bigint) {
    super(message)
    this.first = first
  }
}

/**
 * Lets reader `name` begin anew, from `from` or from the log's first entry, and gives the position that it begins with.
 * Whoever runs it finds out within a second; until then nothing that is written counts. Throws LogTrimmedError when the
 * log no longer has what that takes.
 */
export async function rebuild(db: Db, name: string, from = 1n): Promise<bigint> {
  const first = await firstAfter(db, 0n)
  if (first && first._id > from) {
    const since = `position ${first._id} (${first.at.toISOString()})`
    throw new LogTrimmedError(
      `the log begins at ${since}: what came before cannot be counted again`,
      first._id,
    )
  }
  const standing = { epoch: { $ifNull: ['$epoch', 0] }, position: { $ifNull: ['$position', 0n] } }
  await checkpointsOf(db).updateOne(
    { _id: name },
    [
      {
        $set: {
          shown: { $ifNull: ['$shown', standing] },
          epoch: { $add: [standing.epoch, 1] },
          position: from - 1n,
        },
      },
    ],
    { upsert: true },
  )
  return from
}

/** How far a reader is behind the log. */
export interface Lag {
  readonly projection: string
  readonly position: bigint
  /** Entries that it has still to read. */
  readonly entries: number
  /** For how long the first of them has been there, by the hub's clock; 0 when there is none. */
  readonly ms: number
}

/** Of all readers that have a place. */
export async function lagsOf(db: Db, now: Date): Promise<readonly Lag[]> {
  const checkpoints = await checkpointsOf(db).find().sort({ _id: 1 }).toArray()
  return Promise.all(checkpoints.map(({ _id, position }) => lagAt(db, _id, position, now)))
}

/** Of a reader that stands at `position`. */
export async function lagAt(db: Db, projection: string, position: bigint, now: Date): Promise<Lag> {
  const tip = await readTip(db)
  const next = tip > position ? await firstAfter(db, position) : undefined
  const ms = next ? Math.max(0, now.getTime() - next.at.getTime()) : 0
  return { projection, position, entries: Math.max(0, Number(tip - position)), ms }
}

/** The entry after `position`, be it in the log or in the archive; the first that there is when that one is not. */
async function firstAfter(db: Db, position: bigint): Promise<LogEntry | undefined> {
  const range = { after: position, max: 1 }
  const [kept] = await readLog(db, range)
  if (kept?._id === position + 1n) return kept
  // In this order: what leaves the log is in the archive before.
  const [archived] = await readLog(db, { ...range, batches: archiveOf(db) })
  return archived ?? kept
}

export const isInEpoch = async (db: Db, { _id, epoch }: Checkpoint): Promise<boolean> =>
  (await checkpointsOf(db).countDocuments({ _id, epoch })) > 0

/** Removes results of epochs that are neither being made nor shown. */
export async function dropOtherEpochs(
  db: Db,
  { collections = [] }: { readonly collections?: readonly string[] },
  checkpoint: Checkpoint,
): Promise<void> {
  if (collections.length === 0) return
  const kept = new Set([checkpoint.epoch, checkpoint.shown?.epoch ?? checkpoint.epoch])
  const found = await db.listCollections({}, { nameOnly: true }).toArray()
  for (const { name } of found) {
    const epoch = epochIn(collections, name)
    if (epoch !== null && !kept.has(epoch)) await db.collection(name).drop()
  }
}

/** The first epoch has the plain name. */
const collectionName = (name: string, epoch: number): string => (epoch === 0 ? name : `${name}_${epoch}`)

function epochIn(collections: readonly string[], found: string): number | null {
  if (collections.includes(found)) return 0
  const [, name = '', epoch] = /^(.+)_(\d+)$/.exec(found) ?? []
  return collections.includes(name) ? Number(epoch) : null
}

/** Where the reader stands; a new one at the beginning. */
export async function openCheckpoint(db: Db, name: string): Promise<Checkpoint> {
  const checkpoint = await checkpointsOf(db).findOneAndUpdate(
    { _id: name },
    // What was written before there were epochs is of the first one.
    [
      {
        $set: {
          position: { $ifNull: ['$position', beginning.position] },
          epoch: { $ifNull: ['$epoch', beginning.epoch] },
        },
      },
    ],
    { upsert: true, returnDocument: 'after' },
  )
  return checkpoint!
}

const beginning: EpochPosition = { epoch: 0, position: 0n }

export const checkpointsOf = (db: Db): Collection<Checkpoint> => db.collection<Checkpoint>('places')
