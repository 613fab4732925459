// The queries of portals and dashboards, over HTTP at 100 requests a second, on the data set at the scale
// SCALE: beside the aggregation of MongoDB that a user would write for the same answer. PARTS selects some of
// `coverage,near,search,map,activity,corridors,payments,projection`; SCALE_DATA and SCALE_DATABASE name the
// folder and the database of a data set that is loaded already.

import type { Db, Document } from 'mongodb'
import { readFileSync } from 'node:fs'
import { openLoop } from '../open-loop.ts'
import { median, quantile } from '../measure.ts'
import { startProgramme } from '../programme.ts'
import { report, row, type Row } from '../report.ts'
import { followProjection, payBesideQuestions } from './payments.ts'
import { parts, questions, type AskedQuestion, type Part } from './questions.ts'

const scale = process.env.SCALE ?? '0.01'
const perSecond = Number(process.env.RATE ?? 100)
const seconds = Number(process.env.SECONDS ?? 10)
const handRuns = Number(process.env.HAND_RUNS ?? 5)
/** The folder of a MongoDB that has the data set, and its database; by default, the bench loads its own. */
const folder = process.env.SCALE_DATA
const database = process.env.SCALE_DATABASE ?? `scale_${scale.replace('.', '_')}`

const selected = (process.env.PARTS?.split(',') ?? parts) as readonly Part[]

export async function bench(): Promise<void> {
  const unknown = selected.find((part) => !parts.includes(part))
  if (unknown !== undefined) throw new Error(`PARTS has "${unknown}", which is none of ${parts.join()}`)
  const startedAt = performance.now()
  const programme = await startProgramme({ database, folder, environment: { SCALE: scale } })
  const rows: Row[] = [row(`${scale}: start`, (performance.now() - startedAt) / 1000, 's', null, '≤ 8')]
  try {
    for (const question of questions.filter(({ part }) => selected.includes(part))) {
      rows.push(...(await ask(programme.url, programme.db, question)))
    }
    const paying = { url: programme.url, db: programme.db, perSecond, seconds }
    if (selected.includes('payments')) rows.push(...named(await payBesideQuestions(paying)))
    if (selected.includes('projection')) rows.push(...named(await followProjection(paying)))
    rows.push(row(`${scale}: memory`, megabytesOf(programme.pid), 'MB', null, '≤ 450'))
    report(`scale-${scale}`, rows)
  } finally {
    await programme.close()
  }
}

const named = (rows: readonly Row[]): Row[] => rows.map((one) => ({ ...one, what: `${scale}: ${one.what}` }))

async function ask(
  url: string,
  db: Db,
  { what, key, document, byHand, goalMs }: AskedQuestion,
): Promise<Row[]> {
  const body = JSON.stringify({ query: document })
  const asked = { url: `${url}/graphql`, headers: { authorization: `Bearer ${key}` }, body: () => body }
  await openLoop({ ...asked, perSecond, seconds: 1 })
  const latencies = await openLoop({ ...asked, perSecond, seconds })
  const name = `${scale}: ${what}`
  const p50 = quantile(latencies, 0.5)
  const rows = [
    row(`${name}, p50`, p50, 'ms'),
    row(`${name}, p99`, quantile(latencies, 0.99), 'ms', null, `≤ ${goalMs}`),
  ]
  if (!byHand) return rows
  const { collection, pipeline } = byHand
  const took = await timesOf(db, collection, pipeline)
  const peer = 'the aggregation by hand, one at a time'
  return [...rows, row(`${name}, by hand`, took, 'ms', { ratio: took / p50, peer })]
}

async function timesOf(db: Db, collection: string, pipeline: readonly Document[]): Promise<number> {
  const times: number[] = []
  for (let run = 0; run < handRuns; run += 1) {
    const start = performance.now()
    await db
      .collection(collection)
      .aggregate([...pipeline], { allowDiskUse: true })
      .toArray()
    times.push(performance.now() - start)
  }
  return median(times)
}

/** The resident memory of a process. */
function megabytesOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1000
}
