// The transaction log in MongoDB.

import type { ClientSession, Collection, Db, Filter } from 'mongodb'
import type { LogEntry, LogBatch } from './entry.ts'

export const logOf = (db: Db): Collection<LogBatch> => db.collection<LogBatch>('log')

/** What retention has taken out of the log: nobody who follows reads it, only who counts everything anew. */
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

/** Position of the latest entry; 0 when there is none. Throws when the log is of a version that wrote each entry by itself. */
export async function readTip(db: Db): Promise<bigint> {
  const latest: Partial<LogBatch> | null = await logOf(db).findOne(
    {},
    { sort: { _id: -1 }, projection: { last: 1 } },
  )
  if (latest && latest.last === undefined) {
    throw new Error(
      `the log in the database ${db.databaseName} is of an earlier version: begin with an empty one`,
    )
  }
  return latest?.last ?? 0n
}

/** Which entries are read. */
export interface LogRange {
  /** Left out: from the first. */
  readonly after?: bigint
  /** Left out: to the latest. */
  readonly upTo?: bigint
  readonly max?: number
  /** Left out: all of them. */
  readonly filter?: Filter<LogEntry>
  readonly session?: ClientSession
  /** Left out: the log. */
  readonly batches?: Collection<LogBatch>
}

/** Reads entries from MongoDB, oldest first. */
export function readLog(
  db: Db,
  { after = 0n, upTo, max, filter, session, batches = logOf(db) }: LogRange = {},
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
      { ...(max !== undefined && { batchSize: max }), ...(session && { session }) },
    )
    .toArray()
}
