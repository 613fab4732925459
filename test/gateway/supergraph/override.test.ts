import { expect, describe, test } from 'vitest'
import { aSupergraph, run, type SubgraphParts } from '../../fixtures/a-supergraph.ts'

const user = (from: string) => ({
  Query: { user: () => ({ id: '1' }) },
  User: { email: () => from, phone: () => from, name: () => from, __resolveReference: (one: unknown) => one },
})
const before: SubgraphParts = {
  sdl: `
    type Query { user: User }
    type User @key(fields: "id") { id: ID! email: String phone: String name: String }
  `,
  resolvers: user('before'),
}
const after: SubgraphParts = {
  sdl: `
    type User @key(fields: "id") {
      id: ID!
      email: String @override(from: "before", label: "percent(1)")
      phone: String @override(from: "before", label: "percent(62.5)")
      name: String @override(from: "before", label: "name-moves")
    }
  `,
  resolvers: { User: user('after').User },
}

interface Context {
  readonly percentage?: number
  readonly labels?: readonly string[]
}

describe('a field with @override and a label', () => {
  const hub = aSupergraph(
    { before, after },
    {
      overridePercentageOf: (context) => (context as Context).percentage ?? 100,
      overrideLabelsOf: (context) => (context as Context).labels ?? [],
    },
  )

  test.each([
    { percentage: 0, email: 'after', phone: 'after' },
    { percentage: 0.99, email: 'after', phone: 'after' },
    { percentage: 1, email: 'before', phone: 'after' },
    { percentage: 62.4, email: 'before', phone: 'after' },
    { percentage: 62.5, email: 'before', phone: 'before' },
    { percentage: 100, email: 'before', phone: 'before' },
  ])('moves for a request at $percentage %', async ({ percentage, email, phone }) => {
    expect(await run(hub, '{ user { email phone } }', {}, { percentage })).toEqual({
      data: { user: { email, phone } },
    })
  })

  test.each([
    { labels: [], name: 'before' },
    { labels: ['another'], name: 'before' },
    { labels: ['another', 'name-moves'], name: 'after' },
  ])('moves for a request with the labels $labels', async ({ labels, name }) => {
    expect(await run(hub, '{ user { name } }', {}, { labels })).toEqual({ data: { user: { name } } })
  })

  test('moves for its share of the requests by default', async () => {
    const random = aSupergraph({ before, after })
    const responses = await Promise.all(
      Array.from({ length: 2_000 }, () => run(random, '{ user { phone } }')),
    )
    const moved = responses.filter(({ data }) => JSON.stringify(data).includes('after')).length
    // Outside 0.55–0.70 once in 10^10 runs.
    expect(moved / responses.length).toBeGreaterThan(0.55)
    expect(moved / responses.length).toBeLessThan(0.7)
  })
})
