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

/** The p99 of payments alone, then while questions come at their usual rate. */
export async function payBesideQuestions(asked: PaymentsRun): Promise<Row[]> {
  const { url, perSecond, seconds } = asked
  const payer = await payerOf(asked)
  const pay = async (): Promise<number> => {
    const quoted = await quotes(payer, paymentsPerSecond * seconds, inFlight)
    const body = (n: number) => keyed(quoted[n]!)
    return quantile(
      await openLoop({ url: payer.url, headers, body, perSecond: paymentsPerSecond, seconds }),
      0.99,
    )
  }
  await pay()
  const alone = await pay()
  // Each question comes at its share of the rate, all through the payments and the quotes before them.
  const stop = new AbortController()
  const asking = questions.map(async ({ key, document }) => {
    const question = {
      url: `${url}/graphql`,
      headers: { authorization: `Bearer ${key}` },
      body: () => JSON.stringify({ query: document }),
    }
    while (!stop.signal.aborted) {
      await openLoop({ ...question, perSecond: perSecond / questions.length, seconds: 1 })
    }
  })
  const beside = await pay().finally(() => stop.abort())
  await Promise.all(asking)
  const peer = 'alone'
  return [
    row('200 payments a second alone, p99', alone, 'ms'),
    row(
      '200 payments a second beside questions, p99',
      beside,
      'ms',
      { ratio: beside / alone, peer },
      '≤ 1.3',
    ),
  ]
}

/** Pays as fast as the hub answers, and compares the log with the checkpoint of activity. */
export async function followProjection(asked: PaymentsRun): Promise<Row[]> {
  const { db, seconds } = asked
  const payer = await payerOf(asked)
  const quoted = await quotes(payer, 1_700 * seconds, inFlight)
  const from = await tipOf(db)
  const startedAt = performance.now()
  const stop = new AbortController()
  const lags = lagsOf(db, stop.signal)
  const next = bodies(quoted.length, (n) => keyed(quoted[n]!))
  await post({ url: payer.url, headers, connections: inFlight, next })
  const tip = await tipOf(db)
  const perSecond = (Number(tip - from) / (performance.now() - startedAt)) * 1000
  stop.abort()
  return [
    row('entries of the log a second', perSecond, 'entries/s', null, '≥ 5,000'),
    row('from the log to the counters of activity, p99', quantile(await lags, 0.99), 'ms', null, '≤ 1000'),
  ]
}

/** How long each sampled end of the log was not counted yet, in milliseconds. */
async function lagsOf(db: Db, signal: AbortSignal): Promise<number[]> {
  const lags: number[] = []
  let waiting: { readonly tip: bigint; readonly seenAt: number }[] = []
  while (!signal.aborted || waiting.length > 0) {
    const now = performance.now()
    const [tip, counted] = await Promise.all([tipOf(db), countedOf(db)])
    lags.push(...waiting.filter((one) => one.tip <= counted).map(({ seenAt }) => now - seenAt))
    waiting = waiting.filter((one) => one.tip > counted)
    if (!signal.aborted) waiting.push({ tip, seenAt: now })
    await pause(20)
  }
  return lags
}

const tipOf = async (db: Db): Promise<bigint> =>
  positionOf(await db.collection('log').findOne({}, { sort: { _id: -1 }, projection: { last: 1 } }), 'last')

const countedOf = async (db: Db): Promise<bigint> =>
  positionOf(await db.collection<{ _id: string }>('places').findOne({ _id: 'activity' }), 'position')

/** The client of a benchmark reads 64-bit numbers as the driver does by default. */
const positionOf = (document: object | null, field: string): bigint =>
  BigInt((document as Record<string, number | bigint> | null)?.[field] ?? 0)
