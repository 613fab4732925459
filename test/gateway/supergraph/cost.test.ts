import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { aSupergraph } from '../../fixtures/a-supergraph.ts'

const sdl = `
  type Query {
    shop(id: ID!): Shop
    shops(first: Int = 3, last: Int): [Shop!]! @listSize(slicingArguments: ["first", "last"])
    tags: [String!]!
    page(size: Int = 4): Page! @listSize(slicingArguments: ["size"], sizedFields: ["nodes"])
    all: [Shop!]!
    node: Node
    connection(first: Int! = 20, after: String): Connection!
    recent(first: Int): [Shop!]!
    free: Debt
    report(deep: Boolean @cost(weight: 30), filter: Filter): Report @cost(weight: 7)
  }
  type Mutation { open(name: String): Shop }
  input Filter { near: String @cost(weight: 5), any: [Filter!] }
  interface Node { id: ID! }
  type Shop implements Node { id: ID!, name: String, offers(first: Int!): [Offer!]! @listSize(slicingArguments: ["first"]), top: [Offer!]! @listSize(assumedSize: 2) }
  type Offer implements Node @cost(weight: 3) { id: ID!, shop: Shop }
  type Page { nodes: [Shop!]!, count: Int }
  type Connection { edges: [Edge!]!, total: Int! }
  type Edge { node: Shop!, cursor: String! }
  type Debt @cost(weight: -100) { shop: Shop }
  interface Place { rooms: [Shop!]! }
  type Hotel implements Place { rooms: [Shop!]! @listSize(assumedSize: 40) }
  type Hut implements Place { rooms: [Shop!]! @listSize(assumedSize: 1) }
  extend type Query { place: Place }
  type Report { lines: Int, cells: [Int!]! @cost(weight: 2) }
`

const hub = aSupergraph({
  shops: { sdl, resolvers: {} },
})

function costOf(document: string, variables: Record<string, unknown> = {}): number {
  const prepared = hub.prepare(document)
  if (prepared.kind === 'rejected') throw new Error(prepared.errors[0]!.message)
  const coerced = prepared.coerce(variables)
  if ('errors' in coerced) throw new Error(coerced.errors[0]!.message)
  return prepared.cost(coerced.variables)
}

describe('what an operation costs', () => {
  test.each([
    ['an object 1, and its leaves nothing', '{ shop(id: 1) { id name } }', 1],
    ['a list as many items as its slicing argument', '{ shops(first: 50) { id } }', 50],
    ['the larger of two slicing arguments', '{ shops(first: 5, last: 9) { id } }', 9],
    ['the default of the argument where it is left out', '{ shops { id } }', 3],
    ['ten items where nothing gives their number', '{ all { id } }', 10],
    ['nothing for a list of leaves', '{ tags }', 0],
    ['the items in a page, by the fields that have the size', '{ page(size: 6) { count nodes { id } } }', 7],
    ['the default size of a page', '{ page { nodes { id } } }', 5],
    [
      'nested lists the product of their sizes',
      '{ shops(first: 100) { offers(first: 100) { id } } }',
      100 + 100 * 100 * 3,
    ],
    ['an assumed size', '{ shop(id: 1) { top { id } } }', 1 + 2 * 3],
    ['the weight of a type', '{ shop(id: 1) { top { shop { id } } } }', 1 + 2 * (3 + 1)],
    ['the weight of a field and of its leaves', '{ report { cells } }', 7 + 10 * 2],
    ['the weight of an argument that is given', '{ report(deep: true) { lines } }', 7 + 30],
    [
      'the weights of input fields',
      '{ report(filter: { near: "a", any: [{ near: "b" }, {}] }) { lines } }',
      7 + 5 + 5,
    ],
    [
      'a connection by its argument `first`',
      '{ connection(first: 100) { total edges { node { id } } } }',
      1 + 100 * 2,
    ],
    ['a connection without it by the default', '{ connection { edges { cursor } } }', 21],
    ['a list with an argument `first`, without any directive', '{ recent(first: 7) { id } }', 7],
    ['never less than its fields, whatever a weight takes off', '{ free { shop { id } } }', 1],
    ['that of the most costly type for a field of an interface', '{ place { rooms { id } } }', 41],
    ['a mutation 10 more', 'mutation { open { id } }', 11],
    [
      'the most costly type of an interface',
      '{ node { id ... on Offer { shop { id } } ... on Shop { name } } }',
      2,
    ],
    [
      'fields that are merged once',
      '{ shop(id: 1) { top { id } ...F } } fragment F on Shop { top { id } }',
      7,
    ],
    ['each alias by itself', '{ a: shop(id: 1) { id } b: shop(id: 2) { id } }', 2],
  ])('is %s', (_, document, cost) => {
    expect(costOf(document)).toBe(cost)
  })

  test('follows variables', () => {
    const document =
      'query($n: Int!, $deep: Boolean) { shops(first: $n) { offers(first: $n) { id } } report(deep: $deep) { lines } }'
    expect(costOf(document, { n: 10 })).toBe(10 + 300 + 7)
    expect(costOf(document, { n: 2, deep: true })).toBe(2 + 12 + 37)
    expect(costOf(document, { n: -5 })).toBe(7)
  })

  test('leaves out what @skip and @include leave out', () => {
    const document =
      'query($short: Boolean!) { shops(first: 50) @skip(if: $short) { id } shop(id: 1) { id } }'
    expect(costOf(document, { short: false })).toBe(51)
    expect(costOf(document, { short: true })).toBe(1)
  })

  test('grows with every size', () => {
    const document = 'query($n: Int!, $m: Int!) { shops(first: $n) { offers(first: $m) { shop { id } } } }'
    const size = fc.nat(1_000)
    fc.assert(
      fc.property(size, size, size, (n, m, more) => {
        const cost = costOf(document, { n, m })
        expect(cost).toBe(n * (1 + m * 4))
        expect(costOf(document, { n: n + more, m })).toBeGreaterThanOrEqual(cost)
      }),
    )
  })

  test('is found at once for interfaces in interfaces, with sizes of variables', () => {
    const nested = (depth: number): string =>
      depth === 0 ? 'id' : `id links(first: $n) { ... on A { x } ${nested(depth - 1)} }`
    const types = Array.from({ length: 8 }, (_, n) => String.fromCharCode(65 + n))
    const graph = aSupergraph({
      links: {
        sdl: `type Query { link: Link } interface Link { id: ID!, links(first: Int!): [Link!]! }
          ${types.map((type) => `type ${type} implements Link { id: ID!, x: ID, links(first: Int!): [Link!]! }`).join(' ')}`,
        resolvers: {},
      },
    })
    const prepared = graph.prepare(`query($n: Int!) { link { ${nested(15)} } }`)
    expect(prepared.kind === 'prepared' && prepared.cost({ n: 1 })).toBe(16)
  })

  test('takes no longer for a fragment in many places', () => {
    const fragments = Array.from(
      { length: 12 },
      (_, n) =>
        `fragment F${n} on Shop { a: top { shop { ...F${n + 1} } } b: top { shop { ...F${n + 1} } } }`,
    )
    const document = `{ shop(id: 1) { ...F0 } } ${fragments.join(' ')} fragment F12 on Shop { id }`
    expect(hub.prepare(document)).toMatchObject({
      kind: 'rejected',
      errors: [{ extensions: { code: 'OPERATION_TOO_LARGE' } }],
    })
  })
})
