import fc from 'fast-check'
import { pino } from 'pino'
import { describe, expect, test, vi } from 'vitest'
import type { MerchantId } from '../../../schema/values/id.ts'
import {
  answerActivity,
  onlyBlocks,
  type ActivityAnswer,
  type Question,
} from '../../../subgraphs/analytics/activity.ts'
import { createActivityCache } from '../../../subgraphs/analytics/activity-cache.ts'
import { activityProjection, countBatch } from '../../../subgraphs/analytics/activity-projection.ts'
import { createActivityStore, type ActivityStore } from '../../../subgraphs/analytics/block-store.ts'
import { CounterBlock, OpenCounterBlock } from '../../../subgraphs/analytics/counter-block.ts'
import { deltaOf } from '../../../subgraphs/analytics/delta.ts'
import { Names } from '../../../subgraphs/analytics/names.ts'
import { minuteMs } from '../../../subgraphs/analytics/range.ts'
import { publishedOf, resultsOf } from '../../../subgraphs/log/checkpoint.ts'
import type { LogEntry } from '../../../subgraphs/log/entry.ts'
import { startProjection } from '../../../subgraphs/log/projection.ts'
import { startLogReader } from '../../../subgraphs/log/reader.ts'
import { batchOf, logOf } from '../../../subgraphs/log/store.ts'
import { aLife, aLog, aLoggedPayment, logOfLives, spanOfLives } from '../../fixtures/a-log.ts'
import { anId } from '../../fixtures/an-id.ts'
import { freshDatabase } from '../../harness/mongo.ts'
import * as model from './model.ts'
import { aQuestion, expectSame } from './questions.ts'

const { db } = await freshDatabase()
/** With small parts, so that a few cells already fill one. */
const openStore = (): Promise<ActivityStore> => createActivityStore(resultsOf(db, 0), { cellsMax: 3 })
const checkpoints = db.collection<{ _id: string; position: bigint; epoch: number }>('places')
const readPosition = async (): Promise<bigint> => (await publishedOf(db, 'activity')).position
/** Stores the checkpoint, as the projection does after each batch. */
const saveCheckpoint = (position: bigint) =>
  checkpoints.updateOne({ _id: 'activity' }, { $set: { epoch: 0 }, $max: { position } }, { upsert: true })
const deleteActivity = () =>
  Promise.all(
    ['activityHours', 'activityMerchants', 'places'].map((name) => db.collection(name).deleteMany({})),
  )

/** Stores nothing. */
const noBlocks: ActivityStore['merchants'] = {
  open: async () => new Map(),
  save: async () => true,
}

class Crash extends Error {}

/** One process: it counts until a write of one kind fails, before or after MongoDB has executed it. */
interface Run {
  readonly sizes: readonly number[]
  readonly crash: {
    readonly at: 'hours' | 'merchants' | 'checkpoint'
    readonly written: boolean
    readonly afterCalls: number
  }
}

/** Counts a batch, then stores the checkpoint. */
interface Counter {
  readonly store: ActivityStore
  saveCheckpoint(position: bigint): Promise<unknown>
}

function failing(store: ActivityStore, { at, written, afterCalls }: Run['crash']): Counter {
  let left = afterCalls
  const crashAt = async <Result>(run: () => Promise<Result>): Promise<Result> => {
    if (left-- > 0) return run()
    if (written) await run()
    throw new Crash()
  }
  return {
    store: {
      ...store,
      ...(at === 'hours' && {
        hours: { ...store.hours, save: (blocks) => crashAt(() => store.hours.save(blocks)) },
      }),
      ...(at === 'merchants' && {
        merchants: { ...store.merchants, save: (blocks) => crashAt(() => store.merchants.save(blocks)) },
      }),
    },
    saveCheckpoint:
      at === 'checkpoint' ? (position) => crashAt(() => saveCheckpoint(position)) : saveCheckpoint,
  }
}

async function countAll(log: readonly LogEntry[], counter: Counter, sizes: readonly number[]): Promise<void> {
  let at = Number(await readPosition())
  for (let n = 0; at < log.length; n++) {
    const batch = log.slice(at, at + sizes[n % sizes.length]!)
    await countBatch(counter.store, batch)
    at += batch.length
    await counter.saveCheckpoint(BigInt(at))
  }
}

async function countWithCrashes(log: readonly LogEntry[], runs: readonly Run[]): Promise<void> {
  for (const { sizes, crash } of runs) {
    await countAll(log, failing(await openStore(), crash), sizes).catch((error: unknown) => {
      if (!(error instanceof Crash)) throw error
    })
  }
  await countAll(log, { store: await openStore(), saveCheckpoint }, [1000])
}

async function answers(question: Question): Promise<ActivityAnswer> {
  const names = new Names()
  const blocks: CounterBlock[] = []
  for await (const content of (await openStore()).hoursIn({ from: 0, to: question.range.to })) {
    blocks.push(new CounterBlock(content, names))
  }
  return answerActivity(onlyBlocks(blocks), names, question)
}

const whole: Question = { range: spanOfLives, where: {}, within: [] }

const someRuns: fc.Arbitrary<Run[]> = fc.array(
  fc.record({
    sizes: fc.array(fc.constantFrom(1, 2, 7, 20), { minLength: 1, maxLength: 4 }),
    crash: fc.record({
      at: fc.constantFrom('hours', 'merchants', 'checkpoint'),
      written: fc.boolean(),
      afterCalls: fc.integer({ min: 0, max: 6 }),
    }),
  }),
  { minLength: 1, maxLength: 3 },
)

describe('the activity projection', () => {
  test('counts entries as they come, and another process resumes where it stopped', async () => {
    await deleteActivity()
    const logger = pino({ level: 'silent' })
    const lives = Array.from({ length: 9 }, () => aLife())
    const entries = logOfLives(lives)
    const logReader = await startLogReader({ db, logger })
    const reached = (position: number) =>
      vi.waitFor(async () => expect(await readPosition()).toBe(BigInt(position)), { timeout: 10_000 })

    const one = startProjection({ db, logReader, logger }, activityProjection())
    await logOf(db).insertOne(batchOf(entries.slice(0, 4)))
    await reached(4)
    await logOf(db).insertOne(batchOf(entries.slice(4, 10)))
    await reached(10)
    await one.close()
    await logOf(db).insertOne(batchOf(entries.slice(10)))
    const other = startProjection({ db, logReader, logger }, activityProjection())
    await reached(entries.length)
    await other.close()
    await logReader.close()
    expect(await (await answers(whole)).totals()).toEqual(model.totals(entries, whole))
  })
})

describe('counts', () => {
  test('that another process has written meanwhile are not overwritten', async () => {
    await deleteActivity()
    const [early, late] = [await openStore(), await openStore()]
    const [submitted, sent, approved] = logOfLives([aLife()]) as [LogEntry, LogEntry, LogEntry]
    const start = new Date('2026-02-10T09:00:00Z')
    const count = async (store: ActivityStore, ...entries: LogEntry[]) => {
      const blocks = await store.hours.open(new Map([['2026-02-10T09', start]]))
      const { block } = blocks.get('2026-02-10T09')!
      return async () => {
        for (const entry of entries) {
          const delta = deltaOf(entry)
          if (delta) block.add(entry.payment, delta)
          block.upTo = entry._id
        }
        return store.hours.save(blocks)
      }
    }
    const [saveNew, saveNewLate] = [await count(early, submitted), await count(late, submitted)]
    expect([await saveNew(), await saveNewLate()]).toEqual([true, false])
    const [save, saveLate] = [await count(early, sent, approved), await count(late, sent)]
    expect([await save(), await saveLate()]).toEqual([true, false])
    expect(await (await answers(whole)).totals()).toEqual({
      payments: 1,
      approved: 1,
      declined: 0,
      value: 100_00n,
    })
  })

  test('add up exactly, beyond what a number holds', async () => {
    const value = 4n * 2n ** 32n - 1n
    const payment = aLoggedPayment()
    const open = new OpenCounterBlock({ start: payment.createdAt, upTo: 0n })
    open.add(payment, { payments: 1, approved: 1, declined: 0, value, reason: null, authorizeMs: null })
    const names = new Names()
    const block = new CounterBlock(open.content(), names)
    const blocks = Array.from({ length: 2_200_000 }, () => block)
    const { value: sum } = await answerActivity(onlyBlocks(blocks), names, whole).totals()
    expect(sum).toBe(BigInt(blocks.length) * value)
  })

  test('are a fold over the log: every figure, with every filter, any batches and any crash', async () => {
    await fc.assert(
      fc.asyncProperty(
        aLog(25),
        someRuns,
        fc.array(aQuestion, { maxLength: 6 }),
        async (log, runs, questions) => {
          await deleteActivity()
          await countWithCrashes(log, runs)
          const overMonths = questions.map((question) => ({ ...question, range: spanOfLives }))
          for (const question of [whole, ...questions, ...overMonths])
            await expectSame(await answers(question), log, question)
        },
      ),
      { numRuns: 60 },
    )
  }, 120_000)

  test('are read as they grow, up to the position that is returned with them', async () => {
    const now = new Date(spanOfLives.to + 60 * minuteMs)
    await fc.assert(
      fc.asyncProperty(aLog(25), fc.array(fc.integer({ min: 1, max: 20 })), async (log, sizes) => {
        await deleteActivity()
        const store = await openStore()
        const reader = {
          tip: () => BigInt(log.length),
          read: async (after: bigint, max: number) => log.slice(Number(after), Number(after) + max),
        }
        const activityCache = createActivityCache(db, reader, () => now)
        let at = 0
        for (const size of [0, ...sizes, log.length]) {
          const batch = log.slice(at, at + size)
          await countBatch(store, batch)
          at += batch.length
          await saveCheckpoint(BigInt(at))
          const snapshot = await activityCache.current()
          const found = answerActivity(snapshot.source, activityCache.names, whole)
          expect(await found.totals()).toEqual(model.totals(log.slice(0, at), whole))
          const asOf = log[at]?.at ?? now
          const lagMs = Math.min(now.getTime() - asOf.getTime(), 2 ** 31 - 1)
          expect(snapshot).toMatchObject({ position: BigInt(at), asOf, lagMs, complete: true })
        }
      }),
      { numRuns: 30 },
    )
  }, 120_000)

  test('are all read, also when a batch was half written during an earlier read', async () => {
    await deleteActivity()
    const times = ['2026-02-10T08:00:00Z', '2026-02-10T09:00:00Z'].map((time) => new Date(time))
    const [early, late] = logOfLives(
      times.map((createdAt) => aLife({ payment: aLoggedPayment({ createdAt }), ending: 'waiting' })),
    ).filter(({ kind }) => kind === 'SUBMITTED') as [LogEntry, LogEntry]
    const log = [early, { ...late, _id: 2n }]
    const [store, other] = [await openStore(), await openStore()]
    const reader = { tip: () => 2n, read: async () => [] }
    const activityCache = createActivityCache(db, reader, () => new Date(spanOfLives.to))
    const payments = async () => {
      const { source } = await activityCache.current()
      return (await answerActivity(source, activityCache.names, whole).totals()).payments
    }

    // The hour of the later entry is stored; that of the earlier entry and the checkpoint are not.
    await countBatch({ ...other, merchants: noBlocks }, log.slice(1))
    expect(await payments()).toBe(1)
    await countBatch(store, log)
    await saveCheckpoint(2n)
    expect(await payments()).toBe(2)
  })

  test('are the same per merchant', async () => {
    const merchants = ['a1.M1', 'a1.M1#2026-02', 'both.M2'].map(anId<MerchantId>)
    await fc.assert(
      fc.asyncProperty(
        aLog(25),
        someRuns,
        fc.oneof(fc.constant(whole), aQuestion),
        async (log, runs, question) => {
          await deleteActivity()
          await countWithCrashes(log, runs)
          const store = await openStore()
          const names = new Names()
          const found = await Promise.all(
            merchants.map((merchant) => store.monthsOf(merchant, question.range)),
          )
          for (const [n, merchant] of merchants.entries()) {
            const blocks = found[n]!.map((content) => new CounterBlock(content, names))
            const ownEntries = log.filter(({ payment }) => payment.merchant === merchant)
            await expectSame(answerActivity(onlyBlocks(blocks), names, question), ownEntries, question)
          }
        },
      ),
      { numRuns: 40 },
    )
  }, 120_000)

  test('are right when two processes count the same log at once', async () => {
    await fc.assert(
      fc.asyncProperty(aLog(25), someRuns, someRuns, async (log, one, other) => {
        await deleteActivity()
        await Promise.all([countWithCrashes(log, one), countWithCrashes(log, other)])
        await expectSame(await answers(whole), log, whole)
      }),
      { numRuns: 40 },
    )
  }, 120_000)
})
