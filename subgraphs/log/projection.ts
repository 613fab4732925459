// Who reads the log and keeps what comes of it. Each reader has its place in the log, saved with its result, and can be made
// anew from the log's first entry while everything runs.
//
// Results are kept per epoch: making a reader anew begins the next epoch, which writes into collections of its own. So nothing
// is ever emptied under somebody who counts, whoever sleeps and wakes when; and until the new epoch has caught up, the old one
// is what is shown.

import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyBaseLogger } from 'fastify'
import type { ClientSession, Collection, Db, Document } from 'mongodb'
import { holdLease, type Lease, type LeaseHolder } from '../platform/mongo/lease.ts'
import { archiveOf, readLog, readTip, type LogEntry, type LogReader } from './log.ts'

interface Reading {
  /** Names its place and its lease. */
  readonly name: string
  /** The collections that hold its results; left out when it acts on what is elsewhere, where doing it again changes nothing. */
  readonly collections?: readonly string[]
  /** False for entries that make no difference to it: it is not called for them. All do when left out. */
  wants?(entry: LogEntry): boolean
  /** Between two batches, in milliseconds, so that a steady stream is written some times a second and not once for each event. */
  readonly gatherMs?: number
  /** Called before the first of each run of `apply` calls: makes indexes, and lets go of what others may have changed. */
  begin?(results: Results): Promise<void>
  /** Called when what `apply` wrote is there for everybody to see. */
  applied?(): void
}

/** Its results and its place are written together, so each entry counts once. */
export interface Together extends Reading {
  readonly commits?: 'together'
  /**
   * Writes what comes of `entries`, which follow one another, within the MongoDB transaction of `session`; the place is saved
   * in the same one. It may be called again with the same entries after a write conflict.
   */
  apply(entries: readonly LogEntry[], session: ClientSession, results: Results): Promise<void>
}

/** Its results know themselves what they hold. */
export interface Itself extends Reading {
  readonly commits: 'itself'
  /**
   * Writes what comes of `entries`, which follow one another, so that doing it again, whole or in part, or in two processes at
   * once, changes nothing: the place is saved afterwards.
   */
  apply(entries: readonly LogEntry[], results: Results): Promise<void>
}

export type Projection = Together | Itself

/** The results of one epoch. */
export interface Results {
  readonly epoch: number
  collection<Doc extends Document>(name: string): Collection<Doc>
}

/** How far results go. */
export interface Extent {
  /** Counts up with every rebuild, from 0. */
  readonly epoch: number
  /** Every entry up to here is in them; 0 before the first. */
  readonly position: bigint
}

/** A document of the collection `places`: where a reader of the log stands. What lies after the lowest place must be kept. */
export interface Place extends Extent {
  /** The reader's name. */
  readonly _id: string
  /** While it is made anew: what is shown meanwhile. */
  readonly shown?: Extent
}

export interface ProjectionOptions {
  readonly db: Db
  readonly reader: LogReader
  readonly log: Pick<FastifyBaseLogger, 'error' | 'info'>
}

/** Runs `projection` until closed, whenever this process holds its lease. */
export const startProjection = (options: ProjectionOptions, projection: Projection): LeaseHolder =>
  holdLease({ db: options.db, log: options.log, name: projection.name }, async (lease) => {
    while (!lease.signal.aborted) await follow(options, projection, lease)
  })

/** What of reader `name` is to be shown. */
export async function shownOf(db: Db, name: string): Promise<Extent> {
  const place = await placesOf(db).findOne({ _id: name })
  const { epoch, position } = place?.shown ?? place ?? nowhere
  return { epoch, position }
}

/** Lets `name` begin after `position`, if it has not begun yet: for one that makes nothing of what came before. */
export async function beginAfter(db: Db, name: string, position: bigint): Promise<void> {
  await placesOf(db).updateOne({ _id: name }, { $setOnInsert: { epoch: 0, position } }, { upsert: true })
}

export const resultsOf = (db: Db, epoch: number): Results => ({
  epoch,
  collection: (name) => db.collection(collectionName(name, epoch)),
})

/** Reads from the results that are to be shown; again when they have changed over to another epoch meanwhile. */
export async function readShown<Found>(
  db: Db,
  name: string,
  read: (results: Results) => Promise<Found>,
): Promise<Found> {
  for (let before = await shownOf(db, name); ;) {
    const found = await read(resultsOf(db, before.epoch))
    const after = await shownOf(db, name)
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
  await placesOf(db).updateOne(
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
  readonly reader: string
  readonly position: bigint
  /** Entries that it has still to read. */
  readonly entries: number
  /** For how long the first of them has been there, by the hub's clock; 0 when there is none. */
  readonly ms: number
}

/** Of all readers that have a place. */
export async function lagsOf(db: Db, now: Date): Promise<readonly Lag[]> {
  const places = await placesOf(db).find().sort({ _id: 1 }).toArray()
  return Promise.all(places.map(({ _id, position }) => lagAt(db, _id, position, now)))
}

/** Of a reader that stands at `position`. */
export async function lagAt(db: Db, reader: string, position: bigint, now: Date): Promise<Lag> {
  const tip = await readTip(db)
  const next = tip > position ? await firstAfter(db, position) : undefined
  const ms = next ? Math.max(0, now.getTime() - next.at.getTime()) : 0
  return { reader, position, entries: Math.max(0, Number(tip - position)), ms }
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

/** What follows `after`: where the log no longer has it, from the archive. */
async function readOn(db: Db, reader: LogReader, after: bigint): Promise<readonly LogEntry[]> {
  const kept = await reader.read(after, batchMax)
  if (kept.length === 0 || kept[0]!._id === after + 1n) return kept
  const archived = await readLog(db, { after, max: batchMax, batches: archiveOf(db) })
  if (archived[0]?._id === after + 1n) return archived
  throw new Error(`what comes after position ${after} is neither in the log nor in its archive`)
}

/** Reads on from the place, until it turns out to be elsewhere. */
async function follow(options: ProjectionOptions, projection: Projection, { signal }: Lease): Promise<void> {
  const { db, reader } = options
  let news = Promise.withResolvers<void>()
  const wake = (): void => news.resolve()
  const unsubscribe = reader.subscribe(wake)
  signal.addEventListener('abort', wake)
  try {
    let place = await openPlace(db, projection.name)
    const results = resultsOf(db, place.epoch)
    await dropOthers(db, projection, place)
    await projection.begin?.(results)
    let readTo = place.position
    let savedAtMs = performance.now()
    while (!signal.aborted) {
      news = Promise.withResolvers<void>()
      const entries = await readOn(db, reader, readTo)
      readTo = entries.at(-1)?._id ?? readTo
      const wanted = entries.filter((entry) => projection.wants?.(entry) ?? true)
      // Nothing came of what was read: where that ends is written down now and then.
      const isLate = readTo > place.position && performance.now() - savedAtMs >= saveMs
      if (wanted.length > 0 || isLate) {
        // Somebody else has read on, or it is to be made anew: then what this process knows is of no use.
        if (!(await commit(db, projection, place, readTo, wanted, results))) return
        savedAtMs = performance.now()
        place = { ...place, position: readTo }
        if (wanted.length > 0) projection.applied?.()
      }
      if (place.shown && place.position >= reader.tip()) place = await show(db, projection, place)
      if (entries.length === 0) {
        const looking = setTimeout(wake, lookMs)
        await news.promise
        clearTimeout(looking)
        if (reader.tip() === readTo && !(await isAt(db, place))) return
      } else if (entries.length < batchMax) {
        await sleep(projection.gatherMs ?? gatherMs, undefined, { signal }).catch(() => {})
      }
    }
  } finally {
    unsubscribe()
    signal.removeEventListener('abort', wake)
  }
}

const isAt = async (db: Db, { _id, epoch }: Place): Promise<boolean> =>
  (await placesOf(db).countDocuments({ _id, epoch })) > 0

/** False when the place is no longer where it was thought to be: then the entries do not count. */
async function commit(
  db: Db,
  projection: Projection,
  place: Place,
  next: bigint,
  entries: readonly LogEntry[],
  results: Results,
): Promise<boolean> {
  const { _id, epoch, position } = place
  const move = async (session?: ClientSession): Promise<boolean> => {
    const { matchedCount } = await placesOf(db).updateOne(
      { _id, epoch, position },
      { $set: { position: next } },
      session && { session },
    )
    return matchedCount > 0
  }
  if (entries.length === 0) return move()
  if (projection.commits === 'itself') {
    await projection.apply(entries, results)
    return move()
  }
  return db.client.withSession((session) =>
    session.withTransaction(async () => {
      if (!(await move(session))) return false
      await projection.apply(entries, session, results)
      return true
    }),
  )
}

/** The new epoch has caught up: from now on it is shown. */
async function show(db: Db, projection: Projection, place: Place): Promise<Place> {
  const { _id, epoch, position } = place
  const { matchedCount } = await placesOf(db).updateOne({ _id, epoch }, { $unset: { shown: true } })
  const shown = { _id, epoch, position }
  if (matchedCount > 0) await dropOthers(db, projection, shown)
  return shown
}

/** Removes results of epochs that are neither being made nor shown. */
async function dropOthers(db: Db, { collections = [] }: Projection, place: Place): Promise<void> {
  if (collections.length === 0) return
  const kept = new Set([place.epoch, place.shown?.epoch ?? place.epoch])
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
async function openPlace(db: Db, name: string): Promise<Place> {
  const place = await placesOf(db).findOneAndUpdate(
    { _id: name },
    // What was written before there were epochs is of the first one.
    [
      {
        $set: {
          position: { $ifNull: ['$position', nowhere.position] },
          epoch: { $ifNull: ['$epoch', nowhere.epoch] },
        },
      },
    ],
    { upsert: true, returnDocument: 'after' },
  )
  return place!
}

const nowhere: Extent = { epoch: 0, position: 0n }

const placesOf = (db: Db): Collection<Place> => db.collection<Place>('places')

/** Entries in one batch at most. */
export const batchMax = 5_000
const gatherMs = 100
/** How often the place is written down while nothing comes of what is read. */
const saveMs = 500
/** How soon a quiet reader notices that it is to begin anew. */
const lookMs = 500
