// How the hub talks to MongoDB: one client for a process, with the guarantees that payments need.

import { type Db, MongoClient } from 'mongodb'
import { isServerError } from './errors.ts'

export { isServerError } from './errors.ts'

export interface MongoSettings {
  /** Connections kept at most. Calls are grouped, so few are needed. */
  readonly poolMax?: number
  /** How long to look for a primary before a call fails: longer than a failover takes. */
  readonly serverSelectionMs?: number
  /** Shown in MongoDB's own logs and `currentOp`. */
  readonly appName?: string
}

export interface Mongo {
  readonly client: MongoClient
  db(name: string): Db
  close(): Promise<void>
}

/**
 * Connects to a replica set or sharded cluster, and throws the driver's error when it cannot.
 *
 * Reads see what a majority has, and a write is acknowledged when it is in the journal of a majority: nothing that a
 * caller was told is lost by a failover. An int64 is read as `bigint` and a `bigint` is written as int64 (beyond 64 bits
 * it wraps without a word: bound it before); doubles and int32 stay `number`. A member that is `undefined` is left out.
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
 * Makes the collection `name` where there is none: before it is first written in a MongoDB transaction, where several
 * processes that start together would get into each other's way.
 */
export async function makeCollection(db: Db, name: string): Promise<void> {
  await db.createCollection(name).catch((error: unknown) => {
    if (!isServerError(error, namespaceExists)) throw error
  })
}

/** A unique index has it already. */
export const duplicateKey = 11_000
const namespaceExists = 48
