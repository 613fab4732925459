// Questions of analytics over three million payments of two years, in one process without HTTP: how long the
// process computes, how long it blocks, and how much memory the counters take. PAYMENTS has another number.

import type { Db } from 'mongodb'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { startMongo } from '../../gateway/mongod/start.ts'
import type { ParticipantId } from '../../schema/values/id.ts'
import { answerActivity, type ActivityAnswer, type Question } from '../../subgraphs/analytics/activity.ts'
import { createActivityCache, type ActivityCache } from '../../subgraphs/analytics/activity-cache.ts'
import { createActivityStore } from '../../subgraphs/analytics/block-store.ts'
import { bucketStarts, dayMs, hourMs, minuteMs, type Range } from '../../subgraphs/analytics/range.ts'
import { SumMaker } from '../../subgraphs/analytics/sum-maker.ts'
import { publishedOf, resultsOf } from '../../subgraphs/log/checkpoint.ts'
import { connect } from '../../subgraphs/platform/mongo/client.ts'
import { storeHistory } from '../../test/fixtures/a-history.ts'
import { median } from '../measure.ts'
import { report, row, type Row } from '../report.ts'

const payments = Number(process.env.PAYMENTS ?? 3_000_000)
const days = 731
const from = new Date('2024-03-01T00:00:00Z')
/** Within the last day of the history, and not at the start of an hour. */
const now = from.getTime() + days * dayMs - 12 * hourMs - 17 * minuteMs
const year: Range = { from: now - 365 * dayMs, to: now }
const wallets = ['wallet-SG-0' as ParticipantId]
const warmRuns = 15

interface Asked {
  readonly what: string
  readonly question: Partial<Question>
  read(answer: ActivityAnswer): Promise<unknown>
}

const seriesBy = (zone: string) => (answer: ActivityAnswer) =>
  answer.series(bucketStarts(year, 'DAY', zone) as readonly number[])
const threeBreakdowns = async (answer: ActivityAnswer): Promise<void> => {
  await answer.totals()
  for (const by of ['CORRIDOR', 'WALLET', 'ACQUIRER'] as const) await answer.breakdown(by)
}

const asked: readonly Asked[] = [
  {
    what: 'a day, three breakdowns',
    question: { range: { from: now - dayMs, to: now } },
    read: threeBreakdowns,
  },
  { what: 'a year, three breakdowns', question: {}, read: threeBreakdowns },
  {
    what: 'two years, three breakdowns',
    question: { range: { from: from.getTime(), to: now } },
    read: threeBreakdowns,
  },
  { what: 'a year, percentiles', question: {}, read: (answer) => answer.authorizeMs() },
  {
    what: 'a year of a wallet, by category',
    question: { where: { wallets } },
    read: (answer) => answer.breakdown('MCC'),
  },
  { what: 'a year by day, UTC', question: {}, read: seriesBy('UTC') },
  { what: 'a year by day, Kathmandu', question: {}, read: seriesBy('Asia/Kathmandu') },
  { what: 'a year of a wallet by day, UTC', question: { where: { wallets } }, read: seriesBy('UTC') },
  {
    what: 'a year of a wallet by day, Shanghai',
    question: { where: { wallets } },
    read: seriesBy('Asia/Shanghai'),
  },
]

export async function bench(): Promise<void> {
  const dataDir = new URL('../../.data/bench-activity', import.meta.url).pathname
  const binaryDir = new URL('../../.data/mongod', import.meta.url).pathname
  const logger = { info: () => {}, error: (...details: unknown[]) => console.error(...details) }
  const mongod = await startMongo({ dataDir, binaryDir, binary: process.env.MONGOD_BINARY, logger })
  const mongo = await connect(mongod.uri)
  try {
    const db = mongo.db(`bench_activity_${payments}`)
    const rows: Row[] = await prepare(db)
    const cache = openCache(db)
    const start = await timed(() => cache.current())
    rows.push(row('start', start.ms, 'ms'))
    for (const one of asked) rows.push(...(await ask(cache, one)))
    rows.push(row('counters in memory', cache.bytes() / 1e6, 'MB', null, '≤ 64'))
    report('activity', rows)
  } finally {
    await mongo.close()
    await mongod.close()
  }
}

const openCache = (db: Db): ActivityCache =>
  createActivityCache(db, { tip: () => 0n, read: async () => [] }, () => new Date(now))

/** Stores the history once, and makes its sums if they are missing. */
async function prepare(db: Db): Promise<Row[]> {
  await createActivityStore(resultsOf(db, 0))
  let { position } = await publishedOf(db, 'activity')
  if (position === 0n) position = await storeHistory(db, { from, days, payments })
  const making = await timed(() => new SumMaker(db, 0).make(position, new AbortController().signal))
  return [
    row('sums of the history', making.ms / 1000, 's'),
    row('while making them, blocked', making.blockedMs, 'ms'),
  ]
}

async function ask(cache: ActivityCache, { what, question, read }: Asked): Promise<Row[]> {
  const run = () =>
    timed(async () => {
      const { source } = await cache.current()
      await read(answerActivity(source, cache.names, { range: year, where: {}, within: [], ...question }))
    })
  const first = await run()
  const warm: Timed[] = []
  for (let n = 0; n < warmRuns; n++) warm.push(await run())
  return [
    row(`${what}: first`, first.ms, 'ms'),
    row(`${what}: first, blocked`, first.blockedMs, 'ms', null, '≤ 5'),
    row(`${what}: again`, median(warm.map(({ ms }) => ms)), 'ms'),
    row(`${what}: again, processor`, median(warm.map(({ cpuMs }) => cpuMs)), 'ms'),
    row(`${what}: again, blocked`, median(warm.map(({ blockedMs }) => blockedMs)), 'ms', null, '≤ 5'),
  ]
}

interface Timed {
  readonly ms: number
  readonly cpuMs: number
  /** The longest time that the event loop did not turn. */
  readonly blockedMs: number
}

async function timed(run: () => Promise<unknown>): Promise<Timed> {
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  const cpu = process.cpuUsage()
  const startedAt = performance.now()
  await run()
  const ms = performance.now() - startedAt
  const { user, system } = process.cpuUsage(cpu)
  delay.disable()
  return { ms, cpuMs: (user + system) / 1000, blockedMs: delay.max / 1e6 }
}
