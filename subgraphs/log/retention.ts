// Retention: moves old entries from the log to the archive, once every projection has read them. Rebuilds
// read the archive.

import type { Db } from 'mongodb'
import { pause } from '../platform/async/promise.ts'
import type { Logger } from '../platform/logger.ts'
import { holdLease, type LeaseHolder } from '../platform/mongo/lease.ts'
import { checkpointsOf } from './checkpoint.ts'
import type { LogBatch } from './entry.ts'
import { archiveOf, logOf } from './store.ts'

export interface RetentionOptions {
  readonly db: Db
  readonly logger: Pick<Logger, 'error' | 'info'>
  readonly now: () => Date
  /** Days that entries stay in the log. */
  readonly days: number
  /** Names of all projections; one without a checkpoint still needs the whole log. */
  readonly projections: readonly string[]
}

/** Trims the log every hour, in one process at a time. */
export function startRetention({ db, logger, now, days, projections }: RetentionOptions): LeaseHolder {
  return holdLease({ db, logger, name: 'log-retention' }, async ({ signal }) => {
    while (!signal.aborted) {
      // The pause comes first: by its end, projections that are new in this version have stored a checkpoint.
      await pause(everyMs, signal)
      if (signal.aborted) return
      const before = new Date(now().getTime() - days * dayMs)
      const archived = await trimLog(db, before, projections, signal)
      if (archived > 0) logger.info({ archived, before }, 'moved old log entries to the archive')
    }
  })
}

/**
 * Moves entries of events before `before` from the start of the log to the archive, and returns how many. The
 * log keeps its latest batch, because the next position follows from it, and every entry after the lowest
 * checkpoint: of `projections`, and of any other that has one. With `signal`, it ends early, and may be
 * called again for the rest.
 */
export async function trimLog(
  db: Db,
  before: Date,
  projections: readonly string[],
  signal: AbortSignal = new AbortController().signal,
): Promise<number> {
  const [first, latest] = await Promise.all([endOf(db, 1), endOf(db, -1)])
  if (!first || !latest) return 0
  const readTo = (await lowestCheckpoint(db, projections)) ?? latest.last
  const last = await lastBefore(db, before, first._id - 1n, min(readTo, latest._id - 1n))
  if (last < first._id) return 0
  // Stored before entries move: the search for missing entries must not append these again.
  await statesOf(db).updateOne({ _id: 'retention' }, { $max: { before } }, { upsert: true })
  await createArchive(db)
  let moved = first._id - 1n
  while (moved < last && !signal.aborted) {
    const startedAtMs = performance.now()
    const upTo = min(moved + chunk, last)
    await archiveUpTo(db, upTo)
    moved = upTo
    // The first time after the load of a data set, millions move: clients of MongoDB come first.
    if (moved < last) await pause(restShare * (performance.now() - startedAtMs), signal)
  }
  return Number(moved - first._id) + 1
}

/**
 * Searches the batches between the positions `from` and `to`, both of the ends of batches, for the last one
 * with only events before `before`, and returns its last position; `from` when there is none. Entries are in
 * the order of their events, except for events at the same time.
 */
async function lastBefore(db: Db, before: Date, from: bigint, to: bigint): Promise<bigint> {
  let old = from
  let young = to + 1n
  while (young - old > 1n) {
    const middle = (old + young) / 2n
    const batch = await batchAt(db, middle)
    const isOld = batch !== null && batch.last <= to && batch.entries.every(({ at }) => at < before)
    if (isOld) old = batch.last
    else young = middle
  }
  return old
}

/** Reads the batch with the entry at `position`. */
const batchAt = (db: Db, position: bigint): Promise<Pick<LogBatch, 'last' | 'entries'> | null> =>
  logOf(db).findOne(
    { last: { $gte: position } },
    { sort: { last: 1 }, projection: { last: 1, 'entries.at': 1 } },
  )

/** Archives all batches up to `last`, then deletes them from the log. */
async function archiveUpTo(db: Db, last: bigint): Promise<void> {
  const batches = { last: { $lte: last } }
  const copy = [
    { $match: batches },
    // The sequencer resumes from the token of the log's latest batch only.
    { $unset: 'token' },
    { $merge: { into: archiveOf(db).collectionName, on: '_id' } },
  ]
  await logOf(db).aggregate(copy).toArray()
  await logOf(db).deleteMany(batches)
}

/** The archive is rarely read and never changed, so zstd compresses it to a fraction of the log's size. */
async function createArchive(db: Db): Promise<void> {
  const { collectionName } = archiveOf(db)
  const found = await db.listCollections({ name: collectionName }, { nameOnly: true }).toArray()
  if (found.length === 0) {
    await db.createCollection(collectionName, {
      storageEngine: { wiredTiger: { configString: 'block_compressor=zstd' } },
    })
  }
  await archiveOf(db).createIndex({ last: 1 }, { name: 'last', unique: true })
}

/** Reads the log's first batch (1) or its latest (-1). */
const endOf = (db: Db, order: 1 | -1): Promise<Pick<LogBatch, '_id' | 'last'> | null> =>
  logOf(db).findOne({}, { sort: { _id: order }, projection: { last: 1 } })

/**
 * Returns the time before which entries may have left the log, so that a missing entry of an earlier event is
 * not appended again; null when none has. It is an hour after the retention's own limit, because entries of
 * simultaneous events are not in the order of their times.
 */
export async function trimmedBefore(db: Db): Promise<Date | null> {
  const state = await statesOf(db).findOne({ _id: 'retention' })
  return state && new Date(state.before.getTime() + 3_600_000)
}

interface RetentionState {
  readonly _id: 'retention'
  /** Entries of events before this have been in the log, and may have left it. */
  readonly before: Date
}

const statesOf = (db: Db) => db.collection<RetentionState>('logState')

/**
 * Returns the lowest position of all checkpoints, 0 when one of `projections` has none; null when there is no
 * checkpoint at all.
 */
async function lowestCheckpoint(db: Db, projections: readonly string[]): Promise<bigint | null> {
  const checkpoints = await checkpointsOf(db).find().toArray()
  const positions = new Map(checkpoints.map(({ _id, position }) => [_id, position]))
  const all = [...projections.map((name) => positions.get(name) ?? 0n), ...positions.values()]
  return all.length === 0 ? null : all.reduce(min)
}

const min = (a: bigint, b: bigint): bigint => (a < b ? a : b)

const dayMs = 86_400_000
const everyMs = 3_600_000
/** Entries moved in one call, so that nothing else waits long. */
const chunk = 10_000n
/** The pause between two calls, as a multiple of the time that the first took. */
const restShare = 4
