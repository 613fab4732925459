// The MongoDB client of a process, with the guarantees that payments need.

import { type ClientSession, type ClientSessionOptions, type Db, MongoClient } from 'mongodb'
import { OutageError } from '../async/outage.ts'
import type { Logger } from '../logger.ts'
import { tracing } from '../tracing.ts'
import { traceCommands } from './command-spans.ts'
import { isServerError } from './errors.ts'
import { watchPool, type PoolStats } from './pool-stats.ts'

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
 * Connects to a replica set or sharded cluster, for tasks that rather wait than fail. Throws the driver's
 * error when it cannot.
 *
 * Reads see what a majority has, and a write is acknowledged when it is in the journal of a majority, so a
 * failover loses no acknowledged write. An int64 is read as `bigint`; doubles and int32 as `number`. A
 * `bigint` is written as int64 and wraps silently beyond 64 bits, so it must be bounded before. A member that
 * is `undefined` is left out.
 */
export async function connect(uri: string, settings: MongoSettings = {}): Promise<Mongo> {
  const { poolMax = 20, serverSelectionMs = 15_000, appName = 'crossgate' } = settings
  const client = new MongoClient(uri, {
    ...guarantees,
    appName,
    maxPoolSize: poolMax,
    serverSelectionTimeoutMS: serverSelectionMs,
  })
  await client.connect()
  return mongoOf(client)
}

const guarantees = {
  readConcern: { level: 'majority' },
  writeConcern: { w: 'majority', journal: true },
  retryReads: true,
  retryWrites: true,
  useBigInt64: true,
  ignoreUndefined: true,
} as const

const mongoOf = (client: MongoClient): Mongo => ({
  client,
  db: (name) => client.db(name),
  close: () => client.close(),
})

/** A MongoDB for a process that answers requests: a call fails early, and at once while MongoDB is away. */
export interface WatchedMongo extends Mongo {
  /** True since MongoDB has had no primary that answers for `awayAfterMs`. */
  isAway(): boolean
  pool(): PoolStats
}

/**
 * Connects as `connect` does, and watches MongoDB. A standing primary is noticed after 2.5 s, one that closed
 * its sockets at once. A call waits 2 s for a primary or a connection. Once there has been no primary for a
 * second, calls are refused with an OutageError, and only the driver's monitors call, twice a second, until a
 * primary answers.
 *
 * The driver's `timeoutMS` has no effect since 7.8: before, it could give a late answer to another call.
 */
export async function connectWatched(
  uri: string,
  logger: Pick<Logger, 'warn' | 'info'>,
): Promise<WatchedMongo> {
  const client = new WatchedClient(uri, logger)
  try {
    await client.connect()
  } catch (error) {
    await client.close()
    throw error
  }
  return { ...mongoOf(client), isAway: () => client.isAway, pool: client.pool }
}

const heartbeatMs = 500
const connectMs = 2_000
const waitMs = 2_000
/** For a connection that is dead while the monitor’s is not. Longer than any single call of a task. */
const silenceMs = 60_000
/** Shorter than an election: what comes meanwhile is refused, and is to be sent again. */
const awayAfterMs = 1_000

class WatchedClient extends MongoClient {
  readonly #logger: Pick<Logger, 'warn' | 'info'>
  #lostAtMs: number | null = null
  #noticing: NodeJS.Timeout | undefined
  isAway = false
  readonly pool = watchPool(this)

  constructor(uri: string, logger: Pick<Logger, 'warn' | 'info'>) {
    super(uri, {
      ...guarantees,
      appName: 'crossgate',
      maxPoolSize: 20,
      serverSelectionTimeoutMS: waitMs,
      waitQueueTimeoutMS: waitMs,
      connectTimeoutMS: connectMs,
      socketTimeoutMS: silenceMs,
      heartbeatFrequencyMS: heartbeatMs,
      // A monitor whose server pushes its state notices a silent one after `connectMs` and a heartbeat.
      serverMonitoringMode: 'stream',
      monitorCommands: tracing !== null,
    })
    if (tracing) traceCommands(this, tracing)
    this.#logger = logger
    this.on('topologyDescriptionChanged', ({ newDescription: { servers } }) => {
      if ([...servers.values()].some(({ type }) => writable.has(type))) this.#found()
      else this.#lost()
    })
    this.on('topologyClosed', () => clearTimeout(this.#noticing))
  }

  /** The driver starts a session for each call that has none, so this is where a call is refused. */
  override startSession(options?: ClientSessionOptions): ClientSession {
    if (this.isAway) throw new OutageError('MongoDB has no primary that answers')
    return super.startSession(options)
  }

  #lost(): void {
    if (this.#lostAtMs !== null) return
    this.#lostAtMs = performance.now()
    this.#noticing = setTimeout(() => {
      this.isAway = true
      this.#logger.warn({}, 'MongoDB is away: requests that need it are refused until it answers')
    }, awayAfterMs)
  }

  #found(): void {
    clearTimeout(this.#noticing)
    const lostAtMs = this.#lostAtMs
    this.#lostAtMs = null
    if (!this.isAway) return
    this.isAway = false
    this.#logger.info({ awayMs: Math.round(performance.now() - lostAtMs!) }, 'MongoDB answers again')
  }
}

const writable: ReadonlySet<string> = new Set(['RSPrimary', 'Mongos', 'Standalone', 'LoadBalancer'])

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
