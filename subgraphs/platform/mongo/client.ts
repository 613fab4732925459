// The MongoDB client of a process, with the guarantees that payments need.

import { type Db, MongoClient } from 'mongodb'
import { isServerError } from './errors.ts'

export interface MongoSettings {
  /** Maximum of connections. Calls are batched, so few are needed. */
  readonly poolMax?: number
  /** Time in milliseconds after which a call without a primary fails: longer than a failover takes. */
  readonly serverSelectionMs?: number
  /** Shown in MongoDB's logs and in `currentOp`. */
  readonly appName?: string
}

export interface Mongo {
  readonly client: MongoClient
  db(name: string): Db
  close(): Promise<void>
}

/**
 * Connects to a replica set or sharded cluster. Throws the driver's error when it cannot.
 *
 * Reads see what a majority has, and a write is acknowledged when it is in the journal of a majority, so a
 * failover loses no acknowledged write. An int64 is read as `bigint`; doubles and int32 as `number`. A
 * `bigint` is written as int64 and wraps silently beyond 64 bits, so it must be bounded before. A member that
 * is `undefined` is left out.
 */
export async function connect(uri: string, settings: MongoSettings = {}): Promise<Mongo> {
  const { poolMax = 20, serverSelectionMs = 15_000, appName = 'crossgate' } = settings
  const client = new MongoClient(uri, {
    appName,
    maxPoolSize: poolMax,
    serverSelectionTimeoutMS: serverSelectionMs,
    readConcern: { level: 'majority' },
    writeConcern: { w: 'majority', journal: true },
    retryReads: true,
    retryWrites: true,
    useBigInt64: true,
    ignoreUndefined: true,
  })
  await client.connect()
  return { client, db: (name) => client.db(name), close: () => client.close() }
}

/**
 * Creates the collection `name` if there is none. A collection that is first written in a MongoDB transaction
 * must exist before: transactions of several starting processes would otherwise conflict over its creation.
 */
export async function makeCollection(db: Db, name: string): Promise<void> {
  await db.createCollection(name).catch((error: unknown) => {
    if (!isServerError(error, namespaceExists)) throw error
  })
}

const namespaceExists = 48
