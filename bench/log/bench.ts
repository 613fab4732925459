// The log on a real MongoDB: events per second of the sequencer, the delay until an event is in the log, and
// the time until another process takes over from a killed one. The peer is a simple change stream consumer.

import type { Db, Timestamp } from 'mongodb'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { startMongo } from '../../gateway/mongod/start.ts'
import { startLogReader } from '../../subgraphs/log/reader.ts'
import { readTip } from '../../subgraphs/log/store.ts'
import { connect, type Mongo } from '../../subgraphs/platform/mongo/client.ts'
import { startSequencer, writeLog } from '../../subgraphs/transaction/log/sequencer.ts'
import { median, quantile } from '../measure.ts'
import { report, row, type Row } from '../report.ts'
import { startOneByOne } from './one-by-one.ts'
import { eventsEach, pacePayments, writePayments } from './payments.ts'

const rounds = Number(process.env.ROUNDS ?? 3)
/** Payments in each round of `sustained`. */
const backlog = Number(process.env.BACKLOG ?? 40_000)
/** Payments for the consumer, which is slower. */
const backlogOfConsumer = Math.round(backlog / 10)
const paced = { count: 1_500, perSecond: 100 }

const logger = { info: () => {}, error: (...details: unknown[]) => console.error(...details) }

export async function bench(): Promise<void> {
  const dataDir = new URL('../../.data/bench-log', import.meta.url).pathname
  const binaryDir = new URL('../../.data/mongod', import.meta.url).pathname
  rmSync(dataDir, { recursive: true, force: true })
  const mongod = await startMongo({ dataDir, binaryDir, binary: process.env.MONGOD_BINARY, logger })
  const mongo = await connect(mongod.uri)
  try {
    const rows: Row[] = []
    rows.push(...(await sustained(mongo)), ...(await keepingUp(mongo, mongod.uri)))
    rows.push(...(await delay(mongo)), await takeover(mongo, mongod.uri))
    report('log', rows)
  } finally {
    await mongo.close()
    await mongod.close()
    rmSync(dataDir, { recursive: true, force: true })
  }
}

/**
 * Writes payments first; then each contender reads their changes and writes the log, from the same position.
 */
async function sustained(mongo: Mongo): Promise<Row[]> {
  const ours: number[] = []
  const theirs: number[] = []
  for (let round = 0; round < rounds; round++) {
    const db = mongo.db(`bench_log_${round}`)
    // The sequencer stores a position to resume from before the payments are written.
    await catchUp(db, 0)
    await writePayments(db, backlog)
    ours.push((backlog * eventsEach * 1000) / (await catchUp(db, backlog * eventsEach)))
    const from = await operationTime(db)
    await writePayments(db, backlogOfConsumer)
    const startedAt = performance.now()
    const consumer = await startOneByOne(db, 'logByHand', from)
    await consumer.written(backlogOfConsumer * eventsEach)
    theirs.push((backlogOfConsumer * eventsEach * 1000) / (performance.now() - startedAt))
    await consumer.close()
    await db.dropDatabase()
  }
  const ratios = ours.map((each, n) => each / theirs[n]!)
  return [
    row('events a second, sustained: sequencer', median(ours), 'events/s', null, '≥ 10,000'),
    row(
      'events a second, sustained: change stream, one by one',
      median(theirs),
      'events/s',
      { ratio: median(ratios), peer: 'one by one' },
      null,
    ),
  ]
}

/** Measures the log while another process writes payments at full speed, and its delay at the end. */
async function keepingUp(mongo: Mongo, uri: string): Promise<Row[]> {
  const rates: number[] = []
  const behind: number[] = []
  for (let round = 0; round < rounds; round++) {
    const db = mongo.db(`bench_log_busy_${round}`)
    const file = new URL('writer.ts', import.meta.url).pathname
    const child = spawn(process.execPath, [file, uri, db.databaseName, String(backlog)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    process.once('exit', () => child.kill('SIGKILL'))
    const lines = createInterface(child.stdout)
    await once(lines, 'line')
    let doneAt = 0
    const done = once(lines, 'line').then(() => (doneAt = performance.now()))
    child.stdin.write('go\n')
    rates.push((backlog * eventsEach * 1000) / (await catchUp(db, backlog * eventsEach)))
    const loggedAt = performance.now()
    await done
    behind.push(Math.max(0, loggedAt - doneAt))
    await db.dropDatabase()
  }
  return [
    row('events a second, while another process writes payments', median(rates), 'events/s'),
    row('delay of the log after its last payment', median(behind), 'ms'),
  ]
}

/** Runs the sequencer until the log has `count` entries; returns milliseconds. */
async function catchUp(db: Db, count: number): Promise<number> {
  const stopping = new AbortController()
  const done = Promise.withResolvers<void>()
  let written = 0
  const startedAt = performance.now()
  const running = writeLog(
    {
      db,
      logger,
      onWritten(entries) {
        written += entries.length
        if (written >= count) done.resolve()
      },
    },
    { signal: stopping.signal, isHeld: () => !stopping.signal.aborted },
  )
  if (count === 0) {
    await writePayments(db, 1)
    count = eventsEach
  }
  await done.promise
  const tookMs = performance.now() - startedAt
  if (count === eventsEach) {
    // The position is stored with the next batch that is not full.
    while (!(await db.collection('logState').findOne())) await new Promise((next) => setTimeout(next, 20))
  }
  stopping.abort()
  await running
  return tookMs
}

async function operationTime(db: Db): Promise<Timestamp> {
  const { operationTime: time } = await db.command({ ping: 1 })
  return time as Timestamp
}

/**
 * Measures the delay from the acknowledgement of a payment until a log reader in this process has its first
 * event.
 */
async function delay(mongo: Mongo): Promise<Row[]> {
  const measured = async (
    start: (onWritten: (id: string) => void) => Promise<() => Promise<void>>,
    db: Db,
  ) => {
    const delays: number[] = []
    const acknowledged = new Map<string, number>()
    const early = new Map<string, number>()
    const stop = await start((id) => {
      const at = acknowledged.get(id)
      const now = performance.now()
      if (at === undefined) {
        if (!early.has(id)) early.set(id, now)
      } else {
        acknowledged.delete(id)
        delays.push(now - at)
      }
    })
    await pacePayments(db, paced.count, paced.perSecond, (id, atMs) => {
      // An event can be in the log before the acknowledgement of its payment arrives.
      if (early.has(id)) delays.push(Math.max(0, early.get(id)! - atMs))
      else acknowledged.set(id, atMs)
    })
    while (delays.length < paced.count) await new Promise((next) => setTimeout(next, 10))
    await stop()
    return delays
  }
  const db = mongo.db('bench_log_delay')
  const ours = await measured(async (onWritten) => {
    const logReader = await startLogReader({ db, logger })
    const sequencer = startSequencer({ db, logger, logReader })
    while (!sequencer.isHolding()) await new Promise((next) => setTimeout(next, 10))
    logReader.subscribe((entries) => entries.forEach(({ transaction }) => onWritten(transaction)))
    return async () => {
      await sequencer.close()
      await logReader.close()
    }
  }, db)
  const byHand = mongo.db('bench_log_delay_by_hand')
  const theirs = await measured(async (onWritten) => {
    const consumer = await startOneByOne(byHand, 'logByHand', null, onWritten)
    return () => consumer.close()
  }, byHand)
  await Promise.all([db.dropDatabase(), byHand.dropDatabase()])
  const what = `from commit to log, ${paced.perSecond} payments a second`
  return [0.5, 0.99].flatMap((share) => {
    const name = `p${share * 100}`
    const [own, other] = [quantile(ours, share), quantile(theirs, share)]
    return [
      row(`${what}, ${name}: sequencer`, own, 'ms'),
      row(`${what}, ${name}: change stream, one by one`, other, 'ms', {
        ratio: other / own,
        peer: 'one by one',
      }),
    ]
  })
}

/**
 * Measures the time from the kill of the sequencer’s process until another process appends the first entry.
 */
async function takeover(mongo: Mongo, uri: string): Promise<Row> {
  const times: number[] = []
  for (let round = 0; round < 2 * rounds - 1; round++) {
    const db = mongo.db(`bench_log_takeover_${round}`)
    const child = spawn(
      process.execPath,
      [new URL('holder.ts', import.meta.url).pathname, uri, db.databaseName],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    )
    process.once('exit', () => child.kill('SIGKILL'))
    await once(createInterface(child.stdout), 'line')
    const logReader = await startLogReader({ db, logger })
    const successor = startSequencer({ db, logger, logReader })
    await writePayments(db, 10)
    while ((await readTip(db)) < 10n * BigInt(eventsEach)) await new Promise((next) => setTimeout(next, 10))
    child.kill('SIGKILL')
    await once(child, 'exit')
    const killedAt = performance.now()
    await writePayments(db, 1)
    await new Promise<void>((resolve) => {
      const check = () => logReader.tip() > 10n * BigInt(eventsEach) && resolve()
      logReader.subscribe(check)
      check()
    })
    times.push(performance.now() - killedAt)
    await successor.close()
    await logReader.close()
    await db.dropDatabase()
  }
  return row(
    'takeover after a kill, to the first new entry (longest)',
    Math.max(...times) / 1000,
    's',
    null,
    '< 5',
  )
}
