import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { openSupergraph, subgraphUrls, type SubgraphConnection } from '../../../gateway/supergraph/index.ts'

const supergraphSdl = readFileSync('schema/generated/supergraph.graphql', 'utf8')
const empty = (name: string): SubgraphConnection => ({
  name,
  prepare: () => ({ execute: () => ({ data: {} }), subscribe: () => Promise.resolve({}) }),
})
const open = () =>
  openSupergraph({
    supergraphSdl,
    subgraphs: new Map([...subgraphUrls(supergraphSdl).keys()].map((name) => [name, empty(name)])),
    accessOf: () => ({ isAuthenticated: true }),
  })

/**
 * Whether `result` settles later than all that this thread has to do: only a turn of the event loop, which
 * also serves requests, brings the result of another thread.
 */
async function waitsForLoop(result: unknown): Promise<boolean> {
  let isSettled = false
  const settled = Promise.resolve(result).finally(() => (isSettled = true))
  for (let microtask = 0; microtask < 10_000 && !isSettled; microtask++) await Promise.resolve()
  const waits = !isSettled
  await settled
  return waits
}

const joins = Array.from(
  { length: 30 },
  (_, n) => `m${n}: merchant(id: "${n}") { name acquirer { name } transactions(first: 1) { totalCount } }`,
)

test('requests run while a graph is opened', async () => {
  expect(await waitsForLoop(open())).toBe(true)
})

test('requests run while an operation is planned, and those of the same operation share its plan', async () => {
  const graph = await open()
  const prepared = graph.prepare(`{ ${joins.join(' ')} }`)
  if (prepared.kind === 'rejected') throw new Error(prepared.errors[0]!.message)
  const first = prepared.execute({}, {})
  const second = prepared.execute({}, {})
  expect(await waitsForLoop(first)).toBe(true)
  expect(await second).toEqual(await first)
  // Its plan is kept.
  expect(await waitsForLoop(prepared.execute({}, {}))).toBe(false)
})
