// The log on a real MongoDB: how many events a second the sequencer keeps up with, how soon an event is in the log, and how soon
// another process takes over from one that was killed. Beside it, the change stream consumer that one would write instead.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Db, Timestamp } from 'mongodb'
import { startMongo } from '../../gateway/mongod/start.ts'
import { startLogReader } from '../../subgraphs/log/reader.ts'
import { connect, type Mongo } from '../../subgraphs/platform/mongo/client.ts'
import { startSequencer, writeLog } from '../../subgraphs/transaction/log/sequencer.ts'
import { median, quantile } from '../measure.ts'
import { report, row, type Row } from '../report.ts'
import { readTip } from '../../subgraphs/log/store.ts'
import { startOneByOne } from './one-by-one.ts'
import { eventsEach, pacePayments, writePayments } from './payments.ts'

const rounds = Number(process.env.ROUNDS ?? 3)
/** Payments in each round of catching up. */
const backlog = Number(process.env.BACKLOG ?? 40_000)
/** Of which so many are left to the consumer, which is slower. */
const backlogOfConsumer = Math.round(backlog / 10)
const paced = { count: 1_500, perSecond: 100 }

const logger = { info: () => {}, error: (...what: unknown[]) => console.error(...what) }

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

/** Payments are written first; then each reads their changes and writes the log, from the same place. */
async function sustained(mongo: Mongo): Promise<Row[]> {
  const ours: number[] = []
  const theirs: number[] = []
  for (let round = 0; round < rounds; round++) {
    const db = mongo.db(`bench_log_${round}`)
    // It has a place to go on from before the payments are there.
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

/** While another process writes payments as fast as it can: what the log takes, and how far behind it is at the end. */
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
    row('behind it when it has written its last', median(behind), 'ms'),
  ]
}

/** Milliseconds until the log has `count` entries. */
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
    // Its place is saved with the next quiet batch.
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

/** From the acknowledgement of a payment to its first event's being in the log, as a reader in the same process sees it. */
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
      // It can be in the log before its writer has heard that it is written.
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

/** From the kill of the process that writes the log to the first entry that another one writes. */
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
    const heir = startSequencer({ db, logger, logReader })
    await writePayments(db, 10)
    while ((await readTip(db)) < 10n * BigInt(eventsEach)) await new Promise((next) => setTimeout(next, 10))
    child.kill('SIGKILL')
    await once(child, 'exit')
    const killedAt = performance.now()
    await writePayments(db, 1)
    await new Promise<void>((resolve) => {
      const look = () => logReader.tip() > 10n * BigInt(eventsEach) && resolve()
      logReader.subscribe(look)
      look()
    })
    times.push(performance.now() - killedAt)
    await heir.close()
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
