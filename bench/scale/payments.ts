// Payments on the data set of `bench.ts`: 200 a second alone, the same beside the queries of portals and
// dashboards, and as many as the hub takes, with how far the counters of analytics are behind the log.

import type { Db } from 'mongodb'
import { setTimeout as pause } from 'node:timers/promises'
import { bodies, post } from '../http-client.ts'
import { quantile } from '../measure.ts'
import { openLoop } from '../open-loop.ts'
import { quotes, submission, type Payer } from '../payer.ts'
import { row, type Row } from '../report.ts'
import { questions } from './questions.ts'

export interface PaymentsRun {
  readonly url: string
  readonly db: Db
  /** Questions a second. */
  readonly perSecond: number
  readonly seconds: number
}

const paymentsPerSecond = 200
const inFlight = 64
const run = Date.now().toString(36)
let numbers = 0
const keyed = (quoted: string): string => {
  const number = `scale ${run} ${++numbers}`
  return submission(quoted, number, number)
}
const headers = { authorization: 'Bearer demo-wallet' }

async function payerOf({ url, db }: PaymentsRun): Promise<Payer> {
  const shops = await db
    .collection<{ _id: string }>('merchants')
    .find({ acquirer: 'acquirer-cn-01', status: 'ACTIVE', entryModes: 'IN_APP' }, { projection: { _id: 1 } })
    .limit(100)
    .toArray()
  return { url: `${url}/graphql`, ...headers, currency: 'SGD', merchants: shops.map(({ _id }) => _id) }
}

/** The p99 of payments alone, and while questions come at their usual rate: two rounds of each, in turn. */
export async function payBesideQuestions(asked: PaymentsRun): Promise<Row[]> {
  const { seconds } = asked
  const payer = await payerOf(asked)
  const pay = async (): Promise<number[]> => {
    const quoted = await quotes(payer, paymentsPerSecond * seconds, inFlight)
    const body = (n: number) => keyed(quoted[n]!)
    return openLoop({ url: payer.url, headers, body, perSecond: paymentsPerSecond, seconds })
  }
  await pay()
  const alone: number[] = []
  const beside: number[] = []
  for (let round = 0; round < 2; round++) {
    alone.push(...(await pay()))
    beside.push(...(await whileAsking(asked, pay)))
  }
  const [p99, besideP99] = [quantile(alone, 0.99), quantile(beside, 0.99)]
  const against = { ratio: besideP99 / p99, peer: 'alone' }
  return [
    row('200 payments a second alone, p99', p99, 'ms'),
    row('200 payments a second beside questions, p99', besideP99, 'ms', against, '≤ 1.3'),
  ]
}

/** Runs `work` while each question comes at its share of the rate. Reports the last one that fails. */
async function whileAsking<Result>(
  { url, perSecond }: PaymentsRun,
  work: () => Promise<Result>,
): Promise<Result> {
  const stop = new AbortController()
  const failures: string[] = []
  const asking = [...Map.groupBy(questions, ({ key }) => key)].map(async ([key, ofKey]) => {
    const share = {
      url: `${url}/graphql`,
      headers: { authorization: `Bearer ${key}` },
      body: (n: number) => JSON.stringify({ query: ofKey[n % ofKey.length]!.document(n) }),
      perSecond: (perSecond * ofKey.length) / questions.length,
      onError: (text: string) => void failures.push(text),
    }
    while (!stop.signal.aborted) await openLoop({ ...share, seconds: 3 })
  })
  const asked = Promise.all(asking)
  asked.catch(() => {}) // Awaited below, when the work is done.
  const result = await work().finally(() => stop.abort())
  await asked
  reportFailures('questions beside payments', failures)
  return result
}

export function reportFailures(what: string, failures: readonly string[]): void {
  if (failures.length === 0) return
  process.exitCode = 1
  console.error(`${what}: ${failures.length} responses had errors, such as ${failures.at(-1)}`)
}

/** Pays as fast as the hub answers, and reads `activity` meanwhile: when is each payment in it? */
export async function followProjection(asked: PaymentsRun): Promise<Row[]> {
  const { db, url, seconds } = asked
  const payer = await payerOf(asked)
  const quoted = await quotes(payer, 1_700 * seconds, inFlight)
  const from = await tipOf(db)
  const committedAt: number[] = []
  const stop = new AbortController()
  const visible = visibleAt(url, () => committedAt.length, stop.signal)
  visible.catch(() => {}) // Awaited below, when all is paid.
  const startedAt = performance.now()
  await post({
    url: payer.url,
    headers,
    connections: inFlight,
    next: bodies(quoted.length, (n) => keyed(quoted[n]!)),
    check(body) {
      if (!body.includes('"replayed":false')) throw new Error(body)
      committedAt.push(performance.now())
    },
  })
  const perSecond = (Number((await tipOf(db)) - from) / (performance.now() - startedAt)) * 1000
  stop.abort()
  const seen = await visible
  const lags = committedAt.map((at, n) => seen.find(({ payments }) => payments > n)!.at - at)
  return [
    row('entries of the log a second', perSecond, 'entries/s', null, '≥ 5,000'),
    row('from the commit of a payment to `activity`, p99', quantile(lags, 0.99), 'ms', null, '≤ 1000'),
  ]
}

interface Seen {
  /** Payments since the begin, in an answer at this time. */
  readonly payments: number
  readonly at: number
}

const readEveryMs = 25
/** By then the projection has fallen behind for good. */
const behindMsMax = 60_000

/** Reads how many payments `activity` has until they are `committed()`, after the signal. */
async function visibleAt(url: string, committed: () => number, signal: AbortSignal): Promise<Seen[]> {
  const from = new Date(Date.now() - 60_000).toISOString()
  const to = new Date(Date.now() + 3_600_000).toISOString()
  const query = `{ activity(where: { range: { from: "${from}", to: "${to}" } }) { payments } }`
  const read = async (): Promise<number> => {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { authorization: 'Bearer demo-operator', 'content-type': 'application/json' },
      body: JSON.stringify({ query }),
    })
    const { data } = (await response.json()) as { data: { activity: { payments: number } } | null }
    return data!.activity.payments
  }
  const before = await read()
  const seen: Seen[] = []
  for (let stoppedAt = Infinity; ;) {
    const payments = (await read()) - before
    const at = performance.now()
    if (payments > (seen.at(-1)?.payments ?? 0)) seen.push({ payments, at })
    if (signal.aborted) {
      stoppedAt = Math.min(stoppedAt, at)
      if (payments >= committed()) return seen
      if (at - stoppedAt > behindMsMax) throw new Error(`activity has ${payments} of ${committed()} payments`)
    }
    await pause(readEveryMs)
  }
}

/** The position of the last entry of the log. */
async function tipOf(db: Db): Promise<bigint> {
  const latest = await db
    .collection<{ last: number | bigint }>('log')
    .findOne({}, { sort: { _id: -1 }, projection: { last: 1 } })
  // The client of a benchmark reads 64-bit numbers as the driver does by default.
  return BigInt(latest?.last ?? 0)
}
