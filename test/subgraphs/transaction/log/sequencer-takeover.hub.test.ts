// The log under failures of real processes and of a real oplog: a sequencer that is killed, one that is
// paused and resumes, and a resume token that the oplog no longer reaches.

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Db, Timestamp } from 'mongodb'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { startMongo } from '../../../../gateway/mongod/start.ts'
import { startLogReader } from '../../../../subgraphs/log/reader.ts'
import { connect } from '../../../../subgraphs/platform/mongo/client.ts'
import { entriesOf } from '../../../../subgraphs/transaction/log/entries-of-payment.ts'
import { startSequencer, writeLog } from '../../../../subgraphs/transaction/log/sequencer.ts'
import { freshDatabase, freshFolder } from '../../../harness/mongo.ts'
import { binaryDir } from '../../../harness/places.ts'
import type { LogEntry } from '../../../../subgraphs/log/entry.ts'
import { readLog, readTip } from '../../../../subgraphs/log/store.ts'
import { aPaymentHub, many, type PaymentHub } from '../../../fixtures/a-payment-hub.ts'
import { quietLog } from '../../../fixtures/a-programme.ts'

const { mongo, uri, name } = await freshDatabase()
let databases = 0
function aDatabase(): Db {
  const db = mongo.db(`${name}_${++databases}`)
  onTestFinished(async () => void (await db.dropDatabase()))
  return db
}

/** A sequencer in a process of its own; `printed` resolves when the process next prints the given line. */
function aSequencerProcess(db: Db) {
  const script = fileURLToPath(new URL('../../../harness/sequencer-process.ts', import.meta.url))
  const child: ChildProcess = spawn(process.execPath, [script, uri, db.databaseName], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const lines = createInterface(child.stdout!)
  return {
    child,
    printed: (expected: string) =>
      new Promise<void>((resolve) => {
        const onLine = (line: string) => {
          if (line !== expected) return
          lines.off('line', onLine)
          resolve()
        }
        lines.on('line', onLine)
      }),
  }
}

/** A standby sequencer in this process, which waits for the lease. */
async function aStandby(db: Db) {
  const logReader = await startLogReader({ db, logger: quietLog })
  const sequencer = startSequencer({ db, logger: { info: () => {}, error: () => {} }, logReader })
  onTestFinished(async () => {
    await sequencer.close()
    await logReader.close()
  })
  return sequencer
}

async function expectOneToOne(db: Db, hub: PaymentHub): Promise<readonly LogEntry[]> {
  const payments = await hub.store.payments.find().toArray()
  const events = payments.flatMap(entriesOf)
  const entries = await vi.waitFor(
    async () => {
      const found = await readLog(db)
      expect(found.length).toBeGreaterThanOrEqual(events.length)
      return found
    },
    { timeout: 20_000, interval: 50 },
  )
  expect(entries.map(({ _id }) => _id)).toEqual(entries.map((_, n) => BigInt(n + 1)))
  const nameOf = ({ transaction, sequence }: Pick<LogEntry, 'transaction' | 'sequence'>) =>
    `${transaction}/${sequence}`
  expect(entries.map(nameOf).toSorted()).toEqual(events.map(nameOf).toSorted())
  for (const { _id } of payments) {
    const sequences = entries.filter(({ transaction }) => transaction === _id).map(({ sequence }) => sequence)
    expect(sequences).toEqual(sequences.toSorted((a, b) => a - b))
  }
  return entries
}

const logged = (db: Db, count: number) =>
  vi.waitFor(async () => expect(Number(await readTip(db))).toBeGreaterThanOrEqual(count), {
    timeout: 20_000,
    interval: 20,
  })

describe('the log', () => {
  test('resumes within 5 s after the sequencer is killed, with no entry missing and none twice', async () => {
    const db = aDatabase()
    const hub = await aPaymentHub(db)
    const { child, printed } = aSequencerProcess(db)
    await printed('took')
    const standby = await aStandby(db)
    await many(20, () => hub.complete())
    await logged(db, 1)
    // While the sequencer is busy.
    const more = many(50, () => hub.complete())
    child.kill('SIGKILL')
    await once(child, 'exit')
    const killedAt = performance.now()
    await more
    const before = Number(await readTip(db))
    await hub.pay()
    await logged(db, before + 1)
    await vi.waitFor(() => expect(standby.isHolding()).toBe(true), { timeout: 5_000, interval: 10 })
    await expectOneToOne(db, hub)
    expect(performance.now() - killedAt).toBeLessThan(5_000)
  }, 30_000)

  test('has no fork and no gap when a paused sequencer resumes after another has taken over', async () => {
    const db = aDatabase()
    const hub = await aPaymentHub(db)
    const { child, printed } = aSequencerProcess(db)
    await printed('took')
    for (let round = 0; round < 2; round++) {
      const standby = await aStandby(db)
      const running = many(60, () => hub.complete())
      await logged(db, 1)
      child.kill('SIGSTOP')
      await running
      await vi.waitFor(() => expect(standby.isHolding()).toBe(true), { timeout: 5_000, interval: 10 })
      await many(30, () => hub.complete())
      await expectOneToOne(db, hub)
      // The paused process resumes with changes in memory and more to read, while payments are still made.
      const lost = printed('lost')
      const morePayments = many(30, () => hub.complete())
      child.kill('SIGCONT')
      await Promise.all([lost, morePayments])
      await expectOneToOne(db, hub)
      // That process takes the lease again.
      const took = printed('took')
      await standby.close()
      await took
      await many(10, () => hub.complete())
      await expectOneToOne(db, hub)
    }
  }, 60_000)

  test('is completed when the oplog has rolled over since the sequencer stopped', async () => {
    const mongod = await startMongo({
      dataDir: freshFolder(),
      binaryDir,
      binary: process.env.MONGOD_BINARY,
      oplogMb: 16,
      // The oplog retains what no checkpoint of MongoDB includes yet.
      checkpointSeconds: 1,
      logger: { info: () => {} },
    })
    const own = await connect(mongod.uri)
    onTestFinished(async () => {
      await own.close()
      await mongod.close()
    })
    const db = own.db('rolled')
    const hub = await aPaymentHub(db)
    const logLines: string[] = []
    const write = () => {
      const stopping = new AbortController()
      const lease = { signal: stopping.signal, isHeld: () => !stopping.signal.aborted }
      const logger = { error: () => {}, info: (_: unknown, text = '') => void logLines.push(text) }
      const done = writeLog({ db, logger }, lease)
      return async () => {
        stopping.abort()
        await done
      }
    }
    const stop = write()
    const open = await many(20, () => hub.pay())
    await logged(db, 40)
    await vi.waitFor(async () => expect(await db.collection('logState').findOne()).not.toBeNull())
    await stop()
    logLines.length = 0
    await Promise.all(open.map(({ _id }) => hub.respond(_id, 'APPROVE')))
    await many(20, () => hub.complete())
    const { operationTime } = (await db.command({ ping: 1 })) as { operationTime: Timestamp }

    // Another collection fills the oplog until these changes have left it.
    const filler = Buffer.alloc(1_000_000, 'x')
    const first = () =>
      own
        .db('local')
        .collection('oplog.rs')
        .findOne({}, { sort: { $natural: 1 } })
    await vi.waitFor(
      async () => {
        await db.collection('filler').insertMany(Array.from({ length: 8 }, () => ({ filler })))
        expect((await first())!['ts'].greaterThan(operationTime)).toBe(true)
      },
      { timeout: 60_000, interval: 100 },
    )
    const stopAgain = write()
    await expectOneToOne(db, hub)
    await many(5, () => hub.complete())
    await expectOneToOne(db, hub)
    await stopAgain()
    expect(logLines).toEqual(['cannot resume the change stream; scanning payments for missing log entries'])
  }, 90_000)
})
