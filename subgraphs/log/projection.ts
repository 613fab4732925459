// Who reads the log and keeps what comes of it. Each reader has its place in the log, saved with its result, and can be made
// anew from the log's first entry while everything runs.
//
// Results are kept per epoch: making a reader anew begins the next epoch, which writes into collections of its own. So nothing
// is ever emptied under somebody who counts, whoever sleeps and wakes when; and until the new epoch has caught up, the old one
import type { LogEntry } from './entry.ts'
import { archiveOf, readLog } from './store.ts'
import {
  type Results,
  type Checkpoint,
  resultsOf,
  isInEpoch,
  dropOtherEpochs,
  openCheckpoint,
  checkpointsOf,
} from './checkpoint.ts'

// is what is shown.

import { setTimeout as sleep } from 'node:timers/promises'
import type { ClientSession, Db } from 'mongodb'
import { holdLease, type Lease, type LeaseHolder } from '../platform/mongo/lease.ts'
import { type LogReader } from './reader.ts'
import type { Logger } from '../platform/logger.ts'

interface ProjectionBase {
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
export interface TransactionalProjection extends ProjectionBase {
  readonly commits?: 'together'
  /**
   * Writes what comes of `entries`, which follow one another, within the MongoDB transaction of `session`; the place is saved
   * in the same one. It may be called again with the same entries after a write conflict.
   */
  apply(entries: readonly LogEntry[], session: ClientSession, results: Results): Promise<void>
}

/** Its results know themselves what they hold. */
export interface IdempotentProjection extends ProjectionBase {
  readonly commits: 'itself'
  /**
   * Writes what comes of `entries`, which follow one another, so that doing it again, whole or in part, or in two processes at
   * once, changes nothing: the place is saved afterwards.
   */
  apply(entries: readonly LogEntry[], results: Results): Promise<void>
}

export type Projection = TransactionalProjection | IdempotentProjection

export interface ProjectionOptions {
  readonly db: Db
  readonly logReader: LogReader
  readonly logger: Pick<Logger, 'error' | 'info'>
}

/** Runs `projection` until closed, whenever this process holds its lease. */
export const startProjection = (options: ProjectionOptions, projection: Projection): LeaseHolder =>
  holdLease({ db: options.db, logger: options.logger, name: projection.name }, async (lease) => {
    while (!lease.signal.aborted) await follow(options, projection, lease)
  })

/** What follows `after`: where the log no longer has it, from the archive. */
async function readOn(db: Db, logReader: LogReader, after: bigint): Promise<readonly LogEntry[]> {
  const kept = await logReader.read(after, batchMax)
  if (kept.length === 0 || kept[0]!._id === after + 1n) return kept
  const archived = await readLog(db, { after, max: batchMax, batches: archiveOf(db) })
  if (archived[0]?._id === after + 1n) return archived
  throw new Error(`what comes after position ${after} is neither in the log nor in its archive`)
}

/** Reads on from the place, until it turns out to be elsewhere. */
async function follow(options: ProjectionOptions, projection: Projection, { signal }: Lease): Promise<void> {
  const { db, logReader } = options
  let news = Promise.withResolvers<void>()
  const wake = (): void => news.resolve()
  const unsubscribe = logReader.subscribe(wake)
  signal.addEventListener('abort', wake)
  try {
    let checkpoint = await openCheckpoint(db, projection.name)
    const results = resultsOf(db, checkpoint.epoch)
    await dropOtherEpochs(db, projection, checkpoint)
    await projection.begin?.(results)
    let readTo = checkpoint.position
    let savedAtMs = performance.now()
    while (!signal.aborted) {
      news = Promise.withResolvers<void>()
      const entries = await readOn(db, logReader, readTo)
      readTo = entries.at(-1)?._id ?? readTo
      const wanted = entries.filter((entry) => projection.wants?.(entry) ?? true)
      // Nothing came of what was read: where that ends is written down now and then.
      const isLate = readTo > checkpoint.position && performance.now() - savedAtMs >= saveMs
      if (wanted.length > 0 || isLate) {
        // Somebody else has read on, or it is to be made anew: then what this process knows is of no use.
        if (!(await commit(db, projection, checkpoint, readTo, wanted, results))) return
        savedAtMs = performance.now()
        checkpoint = { ...checkpoint, position: readTo }
        if (wanted.length > 0) projection.applied?.()
      }
      if (checkpoint.shown && checkpoint.position >= logReader.tip())
        checkpoint = await show(db, projection, checkpoint)
      if (entries.length === 0) {
        const looking = setTimeout(wake, lookMs)
        await news.promise
        clearTimeout(looking)
        if (logReader.tip() === readTo && !(await isInEpoch(db, checkpoint))) return
      } else if (entries.length < batchMax) {
        await sleep(projection.gatherMs ?? gatherMs, undefined, { signal }).catch(() => {})
      }
    }
  } finally {
    unsubscribe()
    signal.removeEventListener('abort', wake)
  }
}

/** False when the place is no longer where it was thought to be: then the entries do not count. */
async function commit(
  db: Db,
  projection: Projection,
  checkpoint: Checkpoint,
  next: bigint,
  entries: readonly LogEntry[],
  results: Results,
): Promise<boolean> {
  const { _id, epoch, position } = checkpoint
  const move = async (session?: ClientSession): Promise<boolean> => {
    const { matchedCount } = await checkpointsOf(db).updateOne(
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
async function show(db: Db, projection: Projection, checkpoint: Checkpoint): Promise<Checkpoint> {
  const { _id, epoch, position } = checkpoint
  const { matchedCount } = await checkpointsOf(db).updateOne({ _id, epoch }, { $unset: { shown: true } })
  const shown = { _id, epoch, position }
  if (matchedCount > 0) await dropOtherEpochs(db, projection, shown)
  return shown
}

/** Entries in one batch at most. */
export const batchMax = 5_000
const gatherMs = 100
/** How often the place is written down while nothing comes of what is read. */
const saveMs = 500
/** How soon a quiet reader notices that it is to begin anew. */
const lookMs = 500
