// Live streams: one event to many subscribers, the memory of an idle subscriber, the effect of stalled
// clients on others, and the speed of a resumed stream. SOCKETS=10000 and EVENTS=100000 change the sizes;
// PARTS=idle,stalled measures only these.

import { MongoClient } from 'mongodb'
import { setTimeout as wait } from 'node:timers/promises'
import { pino } from 'pino'
import { behindBytes } from '../../gateway/live/subscriber.ts'
import { startMongo } from '../../gateway/mongod/start.ts'
import type { StoredCheckpoint } from '../../subgraphs/log/checkpoint.ts'
import { batchOf, logOf, makeLogIndexes, readTip } from '../../subgraphs/log/store.ts'
import { transactionProjections } from '../../subgraphs/transaction/index.ts'
import { createCursors } from '../../subgraphs/shared/cursor.ts'
import { median } from '../measure.ts'
import { report, row, type Row } from '../report.ts'
import { measureAnswers } from './answers.ts'
import { Clients, latency, Server, settled, throughput, type Throughput } from './rig.ts'
import { anEntry } from './world.ts'

const sockets = Number(process.env.SOCKETS ?? 1_000)
const logLength = Number(process.env.EVENTS ?? 1_000_000)
const rounds = 3
const sliceMs = 2_000
const fillMs = 3_000

const contenders = [
  { name: 'hub', label: 'hub', windowMax: 64 },
  { name: 'pubsub', label: 'mercurius subscriptions', windowMax: 8 },
  { name: 'graphqlWs', label: 'graphql-ws, executed per subscriber', windowMax: 8 },
] as const

const parts = { fanOut, answers: () => measureAnswers(sockets), idle, stalled, resume }
const chosen = (process.env.PARTS ?? Object.keys(parts).join()).split(',')

export async function bench(): Promise<void> {
  const rows: Row[] = []
  for (const [name, measure] of Object.entries(parts)) {
    if (chosen.includes(name)) rows.push(...(await measure()))
  }
  report(sockets === 1_000 ? 'live' : `live-${sockets}`, rows)
}

interface Rig {
  readonly label: string
  readonly server: Server
  readonly clients: Clients
  readonly windowMax: number
  readonly rates: Throughput[]
}

/** Measures the same events to the same number of clients, with contenders in turn. */
async function fanOut(): Promise<Row[]> {
  const rigs: Rig[] = []
  for (const { name, label, windowMax } of contenders) {
    const server = await Server.start(name)
    const clients = new Clients()
    await clients.request({ do: 'open', url: server.url, count: sockets })
    rigs.push({ label, server, clients, windowMax, rates: [] as Throughput[] })
  }
  for (const { server, clients } of rigs) await settled(server, clients, sockets)
  for (let round = -1; round < rounds; round++) {
    for (const { server, clients, windowMax, rates } of rigs) {
      const rate = await throughput(server, clients, { count: sockets, ms: sliceMs, windowMax })
      if (round >= 0) rates.push(rate)
    }
  }
  const perSecond = (rig: Rig) => median(rig.rates.map((rate) => rate.perSecond))
  const perCpuSecond = (rig: Rig) => median(rig.rates.map((rate) => rate.perCpuSecond))
  const [hub, ...others] = rigs as [Rig, ...Rig[]]
  const rows = [
    row(`deliveries to ${sockets} sockets: ${hub.label}`, perSecond(hub), '/s', null, '≥ 100,000'),
    row(`the same by the server’s processor time: ${hub.label}`, perCpuSecond(hub), '/CPU s'),
  ]
  for (const other of others) {
    const against = (of: (rig: Rig) => number) => ({ ratio: of(hub) / of(other), peer: other.label })
    const goal = other.label.startsWith('mercurius') ? '≥ 20' : null
    rows.push(
      row(
        `deliveries to ${sockets} sockets: ${other.label}`,
        perSecond(other),
        '/s',
        against(perSecond),
        goal,
      ),
      row(
        `the same by the server’s processor time: ${other.label}`,
        perCpuSecond(other),
        '/CPU s',
        against(perCpuSecond),
      ),
    )
  }
  const single = await throughput(hub.server, hub.clients, { count: sockets, ms: sliceMs, windowMax: 4 })
  rows.push(row('the same, four events at a time: hub', single.perCpuSecond, '/CPU s'))
  for (const { server, clients } of rigs) await Promise.all([server.close(), clients.close()])
  return rows
}

/** Measures the memory of one more idle subscriber. */
async function idle(): Promise<Row[]> {
  const cost: number[] = []
  for (const name of ['hub', 'graphqlWs']) {
    const server = await Server.start(name)
    const clients = new Clients()
    const sizes: number[] = []
    for (let n = 0; n < 4; n++) {
      await clients.request({ do: 'open', url: server.url, count: sockets })
      // One garbage collection does not free all memory of the start.
      for (let times = 0; times < 3; times++) await server.measure()
      sizes.push((await server.measure()).bytes)
    }
    // The first subscribers load code that all of them share.
    cost.push((sizes[3]! - sizes[0]!) / (3 * sockets) / 1024)
    await Promise.all([server.close(), clients.close()])
  }
  const [hub, peer] = cost as [number, number]
  const against = { ratio: hub / peer, peer: 'graphql-ws' }
  return [
    row('heap and external memory per idle subscriber: hub', hub, 'KB', null, '< 15'),
    row('heap and external memory per idle subscriber: graphql-ws', peer, 'KB', against),
  ]
}

/**
 * Measures the effect of stalled clients, a tenth of all, on the others; compared in turn with a hub without
 * stalled clients.
 */
async function stalled(): Promise<Row[]> {
  const rig = async () => {
    const server = await Server.start('hub')
    const clients = new Clients()
    await clients.request({ do: 'open', url: server.url, count: sockets })
    await settled(server, clients, sockets)
    await throughput(server, clients, { count: sockets, ms: sliceMs, windowMax: 64 })
    return { server, clients }
  }
  const [calm, held] = [await rig(), await rig()]
  const before = await held.server.measure()
  const stalledCount = sockets / 10
  await held.clients.request({ do: 'stall', count: stalledCount })
  // A stalled client has no effect until the buffers of its socket are full.
  let now = before
  for (let n = 0; n < 20 && now.waitingBytes < stalledCount * behindBytes; n++) {
    await throughput(held.server, held.clients, { count: sockets - stalledCount, ms: fillMs, windowMax: 64 })
    now = await held.server.measure()
  }
  if (now.waitingBytes < stalledCount * behindBytes)
    throw new Error('no client is stalled: all events fit into the buffers of the sockets')
  const pace = { everyMs: (sockets / 20_000) * 1000, ms: 2_000 }
  const found: { readonly calm: number; readonly held: number }[] = []
  for (let round = 0; round < 7; round++) {
    found.push({
      calm: (await latency(calm.server, calm.clients, pace)).p99,
      held: (await latency(held.server, held.clients, pace)).p99,
    })
  }
  now = await held.server.measure()
  for (const { server, clients } of [calm, held]) await Promise.all([server.close(), clients.close()])
  return [
    row('p99 with no client stalled: hub', median(found.map((p99) => p99.calm)), 'ms'),
    row(
      'p99 of the others with a tenth stalled, ÷ that',
      median(found.map((p99) => p99.held / p99.calm)),
      '×',
      null,
      '≤ 1.3',
    ),
    row(
      'bytes that wait for each stalled client',
      now.waitingBytes / stalledCount / 1024,
      'KB',
      null,
      '< 64',
    ),
    row('memory that the hub holds more', (now.bytes - before.bytes) / 1024 / 1024, 'MB'),
  ]
}

/** Entries in each batch of the log, as many as the sequencer writes under load. */
const batchEntries = 100

/** Measures a subscriber that resumes at the first of many entries, until it is live. */
async function resume(): Promise<Row[]> {
  const logger = pino({ level: 'warn' })
  const mongod = await startMongo({ dataDir: new URL('../../.data/bench', import.meta.url).pathname, logger })
  const client = await MongoClient.connect(mongod.uri, { useBigInt64: true })
  const name = 'bench_live'
  const db = client.db(name)
  try {
    if ((await readTip(db)) !== BigInt(logLength + 1)) {
      await logOf(db)
        .drop()
        .catch(() => {})
      await makeLogIndexes(db)
      const at = new Date('2026-03-01T04:00:00Z')
      for (let from = 1; from <= logLength + 1; from += batchEntries) {
        const count = Math.min(batchEntries, logLength + 2 - from)
        await logOf(db).insertOne(batchOf(Array.from({ length: count }, (_, n) => anEntry(from + n, at))))
      }
    }
    for (const { name: other } of await db.listCollections({}, { nameOnly: true }).toArray())
      if (other !== 'log') await db.collection(other).drop()
    // All projections have already read the log.
    await db
      .collection<StoredCheckpoint>('places')
      .insertMany(transactionProjections.map((_id) => ({ _id, position: BigInt(logLength + 1), epoch: 0 })))
    const server = await Server.start('stored', mongod.uri, name)
    const clients = new Clients()
    const after = createCursors('x'.repeat(32)).encode(1n)
    const startedAt = performance.now()
    await clients.request({
      do: 'open',
      url: server.url,
      count: 1,
      document:
        'subscription($after: String) { transactionEvents(after: $after) { cursor sequence at kind from to } }',
      variables: { after },
    })
    for (;;) {
      const { events } = await clients.request({ do: 'count' })
      if (events >= logLength) break
      await wait(20)
    }
    const seconds = (performance.now() - startedAt) / 1000
    const { bytes } = await server.measure()
    await Promise.all([server.close(), clients.close()])
    return [
      row(
        `resuming ${logLength.toLocaleString('en')} events ago: until live`,
        logLength / seconds,
        'events/s',
      ),
      row('heap and external memory of the hub afterwards', bytes / 1024 / 1024, 'MB'),
    ]
  } finally {
    await client.close()
    await mongod.close()
  }
}
