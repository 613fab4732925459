// New documents: the time of a first request, the bytes of a kept document, and the memory after ten thousand
// different ones; and how long a new graph, and the plan of a large document, hold up the event loop.

import { readFileSync } from 'node:fs'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { report, row, type Row } from '../report.ts'
import {
  createSupergraph,
  openSupergraph,
  subgraphUrls,
  type Prepared,
  type Supergraph,
  type SubgraphConnection,
} from '../../gateway/supergraph/index.ts'
import { quantile } from '../measure.ts'
import { rounds } from '../settings.ts'

const supergraphSdl = readFileSync(
  new URL('../../schema/generated/supergraph.graphql', import.meta.url),
  'utf8',
)

/** A subgraph that finds nothing: what is measured is all before it. */
const empty = (name: string): SubgraphConnection => ({
  name,
  prepare: () => ({ execute: () => ({ data: {} }), subscribe: () => Promise.resolve({}) }),
})
const options = {
  supergraphSdl,
  subgraphs: new Map([...subgraphUrls(supergraphSdl).keys()].map((name) => [name, empty(name)])),
  accessOf: () => ({ isAuthenticated: true, scopes: new Set(['payments:read', 'analytics:read']) }),
}

/** A document as clients send them, different for each `n`. */
const documentOf = (n: number): string => `query Q${n} {
  transactions(first: 20) { edges { node { id createdAt ... on Payment {
    a${n}: merchantAmount { amount currency } merchant { id name city } acquirer { id name } wallet { id name } } } } } }`

const thirtyJoins = (n: number): string =>
  `{ ${Array.from({ length: 30 }, (_, at) => `m${at}: merchant(id: "${n}.${at}") { name acquirer { name } transactions(first: 1) { totalCount } }`).join(' ')} }`

function prepared(graph: Supergraph, document: string): Prepared {
  const found = graph.prepare(document)
  if (found.kind === 'rejected') throw new Error(found.errors[0]!.message)
  return found
}

async function firstRequests(graph: Supergraph, count: number): Promise<Row[]> {
  const times: number[] = []
  for (let n = 0; n < count; n += 1) {
    const startedAt = performance.now()
    await prepared(graph, documentOf(n)).execute({}, {})
    times.push(performance.now() - startedAt)
  }
  const later = times.slice(Math.floor(count / 10))
  return [
    row('first request of a new document, p50', quantile(later, 0.5), 'ms'),
    row('first request of a new document, p99', quantile(later, 0.99), 'ms'),
  ]
}

const heap = (): number => {
  globalThis.gc?.()
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}

async function memory(count: number): Promise<Row[]> {
  const graph = createSupergraph({ ...options, documentsMax: 1_000 })
  for (let n = 0; n < 20; n += 1) await prepared(graph, documentOf(1_000_000 + n)).execute({}, {})
  const before = heap()
  const kept = 400
  for (let n = 0; n < kept; n += 1) await prepared(graph, documentOf(n)).execute({}, {})
  const bytes = (heap() - before) / kept
  for (let n = kept; n < count / 2; n += 1) await prepared(graph, documentOf(n)).execute({}, {})
  const half = heap()
  for (let n = count / 2; n < count; n += 1) await prepared(graph, documentOf(n)).execute({}, {})
  const all = heap()
  return [
    row('bytes of a kept document', bytes / 1024, 'KB'),
    row(`heap after ${count.toLocaleString('en')} different documents`, all / 1024 / 1024, 'MB'),
    row('the same ÷ heap after half of them', all / half, '×', null, '≤ 1.1'),
  ]
}

/** The longest time between two turns of the event loop until `promise` settles. */
async function longestTurn(work: () => Promise<unknown>): Promise<number> {
  let longest = 0
  let isPending = true
  let last = performance.now()
  const turn = (): void => {
    const now = performance.now()
    longest = Math.max(longest, now - last)
    last = now
    if (isPending) setImmediate(turn)
  }
  setImmediate(turn)
  await new Promise((resolve) => setImmediate(resolve))
  await work()
  await new Promise((resolve) => setImmediate(resolve))
  isPending = false
  return longest
}

async function delays(): Promise<Row[]> {
  const opening: number[] = []
  const planning: number[] = []
  let graph = createSupergraph(options)
  for (let n = 0; n < 4 * rounds; n += 1) {
    opening.push(await longestTurn(async () => (graph = await openSupergraph(options))))
    prepared(graph, thirtyJoins(-1 - n))
    planning.push(await longestTurn(async () => prepared(graph, thirtyJoins(n)).execute({}, {})))
  }
  return [
    row('longest turn of the event loop while a graph is opened, median', quantile(opening, 0.5), 'ms'),
    row('longest turn while a document of thirty joins is first run, median', quantile(planning, 0.5), 'ms'),
  ]
}

/** Memory is measured in a process that can collect its garbage first. */
async function memoryApart(count: number): Promise<Row[]> {
  const child = fork(new URL(import.meta.url), [String(count)], { execArgv: ['--expose-gc'] })
  const [rows] = (await once(child, 'message')) as [Row[]]
  return rows
}

export async function bench(): Promise<void> {
  const graph = createSupergraph(options)
  const rows = [
    ...(await firstRequests(graph, 200 * rounds)),
    ...(await memoryApart(rounds < 5 ? 1_000 : 10_000)),
    ...(await delays()),
  ]
  report('documents', rows)
}

if (process.send) {
  process.send(await memory(Number(process.argv[2])))
  process.disconnect()
}
