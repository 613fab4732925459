import { describe, expect, test } from 'vitest'
import type { SubgraphConnection, Variables } from '../../../gateway/supergraph/index.ts'
import { aSupergraph, inProcess, run, type SubgraphParts } from '../../fixtures/a-supergraph.ts'

interface Call {
  readonly subgraph: string
  readonly document: string
  readonly variables: Variables
}

/** A supergraph that records the calls of its subgraphs. */
function aWatchedSupergraph(
  parts: Readonly<Record<string, SubgraphParts>>,
  report?: (error: unknown) => void,
) {
  const calls: Call[] = []
  const watch = (name: string): SubgraphConnection => ({
    name,
    prepare(document) {
      const operation = inProcess(name, parts[name]!).prepare(document)
      return {
        ...operation,
        execute(variables, context) {
          calls.push({ subgraph: name, document, variables: structuredClone(variables) })
          return operation.execute(variables, context)
        },
      }
    },
  })
  const connections = Object.fromEntries(Object.keys(parts).map((name) => [name, watch(name)]))
  return { hub: aSupergraph(parts, report ? { report } : {}, connections), calls }
}

const reference = (name: string) => `type ${name} @key(fields: "id", resolvable: false) { id: ID! }`
const found = (references: readonly { id: string }[]) =>
  references.map(({ id }) => ({ id, name: `name of ${id}` }))

const payments: SubgraphParts = {
  sdl: `
    type Query { payments(first: Int): [Payment!]! other: Int }
    type Payment @key(fields: "id") { id: ID! merchant: Merchant! wallet: Party! acquirer: Party! }
    ${reference('Merchant')} ${reference('Party')}
  `,
  resolvers: {
    Query: {
      payments: (_: unknown, { first }: { first: number }) =>
        Array.from({ length: first }, (_item, n) => ({
          id: n,
          merchant: { id: n % 2 },
          wallet: { id: `w${n % 3}` },
          acquirer: { id: `a${n % 2}` },
        })),
    },
  },
}
const merchants: SubgraphParts = {
  sdl: `type Query { merchant: Merchant } type Merchant @key(fields: "id") { id: ID! name: String acquirer: Party } ${reference('Party')}`,
  resolvers: {
    Merchant: { __resolveReferences: found, acquirer: ({ id }: { id: string }) => ({ id: `a${id}` }) },
  },
}
const parties: SubgraphParts = {
  sdl: `type Query { party: Party } type Party @key(fields: "id") { id: ID! name: String country(of: String = "home"): String }`,
  resolvers: {
    Party: { __resolveReferences: found, country: (_: unknown, { of }: { of: string | null }) => `${of}` },
  },
}

describe('the hub calls', () => {
  test('a subgraph once for each step, with each entity once, however many rows refer to it', async () => {
    const { hub, calls } = aWatchedSupergraph({ payments, merchants, parties })
    const { data } = await run(
      hub,
      '{ payments(first: 50) { merchant { name acquirer { name } } wallet { name } acquirer { name } } }',
    )
    expect((data as { payments: unknown[] }).payments[49]).toEqual({
      merchant: { name: 'name of 1', acquirer: { name: 'name of a1' } },
      wallet: { name: 'name of w1' },
      acquirer: { name: 'name of a1' },
    })
    expect(calls.map(({ subgraph }) => subgraph).toSorted()).toEqual([
      'merchants',
      'parties',
      'parties',
      'payments',
    ])
    const sent = calls.flatMap(({ variables }) => Object.values(variables) as { id: string }[][])
    const ids = sent
      .filter(Array.isArray)
      .map((list) => list.map(({ id }) => id).toSorted((a, b) => a.localeCompare(b)))
    expect(ids).toEqual(
      expect.arrayContaining([
        ['0', '1'],
        ['a0', 'a1', 'w0', 'w1', 'w2'],
        ['a0', 'a1'],
      ]),
    )
  })

  test('no subgraph for entities of an empty list', async () => {
    const { hub, calls } = aWatchedSupergraph({ payments, merchants, parties })
    expect(await run(hub, '{ payments(first: 0) { wallet { name } } }')).toEqual({ data: { payments: [] } })
    expect(calls.map(({ subgraph }) => subgraph)).toEqual(['payments'])
  })

  test('no subgraph for a skipped field, and sends only used variables', async () => {
    const { hub, calls } = aWatchedSupergraph({ payments, merchants, parties })
    const document = `query Q($first: Int!, $names: Boolean!, $of: String) {
      payments(first: $first) { id wallet @include(if: $names) { name country(of: $of) } } other @skip(if: $names)
    }`
    await run(hub, document, { first: 1, names: false, of: 'x' })
    expect(calls.map(({ subgraph, variables }) => [subgraph, variables])).toEqual([
      ['payments', { first: 1 }],
    ])
    calls.length = 0
    const { data } = await run(hub, document, { first: 1, names: true })
    expect(data).toEqual({ payments: [{ id: '0', wallet: { name: 'name of w0', country: 'home' } }] })
    expect(calls.map(({ variables }) => Object.keys(variables))).toEqual([['first'], ['representations']])
  })

  test('no subgraph when all fields are skipped', async () => {
    const { hub, calls } = aWatchedSupergraph({ payments, merchants, parties })
    expect(
      await run(hub, 'query Q($no: Boolean!) { payments(first: 1) @skip(if: $no) { id } }', { no: true }),
    ).toEqual({
      data: {},
    })
    expect(calls).toEqual([])
  })

  test('only the subgraph that overrides a field', async () => {
    const { hub, calls } = aWatchedSupergraph({
      old: {
        sdl: 'type Query { user: User } type User @key(fields: "id") { id: ID! name: String email: String }',
        resolvers: { Query: { user: () => ({ id: 1, name: 'Old', email: 'old' }) } },
      },
      fresh: {
        sdl: 'type User @key(fields: "id") { id: ID! email: String @override(from: "old") }',
        resolvers: { User: { email: () => 'fresh' } },
      },
    })
    expect(await run(hub, '{ user { name email } }')).toEqual({
      data: { user: { name: 'Old', email: 'fresh' } },
    })
    expect(calls[0]!.document).not.toContain('email')
    expect(calls[1]).toMatchObject({
      subgraph: 'fresh',
      variables: { representations: [{ __typename: 'User', id: '1' }] },
    })
  })

  test('a subgraph with the fields that a field requires, under their names in that subgraph', async () => {
    const { hub, calls } = aWatchedSupergraph({
      boxes: {
        sdl: 'type Query { box: Box } type Box @key(fields: "id") { id: ID! size(unit: String!): Int weight: Int }',
        resolvers: {
          Query: { box: () => ({ id: 'b', weight: null }) },
          Box: { size: (_: unknown, { unit }: { unit: string }) => (unit === 'cm' ? 254 : 100) },
        },
      },
      shipping: {
        sdl: `type Box @key(fields: "id") { id: ID! size(unit: String!): Int @external weight: Int @external
          price: Int @requires(fields: "size(unit: \\"inch\\") weight") }`,
        resolvers: {
          Box: { price: ({ size, weight }: { size: number; weight: number | null }) => size + (weight ?? 1) },
        },
      },
    })
    expect(await run(hub, '{ box { size: size(unit: "cm") weight: id price } }')).toEqual({
      data: { box: { size: 254, weight: 'b', price: 101 } },
    })
    expect(calls[1]!.variables).toEqual({
      representations: [{ __typename: 'Box', id: 'b', size: 100, weight: null }],
    })
  })

  test('a subgraph with the name of an interface that is an @interfaceObject there', async () => {
    const { hub, calls } = aWatchedSupergraph({
      media: {
        sdl: `type Query { media: [Media] } interface Media @key(fields: "id") { id: ID! title: String }
          type Book implements Media @key(fields: "id") { id: ID! title: String pages: Int }
          type Film implements Media @key(fields: "id") { id: ID! title: String }`,
        resolvers: {
          Query: {
            media: () => [
              { __typename: 'Book', id: 1, title: 'B', pages: 9 },
              { __typename: 'Film', id: 2, title: 'F' },
            ],
          },
          Media: {
            __resolveReference: ({ id }: { id: string }) => ({
              __typename: id === '1' ? 'Book' : 'Film',
              id,
            }),
          },
        },
      },
      stars: {
        sdl: 'type Query { best: Media } type Media @interfaceObject @key(fields: "id") { id: ID! stars: Int }',
        resolvers: {
          Query: { best: () => ({ id: 2 }) },
          Media: { stars: ({ id }: { id: string | number }) => Number(id) + 3 },
        },
      },
    })
    expect(
      await run(hub, '{ media { __typename stars ... on Book { pages } } best { __typename stars } }'),
    ).toEqual({
      data: {
        media: [
          { __typename: 'Book', stars: 4, pages: 9 },
          { __typename: 'Film', stars: 5 },
        ],
        best: { __typename: 'Film', stars: 5 },
      },
    })
    const representations = calls.flatMap(
      ({ variables }) => Object.values(variables).flat() as { __typename: string }[],
    )
    expect(new Set(representations.map(({ __typename }) => __typename))).toEqual(new Set(['Media']))
  })
})

describe('an operation that the planner cannot plan', () => {
  // A subgraph resolves a field of an entity to another entity, whose requested field requires a field of
  // another subgraph.
  const reported: unknown[] = []
  const { hub } = aWatchedSupergraph(
    {
      people: {
        sdl: 'type Query { person: Person } type Person @key(fields: "id") { id: ID! name: String }',
        resolvers: { Query: { person: () => ({ id: 1, name: 'One' }) } },
      },
      letters: {
        sdl: `type Person @key(fields: "id") { id: ID! name: String @external friend: Person
          greeting: String @requires(fields: "name") }`,
        resolvers: {
          Person: { friend: () => ({ id: 2 }), greeting: ({ name }: { name: string }) => `Dear ${name}` },
        },
      },
    },
    (error) => reported.push(error),
  )

  test('is refused with a code, and reported in full to the operator', async () => {
    const refused = { errors: [{ extensions: { code: 'OPERATION_NOT_PLANNED' } }] }
    expect(await run(hub, '{ person { friend { greeting } } }')).toMatchObject(refused)
    expect(reported).toHaveLength(1)
    expect(String(reported[0])).toContain('Failed to plan')
    const switched = 'query Q($greet: Boolean!) { person { friend { id greeting @include(if: $greet) } } }'
    expect(await run(hub, switched, { greet: true })).toMatchObject(refused)
    expect(await run(hub, switched, { greet: false })).toEqual({ data: { person: { friend: { id: '2' } } } })
    expect(reported).toHaveLength(2)
  })
})
