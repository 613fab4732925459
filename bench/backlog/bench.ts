// Readers of the log that are far behind: all projections at once, a follower, and webhooks to one endpoint
// that answers after 20 ms. The log is filled while nothing reads it.

import type { Db } from 'mongodb'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { startMongo } from '../../gateway/mongod/start.ts'
import type { ParticipantId, WebhookId } from '../../schema/values/id.ts'
import { makeLogIndexes, readTip } from '../../subgraphs/log/store.ts'
import { connect } from '../../subgraphs/platform/mongo/client.ts'
import { newSigningSecret } from '../../subgraphs/shared/signing-secret.ts'
import { writeLog } from '../../subgraphs/transaction/log/sequencer.ts'
import { createEndpointStore } from '../../subgraphs/transaction/webhooks/endpoint-store.ts'
import { eventsEach, writePayments } from '../log/payments.ts'
import { report, row, type Row } from '../report.ts'
import type { Reading } from './readers.ts'

const payments = Number(process.env.PAYMENTS ?? 20_000)
const spread = { merchants: 5_000, customers: 2_000, refusedEach: 10 }
const latencyMs = 20
const sendingMs = 10_000

const logger = { info: () => {}, error: (...details: unknown[]) => console.error(...details) }

export async function bench(): Promise<void> {
  const dataDir = new URL('../../.data/bench-backlog', import.meta.url).pathname
  const binaryDir = new URL('../../.data/mongod', import.meta.url).pathname
  rmSync(dataDir, { recursive: true, force: true })
  const mongod = await startMongo({ dataDir, binaryDir, binary: process.env.MONGOD_BINARY, logger })
  const mongo = await connect(mongod.uri)
  const db = mongo.db('bench_backlog')
  const receiver = await startReceiver()
  try {
    await fill(db)
    await addEndpoint(db, receiver.url)
    const entries = Number(await readTip(db))
    const projections = await run(mongod.uri, db, 'projections')
    const follower = await run(mongod.uri, db, 'follower')
    report('backlog', [
      ...rows(entries, projections),
      row('processor time of the projections', projections.cpuSeconds, 's'),
      row('memory of the projections above that of an idle process', growth(projections), 'MB'),
      ...rows(entries, follower),
      row('processor time of a follower', follower.cpuSeconds, 's'),
      row('memory of a follower above that of an idle process', growth(follower), 'MB'),
      ...(await sending(mongod.uri, db, receiver.count)),
    ])
  } finally {
    receiver.close()
    await mongo.close()
    await mongod.close()
    rmSync(dataDir, { recursive: true, force: true })
  }
}

const rows = (entries: number, { seconds }: Reading): Row[] =>
  Object.entries(seconds).map(([name, s]) =>
    row(
      `entries a second, ${payments.toLocaleString('en')} payments behind: ${name}`,
      entries / s,
      'entries/s',
      null,
      '≥ 5,000',
    ),
  )

const growth = ({ peakMb, beforeMb }: Reading): number => peakMb - beforeMb

/** Writes payments and the log. */
async function fill(db: Db): Promise<void> {
  await makeLogIndexes(db)
  await writePayments(db, payments, spread)
  const stopping = new AbortController()
  const { signal } = stopping
  const onWritten = (entries: readonly { _id: bigint }[]) => {
    if (entries.at(-1)!._id >= BigInt(payments * eventsEach)) stopping.abort()
  }
  await writeLog({ db, logger, onWritten }, { signal, isHeld: () => !signal.aborted })
}

/** Adds an endpoint of the wallet, which receives all events. */
async function addEndpoint(db: Db, url: string): Promise<void> {
  const store = await createEndpointStore(db)
  const endpoint = {
    _id: 'bench' as WebhookId,
    owner: 'wallet-sg-01' as ParticipantId,
    url,
    events: ['*'],
    status: 'ACTIVE' as const,
    createdAt: new Date(),
    since: 0n,
    secrets: [{ secret: newSigningSecret(), notAfter: null, by: 'bench' }],
  }
  await db.client.withSession((session) => session.withTransaction(() => store.add(endpoint, session)))
}

function startReaders(uri: string, db: Db, what: string) {
  const file = new URL('readers.ts', import.meta.url).pathname
  const options = process.env.PROFILE ? ['--cpu-prof', `--cpu-prof-name=${what}.cpuprofile`] : []
  const child = spawn(process.execPath, [...options, file, uri, db.databaseName, what], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  process.once('exit', () => child.kill('SIGKILL'))
  return child
}

async function run(uri: string, db: Db, what: string): Promise<Reading> {
  return ended(startReaders(uri, db, what))
}

async function ended(child: ReturnType<typeof startReaders>): Promise<Reading> {
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
  await once(child, 'exit')
  return JSON.parse(line) as Reading
}

/** Sends the deliveries that the projections have stored, for a while. */
async function sending(uri: string, db: Db, received: () => number): Promise<Row[]> {
  const child = startReaders(uri, db, 'webhooks')
  while (received() < 100) await sleep(10)
  const before = received()
  const startedAt = performance.now()
  await sleep(sendingMs)
  const rate = ((received() - before) * 1000) / (performance.now() - startedAt)
  child.kill('SIGTERM')
  const { cpuSeconds } = await ended(child)
  const what = `one endpoint that answers after ${latencyMs} ms`
  return [
    row(`webhooks a second to ${what}`, rate, 'deliveries/s', null, '≥ 500'),
    row('processor time of a webhook', (cpuSeconds * 1000) / received(), 'ms'),
  ]
}

async function startReceiver() {
  let count = 0
  const server = createServer((request, response) => {
    request.resume()
    setTimeout(() => {
      count++
      response.writeHead(204).end()
    }, latencyMs)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/hooks`,
    count: () => count,
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}
