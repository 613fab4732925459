// How long the log is kept for those who follow it: what is older goes to the archive, unless somebody who reads it has not read
// that far. From the archive, readers can still be made anew.

import { setTimeout as sleep } from 'node:timers/promises'
import type { Db } from 'mongodb'
import { holdLease, type LeaseHolder } from '../platform/mongo/lease.ts'
import type { LogBatch } from './entry.ts'
import type { Checkpoint } from './checkpoint.ts'
import { archiveOf, logOf } from './store.ts'
import type { Logger } from '../platform/logger.ts'

export interface RetentionOptions {
  readonly db: Db
  readonly logger: Pick<Logger, 'error' | 'info'>
  readonly now: () => Date
  /** Days for which entries are kept. */
  readonly days: number
  /** Who keeps a place in the log; those that have none yet stand at its start. */
  readonly readers: readonly string[]
}

/** Trims the log every hour, in one process at a time. */
export function startRetention({ db, logger, now, days, readers }: RetentionOptions): LeaseHolder {
  return holdLease({ db, logger, name: 'log-retention' }, async ({ signal }) => {
    while (!signal.aborted) {
      // Readers that begin with this hub have said where they stand before the first time.
      await sleep(everyMs, undefined, { signal }).catch(() => {})
      if (signal.aborted) return
      const before = new Date(now().getTime() - days * dayMs)
      const archived = await trimLog(db, before, readers)
      if (archived > 0) logger.info({ archived, before }, 'took out of the log what is no longer kept in it')
    }
  })
}

/**
 * Takes from the start of the log to the archive what happened before `before`, a batch at a time; gives how many entries. Kept
 * are the latest batch, because the next position follows from it, and all that some reader has not read: any of `readers`, and
 * any other with a place.
 */
export async function trimLog(db: Db, before: Date, readers: readonly string[]): Promise<number> {
  const batches = logOf(db)
  const [first, latest] = await Promise.all([endOf(db, 1), endOf(db, -1)])
  if (!first || !latest) return 0
  const lastToGo = min((await lowestPlace(db, readers)) ?? latest.last, latest._id - 1n)

  /** The batch with the entry at `position`. */
  const batchAt = (position: bigint): Promise<Pick<LogBatch, 'last' | 'entries'> | null> =>
    batches.findOne(
      { last: { $gte: position } },
      { sort: { last: 1 }, projection: { last: 1, 'entries.at': 1 } },
    )
  // Entries are in the order of their events, give or take what ran in parallel.
  let old = first._id - 1n
  let young = lastToGo + 1n
  while (young - old > 1n) {
    const middle = (old + young) / 2n
    const batch = await batchAt(middle)
    const mayGo = batch !== null && batch.last <= lastToGo && batch.entries.every(({ at }) => at < before)
    if (mayGo) old = batch.last
    else young = middle
  }

  if (old < first._id) return 0
  // Whoever looks for events that the log lacks must not find these again.
  await statesOf(db).updateOne({ _id: 'retention' }, { $max: { before } }, { upsert: true })
  await makeArchive(db)
  for (let from = first._id; from <= old; from += chunk) {
    const going = { last: { $lte: min(from + chunk - 1n, old) } }
    // To go on from a batch, one needs the log itself.
    const moved = [
      { $match: going },
      { $unset: 'token' },
      { $merge: { into: archiveOf(db).collectionName, on: '_id' } },
    ]
    await batches.aggregate(moved).toArray()
    await batches.deleteMany(going)
  }
  return Number(old - first._id) + 1
}

/** The archive is seldom read and never changed: compressed with zstd it takes a fraction of what the log takes. */
async function makeArchive(db: Db): Promise<void> {
  const { collectionName } = archiveOf(db)
  const found = await db.listCollections({ name: collectionName }, { nameOnly: true }).toArray()
  if (found.length === 0) {
    await db.createCollection(collectionName, {
      storageEngine: { wiredTiger: { configString: 'block_compressor=zstd' } },
    })
  }
  await archiveOf(db).createIndex({ last: 1 }, { name: 'last', unique: true })
}

/** The first batch, or the last. */
const endOf = (db: Db, order: 1 | -1): Promise<Pick<LogBatch, '_id' | 'last'> | null> =>
  logOf(db).findOne({}, { sort: { _id: order }, projection: { last: 1 } })

/**
 * What happened before this may have been deleted, so that the log lacks it is no reason to write it: null when nothing was.
 * An hour later than what was old, because events that ran in parallel do not lie in the order of their times.
 */
export async function trimmedBefore(db: Db): Promise<Date | null> {
  const state = await statesOf(db).findOne({ _id: 'retention' })
  return state && new Date(state.before.getTime() + 3_600_000)
}

interface RetentionState {
  readonly _id: 'retention'
  /** What happened before this was in the log, and may not be there any more. */
  readonly before: Date
}

const statesOf = (db: Db) => db.collection<RetentionState>('logState')

/** Up to where all who keep something that comes of the log have read it. One that is being made anew stands where it is by now. */
async function lowestPlace(db: Db, readers: readonly string[]): Promise<bigint | null> {
  const places = await db.collection<Checkpoint>('places').find().toArray()
  const positions = new Map(places.map(({ _id, position }) => [_id, position]))
  const lowest = [...readers.map((name) => positions.get(name) ?? 0n), ...positions.values()]
  return lowest.length === 0 ? null : lowest.reduce(min)
}

const min = (a: bigint, b: bigint): bigint => (a < b ? a : b)

const dayMs = 86_400_000
const everyMs = 3_600_000
/** Entries taken out in one call, at most, so that nothing else waits long. */
const chunk = 10_000n
