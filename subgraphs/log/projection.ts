// Projections: each consumes the log in order and stores its results together with a checkpoint. One process
// at a time runs a projection, and a rebuild computes its results again from the log while everything runs.

import type { ClientSession, Db } from 'mongodb'
import { pause } from '../platform/async/promise.ts'
import type { Logger } from '../platform/logger.ts'
import { holdLease, type Lease, type LeaseHolder } from '../platform/mongo/lease.ts'
import { Checkpoint, type Results } from './checkpoint.ts'
import type { LogEntry } from './entry.ts'
import type { LogReader } from './reader.ts'
import { LogTail } from './tail.ts'

interface ProjectionBase {
  /** Names the checkpoint and the lease. */
  readonly name: string
  /**
   * The collections that hold the results; left out when the results are elsewhere and a repeated write
   * changes nothing.
   */
  readonly collections?: readonly string[]
  /**
   * False for entries that the projection ignores: `apply` does not receive them. Left out, it receives all.
   */
  wants?(entry: LogEntry): boolean
  /**
   * Pause between two batches in milliseconds, by the time that the first took. It turns a steady stream of
   * entries into a few writes a second. Default: 100.
   */
  gatherMs?(tookMs: number): number
  /** Maximum of entries in one batch. Default: 2,000. */
  readonly batchMax?: number
  /**
   * Called before the first `apply` of each run. Creates indexes, and drops what is cached from an earlier
   * run.
   */
  begin?(results: Results): Promise<void>
  /** Called after each `apply`, when its results can be read by every process. */
  applied?(): void
}

/** Writes results and checkpoint in one MongoDB transaction, so each entry counts once. */
export interface TransactionalProjection extends ProjectionBase {
  readonly kind?: 'transactional'
  /**
   * Writes the results of consecutive `entries` within the MongoDB transaction of `session`, which also moves
   * the checkpoint. It may be called again with the same entries after a write conflict.
   */
  apply(entries: readonly LogEntry[], session: ClientSession, results: Results): Promise<void>
}

/** Writes results that record which entries they contain, so no MongoDB transaction is needed. */
export interface IdempotentProjection extends ProjectionBase {
  readonly kind: 'idempotent'
  /**
   * Writes the results of consecutive `entries`. The checkpoint moves afterwards, so a repeated call, also
   * with a part of the entries or in two processes at once, must change nothing.
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

/**
 * Projects entries from the checkpoint on, until the lease is lost or another process changes the checkpoint.
 */
async function follow(
  { db, logReader }: ProjectionOptions,
  projection: Projection,
  lease: Lease,
): Promise<void> {
  const { signal } = lease
  const checkpoint = await Checkpoint.load(db, projection.name, projection.collections)
  await checkpoint.dropOtherEpochs()
  await projection.begin?.(checkpoint.results)
  const { batchMax = defaultBatchMax } = projection
  const tail = new LogTail({ db, logReader, after: checkpoint.position, batchMax, signal })
  try {
    while (!signal.aborted) {
      const entries = await tail.next()
      const startedAtMs = performance.now()
      if (!(await project(projection, entries, tail.position, checkpoint, lease))) return
      if (checkpoint.position >= logReader.tip()) await checkpoint.publish()
      if (entries.length === batchMax) continue
      const tookMs = performance.now() - startedAtMs
      if (entries.length > 0) await pause(projection.gatherMs?.(tookMs) ?? gatherMs, signal)
      else if (!(await tail.wait(rebuildCheckMs)) && !(await checkpoint.isCurrent())) return
    }
  } finally {
    tail.close()
  }
}

/**
 * Applies the entries up to `position` and moves the checkpoint there; false when another process has changed
 * it.
 */
async function project(
  projection: Projection,
  entries: readonly LogEntry[],
  position: bigint,
  checkpoint: Checkpoint,
  lease: Lease,
): Promise<boolean> {
  const wanted = entries.filter((entry) => projection.wants?.(entry) ?? true)
  if (wanted.length === 0) return checkpoint.movePast(position)
  if (!(await apply(projection, wanted, position, checkpoint, lease))) return false
  projection.applied?.()
  return true
}

async function apply(
  projection: Projection,
  entries: readonly LogEntry[],
  position: bigint,
  checkpoint: Checkpoint,
  lease: Lease,
): Promise<boolean> {
  const { results } = checkpoint
  if (projection.kind !== 'idempotent') {
    return checkpoint.moveWith(position, lease, (session) => projection.apply(entries, session, results))
  }
  await projection.apply(entries, results)
  return checkpoint.moveTo(position)
}

/** Enough for few writes, and each batch blocks the process only shortly. */
const defaultBatchMax = 2_000
const gatherMs = 100
/** How often a projection at the end of the log checks for a rebuild. */
const rebuildCheckMs = 500
