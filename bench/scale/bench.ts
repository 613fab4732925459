// The queries of portals and dashboards, over HTTP at 100 requests a second, on the data set at the scale
// SCALE: beside the aggregation of MongoDB that a user would write for the same answer. PARTS selects some of
// `coverage,near,search,map,activity,corridors,payments,projection`; SCALE_DATA and SCALE_DATABASE name the
// folder and the database of a data set that is loaded already. Each row is written when it is measured, and
// rows of other parts stay as they are.

import { MongoServerError, type Db, type Document } from 'mongodb'
import { readFileSync } from 'node:fs'
import { openLoop } from '../open-loop.ts'
import { median, quantile } from '../measure.ts'
import { startProgramme } from '../programme.ts'
import { lastRows, print, row, save, type Row } from '../report.ts'
import { followProjection, payBesideQuestions, reportFailures } from './payments.ts'
import { parts, questions, type AskedQuestion, type Part } from './questions.ts'

const scale = process.env.SCALE ?? '0.01'
const perSecond = Number(process.env.RATE ?? 100)
const seconds = Number(process.env.SECONDS ?? 10)
const handRuns = Number(process.env.HAND_RUNS ?? 5)
/** All runs of one aggregation by hand take at most this long: at full size some take a minute. */
const handMs = 10_000
/** The folder of a MongoDB that has the data set, and its database; by default, the bench loads its own. */
const folder = process.env.SCALE_DATA
const database = process.env.SCALE_DATABASE ?? `scale_${scale.replace('.', '_')}`

const selected = (process.env.PARTS?.split(',') ?? parts) as readonly Part[]
const nameOf = (of: string): string => `scale-${of}`
/** The scale that the others are compared with. */
const smallest = '0.01'

export async function bench(): Promise<void> {
  const unknown = selected.find((part) => !parts.includes(part))
  if (unknown !== undefined) throw new Error(`PARTS has "${unknown}", which is none of ${parts.join()}`)
  const programme = await startProgramme({ database, folder, environment: { SCALE: scale } })
  try {
    keep([
      row('start of the hub', programme.startMs / 1000, 's', null, '≤ 8'),
      row('memory after the start', megabytesOf(programme.pid), 'MB', null, '≤ 450'),
    ])
    for (const question of questions.filter(({ part }) => selected.includes(part))) {
      await attempt(question.what, () => ask(programme.url, programme.db, question))
    }
    const paying = { url: programme.url, db: programme.db, perSecond, seconds }
    if (selected.includes('payments')) await attempt('payments', () => payBesideQuestions(paying))
    if (selected.includes('projection')) await attempt('projection', () => followProjection(paying))
    keep([row('memory at the end', megabytesOf(programme.pid), 'MB', null, '≤ 450')])
    console.log(`wrote bench/results/${nameOf(scale)}.json`)
  } finally {
    await programme.close()
  }
}

/** Keeps what `measure` returns; a part that fails is reported, and the others still run. */
async function attempt(what: string, measure: () => Promise<readonly Row[]>): Promise<void> {
  try {
    keep(await measure())
  } catch (error) {
    process.exitCode = 1
    console.error(`${what}: ${String(error)}`)
  }
}

function keep(measured: readonly Row[]): void {
  const rows = measured.map((one) => ({ ...one, what: `${scale}: ${one.what}` }))
  print(rows)
  const all = new Map([...lastRows(nameOf(scale)), ...rows].map((one) => [one.what, one]))
  save(nameOf(scale), [...all.values()])
}

async function ask(
  url: string,
  db: Db,
  { what, key, document, byHand, goalMs }: AskedQuestion,
): Promise<Row[]> {
  const body = (n: number) => JSON.stringify({ query: document(n) })
  const asked = { url: `${url}/graphql`, headers: { authorization: `Bearer ${key}` }, body, perSecond }
  await openLoop({ ...asked, seconds: 2, onError: () => {} })
  const failures: string[] = []
  const latencies = await openLoop({ ...asked, seconds, onError: (text) => void failures.push(text) })
  reportFailures(what, failures)
  const p50 = quantile(latencies, 0.5)
  const small = lastRows(nameOf(smallest)).find((one) => one.what === `${smallest}: ${what}, p50`)
  const against = small && scale !== smallest ? { ratio: p50 / small.value, peer: 'at 1 %' } : null
  const rows = [
    row(`${what}, p50`, p50, 'ms', against, against && '≤ 1.5'),
    row(`${what}, p99`, quantile(latencies, 0.99), 'ms', null, `≤ ${goalMs}`),
  ]
  if (!byHand) return rows
  const { collection, pipeline } = byHand
  const { ms, isWhole } = await timeByHand(db, collection, pipeline)
  const peer = 'the aggregation by hand, one at a time'
  const name = isWhole ? `${what}, by hand` : `${what}, by hand, ended after this time`
  return [...rows, row(name, ms, 'ms', { ratio: ms / p50, peer })]
}

/** The median of the runs that end in time; the limit where not even one does. */
async function timeByHand(
  db: Db,
  collection: string,
  pipeline: readonly Document[],
): Promise<{ readonly ms: number; readonly isWhole: boolean }> {
  const times: number[] = []
  for (let left = handMs; times.length < handRuns && left > (times.at(-1) ?? 0); left -= times.at(-1)!) {
    const start = performance.now()
    try {
      await db
        .collection(collection)
        .aggregate([...pipeline], { allowDiskUse: true, maxTimeMS: Math.ceil(left) })
        .toArray()
    } catch (error) {
      if (!(error instanceof MongoServerError && error.code === maxTimeExpired)) throw error
      break
    }
    times.push(performance.now() - start)
  }
  return times.length > 0 ? { ms: median(times), isWhole: true } : { ms: handMs, isWhole: false }
}

const maxTimeExpired = 50

/** The resident memory of a process. */
function megabytesOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1000
}
