// A hub whose gateway and subgraphs are processes of their own, for a test file: its own database, a tiny
// data set, free ports, no simulated wallets.

import { afterAll } from 'vitest'
import type { Role } from '../../gateway/config/config.ts'
import { freePort } from '../docs/free-port.ts'
import type { FreshDatabase } from '../harness/mongo.ts'
import { hubProcesses, type Run } from './child.ts'
import { HubClient } from './client.ts'
import { demoDatabase } from './demo-database.ts'

export interface DistributedHub {
  /** Of the gateway. */
  readonly url: string
  readonly database: FreshDatabase
  /** Addresses of the processes of the subgraphs, for the settings of another process. */
  readonly addresses: Readonly<Record<string, string>>
  /** A client with this key, of the first gateway or of this one, closed with the test file. */
  as(key: string, gateway?: 'gateway-2'): HubClient
  /** Starts a process, or one that was ended again at its port, and resolves when it is ready. */
  start(process: string, settings?: Record<string, string>): Promise<Run>
  /** The latest process of this name. */
  run(process: string): Run
}

/** Subgraphs by the name of their process: a role, and a number for the second one of the same role. */
const names = ['merchant', 'merchant-2', 'participant', 'transaction', 'analytics'] as const

/** Starts all processes, with two of the merchant subgraph. `settings` are for all of them. */
export async function distributedHub(settings: Record<string, string> = {}): Promise<DistributedHub> {
  const database = await demoDatabase()
  const run = hubProcesses(database)
  const runs = new Map<string, Run>()
  const ports = new Map<string, number>()
  for (const name of [...names, 'gateway', 'gateway-2']) ports.set(name, await freePort())
  const at = (name: string): string => `http://127.0.0.1:${ports.get(name)}`
  const addresses = {
    PARTICIPANT_URLS: at('participant'),
    MERCHANT_URLS: `${at('merchant')},${at('merchant-2')}`,
    TRANSACTION_URLS: at('transaction'),
    ANALYTICS_URLS: at('analytics'),
  }
  const start = async (name: string, more: Record<string, string> = {}): Promise<Run> => {
    const role = name.split('-')[0] as Role
    const port = { PORT: String(ports.get(name)) }
    const started = run({ ...addresses, ...settings, ...port, ...more }, 'main.ts', role)
    runs.set(name, started)
    await started.line(role === 'gateway' ? 'Crossgate is ready at' : `the ${role} subgraph is ready at`)
    return started
  }
  const [first, ...others] = names
  await start(first)
  await Promise.all(others.map((name) => start(name)))
  await start('gateway')

  const clients: HubClient[] = []
  afterAll(() => Promise.all(clients.map((client) => client.close())))
  return {
    url: at('gateway'),
    database,
    addresses,
    start,
    run: (name) => runs.get(name)!,
    as(key, gateway) {
      const client = new HubClient(at(gateway ?? 'gateway'), key)
      clients.push(client)
      return client
    },
  }
}
