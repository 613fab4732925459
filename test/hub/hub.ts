// A whole hub for a test file: its own database, a tiny data set, a free port, no simulated wallets.

import { pino, type Logger } from 'pino'
import { afterAll } from 'vitest'
import { mongoOptions, readConfig } from '../../gateway/config/config.ts'
import { startHub, type Hub } from '../../gateway/app/hub.ts'
import { startMongo } from '../../gateway/mongod/start.ts'
import { demoScale } from '../harness/demo-data.ts'
import type { FreshDatabase } from '../harness/mongo.ts'
import { HubClient } from './client.ts'
import { demoDatabase } from './demo-database.ts'

export interface TestHub extends Hub {
  readonly database: FreshDatabase
  /** A client with this key, closed with the hub. */
  as(key: string): HubClient
}

/** Starts a hub over `database`, or over one with the data set of a demo. */
export async function testHub(
  database?: FreshDatabase,
  settings: Record<string, string> = {},
  logger: Logger = pino({ level: 'error' }),
): Promise<TestHub> {
  const on = database ?? (await demoDatabase())
  const config = readConfig({
    PORT: '0',
    MONGODB_URI: on.uri,
    MONGODB_DATABASE: on.name,
    SCALE: demoScale,
    TRAFFIC: '0',
    UNSAFE: 'demo-data,open-mongodb,plain-secrets',
    OFFERS: 'off',
    ...settings,
  })
  const hub = await startHub(config, { logger, mongod: startMongo({ ...mongoOptions(config), logger }) })
  const clients: HubClient[] = []
  const close = async (): Promise<void> => {
    await Promise.all(clients.map((client) => client.close()))
    await hub.close()
  }
  afterAll(close)
  return {
    ...hub,
    database: on,
    close,
    as(key) {
      const client = new HubClient(hub.url, key)
      clients.push(client)
      return client
    },
  }
}
