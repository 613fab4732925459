// The transaction log in MongoDB.

import type { ClientSession, Collection, Db, Filter } from 'mongodb'
import type { LogBatch, LogEntry } from './entry.ts'

export const logOf = (db: Db): Collection<LogBatch> => db.collection<LogBatch>('log')

/** The archive: batches that retention has moved out of the log. Only rebuilds of projections read it. */
export const archiveOf = (db: Db): Collection<LogBatch> => db.collection<LogBatch>('logArchive')

/** `entries` must not be empty. */
export const batchOf = (entries: readonly LogEntry[], token?: unknown): LogBatch => ({
  _id: entries[0]!._id,
  last: entries.at(-1)!._id,
  entries,
  ...(token !== undefined && { token }),
})

export async function makeLogIndexes(db: Db): Promise<void> {
  await logOf(db).createIndex({ last: 1 }, { name: 'last', unique: true })
}

/**
 * Returns the position of the latest entry, 0 in an empty log. Throws when the log is of a version with one
 * document per entry.
 */
export async function readTip(db: Db): Promise<bigint> {
  const latest: Partial<LogBatch> | null = await logOf(db).findOne(
    {},
    { sort: { _id: -1 }, projection: { last: 1 } },
  )
  if (latest && latest.last === undefined) {
    throw new Error(
      `the log in the database ${db.databaseName} is of an earlier version: start with an empty database`,
    )
  }
  return latest?.last ?? 0n
}

/** The entries to read. */
export interface LogRange {
  /** Only entries after this position. */
  readonly after?: bigint
  /** Only entries up to and including this position. */
  readonly upTo?: bigint
  readonly max?: number
  readonly filter?: Filter<LogEntry>
  readonly session?: ClientSession
  readonly signal?: AbortSignal | undefined
  /** The log or its archive; the log by default. */
  readonly batches?: Collection<LogBatch>
}

/** Reads entries from MongoDB, oldest first. */
export function readLog(
  db: Db,
  { after = 0n, upTo, max, filter, session, signal, batches = logOf(db) }: LogRange = {},
): Promise<LogEntry[]> {
  const isUpTo = upTo === undefined ? {} : { $lte: upTo }
  return batches
    .aggregate<LogEntry>(
      [
        {
          $match: {
            last: { $gt: after },
            ...(upTo !== undefined && { _id: isUpTo }),
            ...(filter && { entries: { $elemMatch: filter } }),
          },
        },
        { $sort: { last: 1 } },
        { $unwind: '$entries' },
        { $replaceRoot: { newRoot: '$entries' } },
        { $match: { $and: [{ _id: { $gt: after, ...isUpTo } }, filter ?? {}] } },
        ...(max === undefined ? [] : [{ $limit: max }]),
      ],
      {
        ...(max !== undefined && { batchSize: max }),
        ...(session && { session }),
        ...(signal && { signal }),
      },
    )
    .toArray()
}

/**
 * Reads the entry after `position` from the log or its archive. Returns a later one when that entry is in
 * neither, and undefined when there is none.
 */
export async function readNextEntry(db: Db, position: bigint): Promise<LogEntry | undefined> {
  const range = { after: position, max: 1 }
  const [logged] = await readLog(db, range)
  if (logged?._id === position + 1n) return logged
  // The archive comes second, because entries are archived before they are deleted from the log.
  const [archived] = await readLog(db, { ...range, batches: archiveOf(db) })
  return archived ?? logged
}
