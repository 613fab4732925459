import { expect, test } from 'vitest'
import { LoopTime } from '../../../subgraphs/platform/async/loop-time.ts'
import { aSupergraph, plan, run } from '../../fixtures/a-supergraph.ts'

function busyFor(ms: number): void {
  for (const end = performance.now() + ms; performance.now() < end;);
}

let calls: string[] = []
/** Holds the event loop, as a resolver with a long computation would. */
const busy = (name: string, ms: number) => (): string => {
  calls.push(name)
  busyFor(ms)
  return name
}

const hub = aSupergraph({
  shop: {
    sdl: `type Query { quick: String, list: [Item!], thing: Thing }
      type Mutation { first: String, second: String }
      type Item { slow: String }
      type Thing @key(fields: "id") { id: ID! slow: String }`,
    resolvers: {
      Query: {
        quick: () => 'here',
        list: () => Promise.resolve([{}, {}, {}]),
        thing: () => Promise.resolve({ id: '1' }),
      },
      Item: { slow: busy('item', 5) },
      Mutation: { first: busy('first', 15), second: busy('second', 0) },
      Thing: { __resolveReference: (thing: unknown) => thing, slow: busy('slow', 15) },
    },
  },
  other: {
    sdl: 'type Thing @key(fields: "id") { id: ID! label: String }',
    resolvers: {
      Thing: { __resolveReference: (thing: unknown) => thing, label: busy('label', 0) },
    },
  },
})

/** The response to `document`, which may hold the event loop for `maxMs`, and what it has held it for. */
async function respond(document: string, maxMs: number) {
  await plan(hub, document)
  calls = []
  const loopTime = new LoopTime(maxMs)
  const response = await run(hub, document, {}, { loopTime })
  return { response, spentMs: loopTime.spentMs }
}

const tooLong = expect.objectContaining({ extensions: { code: 'OPERATION_TOO_LONG' } }) as unknown

test('an operation that has taken its time calls no further subgraph, and keeps what it has', async () => {
  const { response } = await respond('{ thing { slow label } }', 10)
  expect(response).toMatchObject({ data: { thing: { slow: 'slow', label: null } }, errors: [tooLong] })
  expect(response.errors![0]!.path).toEqual(['thing'])
  expect(calls).toEqual(['slow'])
})

test('a field of a mutation is not begun once the operation has taken its time', async () => {
  const { response } = await respond('mutation { first second }', 10)
  expect(response).toMatchObject({ data: { first: 'first', second: null }, errors: [tooLong] })
  expect(calls).toEqual(['first'])
})

test('an operation within its time is not ended', async () => {
  const { response } = await respond('{ thing { slow label } }', 1_000)
  expect(response).toEqual({ data: { thing: { slow: 'slow', label: 'label' } } })
})

test('completing a list that a subgraph has waited for counts as the time of the operation', async () => {
  const { response, spentMs } = await respond('{ list { slow } }', 1_000)
  expect(response.errors).toBeUndefined()
  expect(spentMs).toBeGreaterThanOrEqual(15)
})

test('the first use of a document counts what it takes to compile it', async () => {
  const loopTime = new LoopTime(1_000)
  await run(hub, '{ quick thing { label } }', {}, { loopTime })
  expect(loopTime.spentMs).toBeGreaterThan(0)
})
