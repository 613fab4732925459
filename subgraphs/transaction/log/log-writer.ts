// Appends entries to the log and gives them their positions.
//
// The log’s order does not depend on having a single writer. A batch starts at the position after the
// previous batch, positions are unique, and each batch holds the resume token of the changes that its writer
// had read. Of two writers that append after the same batch, one succeeds; the other fails with LogMovedError
// and resumes after that batch. So a process that was paused while another took over appends nothing when it
// wakes.

import type { Db } from 'mongodb'
import type { LogBatch, LogEntry } from '../../log/entry.ts'
import { batchOf, logOf, makeLogIndexes } from '../../log/store.ts'
import { chunks } from '../../platform/async/chunks.ts'
import { insertAll, insertOnce } from '../../platform/mongo/bulk-write.ts'
import { isDuplicateKey } from '../../platform/mongo/errors.ts'
import type { Lease } from '../../platform/mongo/lease.ts'
import type { NewEntry } from './entries-of-payment.ts'

/**
 * The entries of one change. They are stored in one batch, so that a writer that resumes after it repeats
 * none of them.
 */
export interface EntryGroup {
  readonly entries: readonly NewEntry[]
  /** Resumes the changes of payments after this one; left out where that is unknown. */
  readonly token?: unknown
}

export interface LogWriter {
  /** Position of the latest entry. */
  tip(): bigint
  /**
   * Gives the entries the next positions. Throws LogMovedError when another process has appended meanwhile.
   */
  append(groups: readonly EntryGroup[]): Promise<void>
}

/** Another process has appended to the log, so this writer’s tip is out of date. */
export class LogMovedError extends Error {
  override readonly name = 'LogMovedError'
}

/** The end of the log, after which a new writer resumes; null while the log is empty. */
export async function latestBatch(db: Db): Promise<Pick<LogBatch, 'last' | 'token'> | null> {
  await makeLogIndexes(db)
  return logOf(db).findOne({}, { sort: { _id: -1 }, projection: { last: 1, token: 1 } })
}

/**
 * Appends after position `tip` while `lease` is held; `onWritten` receives the entries of each call once they
 * are stored.
 */
export function createLogWriter(
  db: Db,
  tip: bigint,
  lease: Pick<Lease, 'isHeld'>,
  onWritten: (entries: readonly LogEntry[]) => void = () => {},
): LogWriter {
  return {
    tip: () => tip,
    async append(groups) {
      if (!lease.isHeld()) throw new Error('the lease of the log’s writer is lost')
      const batches = toBatches(groups, tip)
      if (batches.length === 0) return
      const [error] = await insertAll(logOf(db), batches, { ordered: true })
      if (isDuplicateKey(error)) throw new LogMovedError('another process has appended to the log')
      if (error) throw new Error('the log cannot be written', { cause: error })
      tip = batches.at(-1)!.last
      onWritten(batches.flatMap(({ entries }) => entries))
    },
  }
}

/**
 * Writes entries of an import that has given them their positions. Batches that are stored already stay. The
 * caller writes the token to resume from.
 */
export async function writeEntriesAt(db: Db, entries: readonly LogEntry[]): Promise<void> {
  const batches = Array.from(chunks(entries, entriesMax), (batch) => batchOf(batch))
  // In groups of some 4 MB: a command has at most 16 MB, and a busy day has more.
  await Promise.all(Array.from(chunks(batches, batchesTogether), (some) => insertOnce(logOf(db), some)))
}

const batchesTogether = 20

/** The ones of `entries` that the log lacks. Builds an index for this query; `dropEntryIndex` removes it. */
export async function findMissing(db: Db, entries: readonly NewEntry[]): Promise<NewEntry[]> {
  if (entries.length === 0) return []
  await logOf(db).createIndex(entryIndex, { name: entryIndexName })
  const ids = [...new Set(entries.map(({ transaction }) => transaction))]
  const projection = { _id: 0, 'entries.transaction': 1, 'entries.sequence': 1 }
  const present = new Set<string>()
  for await (const batch of logOf(db).find({ 'entries.transaction': { $in: ids } }, { projection })) {
    for (const entry of batch.entries) present.add(keyOf(entry))
  }
  return entries.filter((entry) => !present.has(keyOf(entry)))
}

/** Drops the index of `findMissing`, because every index makes each append slower. */
export async function dropEntryIndex(db: Db): Promise<void> {
  const indexes = await logOf(db).indexes()
  if (indexes.some(({ name }) => name === entryIndexName)) await logOf(db).dropIndex(entryIndexName)
}

const entryIndex = { 'entries.transaction': 1 } as const
const entryIndexName = 'event'

function toBatches(groups: readonly EntryGroup[], tip: bigint): LogBatch[] {
  const batches: LogBatch[] = []
  let batch: LogEntry[] = []
  let position = tip
  for (const [n, { entries, token }] of groups.entries()) {
    for (const entry of entries) batch.push({ _id: ++position, ...entry })
    if (batch.length < entriesMax && n < groups.length - 1) continue
    if (batch.length > 0) batches.push(batchOf(batch, token))
    batch = []
  }
  return batches
}

/**
 * A batch is closed at this size: large enough to be cheap, small enough to read for the sake of a single
 * entry.
 */
const entriesMax = 250

const keyOf = ({ transaction, sequence }: Pick<LogEntry, 'transaction' | 'sequence'>): string =>
  `${transaction}/${sequence}`
