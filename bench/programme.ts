// A hub as `npm start` runs it, with the 1 % data set and without traffic, as a process with its own MongoDB.

import { MongoClient, type Db } from 'mongodb'
import { pino } from 'pino'
import { startMongo } from '../gateway/mongod/start.ts'
import { nodeOptions, serve, type Server } from './load.ts'

export interface Programme {
  readonly url: string
  /** The URI of its MongoDB. */
  readonly uri: string
  readonly db: Db
  /** The process of the hub. */
  readonly pid: number
  /** From its start until it was ready, with MongoDB running. */
  readonly startMs: number
  /** Starts a peer with the MongoDB URI and the name of the database as its arguments. */
  serve(name: string, file: URL, environment?: Readonly<Record<string, string>>): Promise<Server>
  close(): Promise<void>
}

/**
 * Starts the hub. Its data stays in `.data/bench`, so only the first benchmark loads it; `fresh` loads it
 * again.
 */
export async function startProgramme({
  database = 'bench',
  fresh = false,
  folder = new URL('../.data/bench', import.meta.url).pathname,
  environment = {},
}: {
  readonly database?: string
  readonly fresh?: boolean
  /** Of the MongoDB. */
  readonly folder?: string | undefined
  readonly environment?: Readonly<Record<string, string>>
} = {}): Promise<Programme> {
  const logger = pino({ level: 'warn' })
  const mongod = await startMongo({ dataDir: folder, logger })
  const client = await MongoClient.connect(mongod.uri)
  if (fresh) await client.db(database).dropDatabase()
  const main = new URL('../gateway/main.ts', import.meta.url)
  const settings = {
    ...nodeOptions,
    MONGODB_URI: mongod.uri,
    MONGODB_DATABASE: database,
    PORT: '0',
    TRAFFIC: '0',
    OFFERS: 'off',
    LOG_LEVEL: 'warn',
  }
  const startedAt = performance.now()
  const hub = await serve('hub', main, [], { ...settings, ...environment })
  const startMs = performance.now() - startedAt
  return {
    startMs,
    url: hub.url,
    uri: mongod.uri,
    db: client.db(database),
    pid: hub.pid,
    serve: (name, file, peerEnvironment) => serve(name, file, [mongod.uri, database], peerEnvironment),
    close: async () => {
      await hub.close()
      await client.close()
      await mongod.close()
    },
  }
}
