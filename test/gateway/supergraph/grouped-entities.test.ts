import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { composeSupergraph, createSupergraph, openHttpConnection } from '../../../gateway/supergraph/index.ts'
import { aPartner } from '../../fixtures/a-partner.ts'
import { federation, inProcess, run, type Response } from '../../fixtures/a-supergraph.ts'

const books = {
  sdl: 'type Query { books(ids: [ID!]!): [Book!]! } type Book @key(fields: "id") { id: ID! }',
  resolvers: { Query: { books: (_: unknown, { ids }: { ids: string[] }) => ids.map((id) => ({ id })) } },
}
const starsSdl = 'type Book @key(fields: "id") { id: ID! stars(more: Int = 0): Int }'
/** A number is its stars; "bad" fails. */
const server = await aPartner(federation + starsSdl, {
  Book: {
    __resolveReference: ({ id }: { id: string }) => ({ id }),
    stars({ id }: { id: string }, { more }: { more: number }) {
      if (id === 'bad') throw new Error('no stars')
      return Number(id) + more
    },
  },
})
afterAll(() => server.close())

const supergraphSdl = composeSupergraph([
  { name: 'books', sdl: federation + books.sdl },
  { name: 'stars', sdl: federation + starsSdl },
])
const connection = openHttpConnection('stars', server.url, {
  headers: (context) => ({ 'x-caller': (context as { caller: string }).caller }),
  groupEntitiesBy: (context) => (context as { caller: string | null }).caller,
})
afterAll(() => connection.close())
const graph = createSupergraph({
  supergraphSdl,
  subgraphs: new Map([
    ['books', inProcess('books', books)],
    ['stars', connection],
  ]),
})

const document = 'query($ids: [ID!]!, $more: Int) { books(ids: $ids) { id stars(more: $more) } }'
const ask = (ids: readonly string[], caller = 'one', more = 0): Promise<Response> =>
  run(graph, document, { ids, more }, { caller })
const answer = (ids: readonly string[], more = 0): object => ({
  data: { books: ids.map((id) => ({ id, stars: Number(id) + more })) },
})

describe('calls for entities of several requests at once', () => {
  test('are sent as one, once two are under way', async () => {
    await ask(['0'])
    server.seen.length = 0
    const asked = Array.from({ length: 40 }, (_, n) => [String(n), String(100 + n)])
    const answers = await Promise.all(asked.map((ids) => ask(ids)))
    expect(answers).toEqual(asked.map((ids) => answer(ids)))
    expect(server.seen.length).toBeLessThanOrEqual(4)
  })

  test('give each request its own entities, in any mix of callers, sizes and arguments', async () => {
    const requests = fc.array(
      fc.record({
        ids: fc.uniqueArray(fc.nat(50).map(String), { maxLength: 8 }),
        caller: fc.constantFrom('one', 'two'),
        more: fc.constantFrom(0, 1_000),
      }),
      { minLength: 1, maxLength: 20 },
    )
    await fc.assert(
      fc.asyncProperty(requests, async (all) => {
        const answers = await Promise.all(all.map(({ ids, caller, more }) => ask(ids, caller, more)))
        expect(answers).toEqual(all.map(({ ids, more }) => answer(ids, more)))
      }),
      { numRuns: 10 },
    )
  })

  test('are never sent with the headers of another caller', async () => {
    server.seen.length = 0
    await Promise.all(['one', 'two', 'three'].flatMap((caller) => [ask(['1'], caller), ask(['2'], caller)]))
    expect(new Set(server.seen.map((headers) => headers['x-caller']))).toEqual(
      new Set(['one', 'two', 'three']),
    )
  })

  test('give an error to the request whose entity has it', async () => {
    const [first, , bad, last] = await Promise.all([ask(['1']), ask(['2']), ask(['3', 'bad']), ask(['4'])])
    expect([first, last]).toEqual([answer(['1']), answer(['4'])])
    expect(bad).toMatchObject({
      data: { books: [{ stars: 3 }, { stars: null }] },
      errors: [{ path: ['books', 1, 'stars'] }],
    })
  })
})
