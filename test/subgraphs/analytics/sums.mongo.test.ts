import fc from 'fast-check'
import { pino } from 'pino'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { answerActivity, type ActivityAnswer, type Question } from '../../../subgraphs/analytics/activity.ts'
import {
  createActivityCache,
  type ActivityCache,
  type ActivityCacheOptions,
} from '../../../subgraphs/analytics/activity-cache.ts'
import { activityProjection, countBatch } from '../../../subgraphs/analytics/activity-projection.ts'
import { createActivityStore, type ActivityStore } from '../../../subgraphs/analytics/block-store.ts'
import { bucketStarts, dayMs, hourMs } from '../../../subgraphs/analytics/range.ts'
import { SumMaker } from '../../../subgraphs/analytics/sum-maker.ts'
import { publishedOf, resultsOf } from '../../../subgraphs/log/checkpoint.ts'
import type { LogEntry } from '../../../subgraphs/log/entry.ts'
import { startProjection } from '../../../subgraphs/log/projection.ts'
import { startLogReader } from '../../../subgraphs/log/reader.ts'
import { rebuild } from '../../../subgraphs/log/rebuild.ts'
import { batchOf, logOf } from '../../../subgraphs/log/store.ts'
import { storeHistory } from '../../fixtures/a-history.ts'
import { aLife, aLog, aLoggedPayment, entriesOf, logOfLives, spanOfLives } from '../../fixtures/a-log.ts'
import { freshDatabase } from '../../harness/mongo.ts'
import * as model from './model.ts'
import { aQuestion, expectSame } from './questions.ts'

const { db } = await freshDatabase()
const checkpoints = db.collection<{ _id: string; position: bigint; epoch: number }>('places')
const never = new AbortController().signal
const whole: Question = { range: spanOfLives, where: {}, within: [] }

const deleteAll = async (): Promise<void> => {
  for (const collection of await db.collections()) await collection.deleteMany({})
}
beforeEach(deleteAll)

const openStore = (): Promise<ActivityStore> => createActivityStore(resultsOf(db, 0), { cellsMax: 3 })
const saveCheckpoint = (position: bigint) =>
  checkpoints.updateOne({ _id: 'activity' }, { $set: { epoch: 0, position } }, { upsert: true })
const openCache = (options?: ActivityCacheOptions): ActivityCache =>
  createActivityCache(db, { tip: () => 0n, read: async () => [] }, () => new Date(spanOfLives.to), options)
/** Makes the sums that are due, each of parts of two cells. */
const makeSums = async (): Promise<void> =>
  new SumMaker(db, 0, { cellsMax: 2 }).make((await publishedOf(db, 'activity')).position, never)

async function answer(cache: ActivityCache, question: Question): Promise<ActivityAnswer> {
  const { source } = await cache.current()
  return answerActivity(source, cache.names, question)
}

async function count(log: readonly LogEntry[]): Promise<void> {
  await countBatch(await openStore(), log)
  await saveCheckpoint(BigInt(log.length))
}

/** Deletes the counters of the hours up to a day, so that only their sums are left. */
const emptyHoursBefore = (day: string) =>
  db
    .collection<{ _id: string }>('activityHours')
    .updateMany({ _id: { $lt: day } }, { $set: { cells: 0, words: Buffer.alloc(0) } })

const zones = [
  'UTC',
  'Asia/Shanghai',
  'Asia/Kolkata',
  'Asia/Kathmandu',
  'America/St_Johns',
  'Pacific/Chatham',
  'Australia/Lord_Howe',
]

/** What happens next: entries are counted, perhaps in two writes; sums are made; a question is answered. */
const anAct = fc.record({
  entries: fc.integer({ min: 1, max: 30 }),
  isHalfWritten: fc.boolean(),
  makesSums: fc.boolean(),
  /** The process has nothing in memory. */
  startsAgain: fc.boolean(),
  question: fc.oneof(aQuestion, fc.constant(whole)),
  zone: fc.constantFrom(...zones),
})
const someBytes = fc.constantFrom(0, 3_000, 1_000_000)

const isOfEvenHour = ({ payment }: LogEntry): boolean =>
  Math.floor(payment.createdAt.getTime() / hourMs) % 2 === 0

describe('sums of days and months', () => {
  test('give every figure as a recount does, whatever was summed when, also after late events', async () => {
    await fc.assert(
      fc.asyncProperty(
        aLog(20),
        fc.array(anAct, { minLength: 2, maxLength: 4 }),
        fc.record({ recentBytesMax: someBytes, cacheBytesMax: someBytes }),
        async (log, acts, options) => {
          await deleteAll()
          const store = await openStore()
          const cache = openCache(options)
          let at = 0
          for (const { entries, isHalfWritten, makesSums, startsAgain, question, zone } of acts) {
            const batch = log.slice(at, at + entries)
            if (isHalfWritten) {
              await countBatch(await openStore(), batch.filter(isOfEvenHour))
              if (makesSums) await makeSums()
              await (await answer(cache, question)).totals()
            }
            await countBatch(isHalfWritten ? await openStore() : store, batch)
            await saveCheckpoint(BigInt((at += batch.length)))
            if (makesSums) await makeSums()
            const counted = log.slice(0, at)
            const reading = startsAgain ? openCache(options) : cache
            await expectSame(await answer(reading, question), counted, question, zone)
          }
        },
      ),
      { numRuns: 8 },
    )
    // Each run writes and reads MongoDB some hundred times.
  }, 120_000)

  test('answer without the hours that they are of, in the days of any zone', async () => {
    const times = ['2026-01-31T23:59:00Z', '2026-02-01T00:00:00Z', '2026-02-10T18:14:59Z']
    const recent = ['2026-02-27T18:15:00Z', '2026-03-01T12:00:00Z', '2026-03-02T01:00:00Z']
    const lives = [...times, ...recent].map((time, n) =>
      aLife({ payment: aLoggedPayment({ createdAt: new Date(time) }), authorizeMs: 100 + n }),
    )
    const log = logOfLives(lives)
    await count(log)
    await makeSums()
    await emptyHoursBefore('2026-02-28')
    const range = { from: Date.parse('2026-01-31T00:00:00Z'), to: spanOfLives.to }
    for (const zone of zones) {
      const starts = bucketStarts(range, 'DAY', zone) as number[]
      const found = await answer(openCache(), { ...whole, range })
      expect(await found.series(starts)).toEqual(model.series(log, { ...whole, range }, starts))
    }
    await expectSame(await answer(openCache(), whole), log.slice(0), { ...whole, range })
  })

  test('are made again after a late event, and until then its day is read by hours', async () => {
    const old = aLife({
      payment: aLoggedPayment({ createdAt: new Date('2026-01-31T10:00:00Z') }),
      ending: 'takenBack',
    })
    const later = aLife({ payment: aLoggedPayment({ createdAt: new Date('2026-03-02T01:00:00Z') }) })
    const [lateEvents, others] = [entriesOf(old, 'old').slice(-2), entriesOf(old, 'old').slice(0, -2)]
    const log = [...others, ...entriesOf(later, 'later'), ...lateEvents].map((entry, n) => ({
      _id: BigInt(n + 1),
      ...entry,
    }))
    const cache = openCache()
    const approved = async () => (await (await answer(cache, whole)).totals()).approved
    await count(log.slice(0, -2))
    await makeSums()
    expect(await approved()).toBe(2)
    await count(log)
    expect(await approved()).toBe(1)
    await makeSums()
    await emptyHoursBefore('2026-02-01')
    expect(await (await answer(openCache(), whole)).totals()).toMatchObject({ approved: 1, payments: 2 })
  })
})

describe('a rebuild', () => {
  test('keeps every answer right, also one that began before the previous counters were dropped', async () => {
    const logger = pino({ level: 'silent' })
    const times = ['2026-01-31T10:00:00Z', '2026-02-10T10:00:00Z', '2026-03-01T10:00:00Z']
    const log = logOfLives(
      times.map((time) => aLife({ payment: aLoggedPayment({ createdAt: new Date(time) }) })),
    )
    await logOf(db).insertOne(batchOf(log))
    const logReader = await startLogReader({ db, logger })
    const projection = startProjection({ db, logReader, logger }, activityProjection())
    const readsAll = openCache({ recentBytesMax: 0, cacheBytesMax: 0 })
    const expected = model.totals(log, whole)
    const counted = async () => (await publishedOf(db, 'activity')).position === BigInt(log.length)
    await vi.waitUntil(counted, { timeout: 10_000 })
    await makeSums()
    const before = await answer(readsAll, whole)
    expect(await before.totals()).toEqual(expected)

    await rebuild(db, 'activity')
    while ((await publishedOf(db, 'activity')).epoch === 0) {
      expect(await (await answer(readsAll, whole)).totals()).toEqual(expected)
    }
    const isDropped = async () => (await db.listCollections({ name: 'activityHours' }).toArray()).length === 0
    await vi.waitUntil(isDropped, { timeout: 10_000 })
    expect(await before.totals()).toEqual(expected)
    expect(await (await answer(readsAll, whole)).totals()).toEqual(expected)
    await projection.close()
    await logReader.close()
  })
})

describe('the memory of analytics', () => {
  const from = new Date('2025-01-01T00:00:00Z')
  const bounds = { recentBytesMax: 30_000, cacheBytesMax: 120_000 }

  test.each([10, 40])('is bounded, with %i days of 200 payments and any question', async (days) => {
    await storeHistory(db, { from, days, payments: days * 200 })
    await new SumMaker(db, 0).make((await publishedOf(db, 'activity')).position, never)
    const cache = openCache(bounds)
    const range = { from: from.getTime(), to: from.getTime() + days * dayMs }
    const found = await answer(cache, { ...whole, range })
    const { payments } = await found.totals()
    expect(payments).toBe(days * 200)
    const byMinute = await found.series([range.from, range.from + 61_000])
    expect(byMinute.map((row) => row.payments).reduce((a, b) => a + b)).toBe(payments)
    for (const by of ['CORRIDOR', 'MCC', 'DECLINE_REASON'] as const) await found.breakdown(by)
    expect(cache.bytes()).toBeLessThanOrEqual(bounds.recentBytesMax + bounds.cacheBytesMax)
    expect(cache.bytes()).toBeGreaterThan(bounds.cacheBytesMax / 2)
  })
})
