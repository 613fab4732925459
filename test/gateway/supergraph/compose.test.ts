import { parse } from 'graphql'
import { describe, expect, test } from 'vitest'
import {
  composeSupergraph,
  createInProcessConnection,
  createSupergraph,
  type Supergraph,
} from '../../../gateway/supergraph/index.ts'
import { buildFederatedSchema } from '../../../subgraphs/shared/federated-schema.ts'
import { aSupergraph, federation, run, type SubgraphParts } from '../../fixtures/a-supergraph.ts'

type Reference = Readonly<Record<string, unknown>>
const reference = (one: Reference): Reference => one

describe('an @interfaceObject with @requires', () => {
  const book = { __typename: 'Book', id: 1, title: 'b1' }
  const film = { __typename: 'Film', id: 2, title: 'f2' }
  const find = ({ id }: Reference) => (String(id) === '1' ? book : film)
  const media: SubgraphParts = {
    sdl: `
      type Query { media: [Media] }
      interface Media @key(fields: "id") { id: ID! title: String }
      type Book implements Media @key(fields: "id") { id: ID! title: String }
      type Film implements Media @key(fields: "id") { id: ID! title: String }
    `,
    resolvers: {
      Query: { media: () => [book, film] },
      Media: { __resolveType: ({ __typename }: Reference) => __typename, __resolveReference: find },
      Book: { __resolveReference: find },
      Film: { __resolveReference: find },
    },
  }
  const labels: SubgraphParts = {
    sdl: `
      type Query { best: Media all: [Media] }
      type Media @interfaceObject @key(fields: "id") {
        id: ID!
        title: String @external
        shout: String @requires(fields: "title")
      }
    `,
    resolvers: {
      Query: { best: () => ({ id: 2 }), all: () => [{ id: 1 }, { id: 2 }] },
      Media: { __resolveReference: reference, shout: ({ title }: Reference) => `${String(title)}!` },
    },
  }
  const hub = aSupergraph({ media, labels })

  test.each([
    { document: '{ media { shout } }', data: { media: [{ shout: 'b1!' }, { shout: 'f2!' }] } },
    { document: '{ media { ... on Book { shout } } }', data: { media: [{ shout: 'b1!' }, {}] } },
    { document: '{ best { shout } }', data: { best: { shout: 'f2!' } } },
    { document: '{ best { title } }', data: { best: { title: 'f2' } } },
    {
      document: '{ all { title shout __typename } }',
      data: {
        all: [
          { title: 'b1', shout: 'b1!', __typename: 'Book' },
          { title: 'f2', shout: 'f2!', __typename: 'Film' },
        ],
      },
    },
  ])('$document', async ({ document, data }) => {
    expect(await run(hub, document)).toEqual({ data })
  })
})

describe('a @requires with fragments on narrower interfaces', () => {
  const owners = [
    { __typename: 'User', id: 'u', name: 'Ada' },
    { __typename: 'Robot', id: 'r', serial: 7 },
  ]
  const pages: SubgraphParts = {
    sdl: `
      type Query { pages: [Page] }
      type Page @key(fields: "id") { id: ID! owner: Owner }
      interface Owner { id: ID! }
      interface Named implements Owner { id: ID! name: String }
      type User implements Owner & Named { id: ID! name: String }
      type Robot implements Owner { id: ID! serial: Int }
    `,
    resolvers: {
      Query: { pages: () => owners.map((owner, id) => ({ id, owner })) },
      Page: { __resolveReference: reference },
    },
  }
  const signs: SubgraphParts = {
    sdl: `
      type Page @key(fields: "id") {
        id: ID!
        owner: Owner @external
        sign: String @requires(fields: "owner { id ... on Named { name } }")
      }
      interface Owner { id: ID! }
      interface Named implements Owner { id: ID! name: String }
      type User implements Owner & Named @external { id: ID! name: String }
      type Robot implements Owner @external { id: ID! }
    `,
    resolvers: {
      Page: {
        __resolveReference: reference,
        sign: ({ owner }: { owner?: Reference }) => `${String(owner?.['id'])} ${String(owner?.['name'])}`,
      },
    },
  }
  const document = '{ pages { sign } }'
  const data = { pages: [{ sign: 'u Ada' }, { sign: 'r undefined' }] }

  test('gets the fields of the interface', async () => {
    expect(await run(aSupergraph({ pages, signs }), document)).toEqual({ data })
  })

  test('also in a supergraph that another tool has composed', async () => {
    const parts = { pages, signs }
    const sdls = Object.entries(parts).map(([name, { sdl }]) => ({ name, sdl: federation + sdl }))
    const supergraphSdl = composeSupergraph(sdls)
      .replaceAll(/\s+/g, ' ')
      .replace('... on User { name }', '... on Named { name }')
      .replace('...on User{name}', '...on Named{name}')
    expect(supergraphSdl).toMatch(/requires: "[^"]*on Named ?\{/)
    const connections = Object.entries(parts).map(([name, { sdl, resolvers }]) => {
      const schema = buildFederatedSchema(federation + sdl, resolvers)
      return [name, createInProcessConnection(name, { graphql: { schema } })] as const
    })
    const hub = createSupergraph({ supergraphSdl, subgraphs: new Map(connections) })
    expect(await run(hub, document)).toEqual({ data })
  })
})

describe('a @link', () => {
  const url = 'https://specs.apollo.dev/federation/v2.7'

  test('may give the specification another prefix, and a directive another name', () => {
    const link = `extend schema @link(url: "${url}", as: "fed", import: [{ name: "@key", as: "@id" }])\n`
    const left = `${link} type Query { page: Page } type Page @id(fields: "no") { no: ID! size: Int }`
    const right = `${link} type Page @id(fields: "no") {
      no: ID! size: Int @fed__external price: Int @fed__requires(fields: "size")
    }`
    const supergraphSdl = composeSupergraph([
      { name: 'left', sdl: left },
      { name: 'right', sdl: right },
    ])
    expect(supergraphSdl).toContain('@join__field(graph: RIGHT, requires: "size")')
    expect(supergraphSdl).toContain(
      'size: Int @join__field(graph: LEFT) @join__field(graph: RIGHT, external: true)',
    )
  })

  test('may give @inaccessible another name', () => {
    const link = `extend schema @link(url: "${url}", import: [{ name: "@inaccessible", as: "@hidden" }])\n`
    const supergraphSdl = composeSupergraph([
      { name: 'one', sdl: `${link} type Query { open: Int secret: Int @hidden }` },
    ])
    const connection = createInProcessConnection('one', {
      graphql: { schema: buildFederatedSchema('type Query { open: Int }', {}) },
    })
    const { schema } = createSupergraph({ supergraphSdl, subgraphs: new Map([['one', connection]]) })
    expect(Object.keys(schema.getQueryType()!.getFields())).toEqual(['open'])
  })
})

test('root types may have other names, also below a field', async () => {
  const renamed: SubgraphParts = {
    sdl: `
      schema { query: Start mutation: Change }
      type Start { a: Int down: Down }
      type Change { put: Down }
      type Down { start: Start }
    `,
    resolvers: {
      Start: { a: () => 1, down: () => ({}) },
      Change: { put: () => ({}) },
      Down: { start: () => ({}) },
    },
  }
  const usual: SubgraphParts = {
    sdl: 'type Query { b: Int } type Mutation { other: Int }',
    resolvers: { Query: { b: () => 2 }, Mutation: { other: () => 3 } },
  }
  const hub = aSupergraph({ renamed, usual })
  expect(await run(hub, '{ a b down { start { b a __typename } } }')).toEqual({
    data: { a: 1, b: 2, down: { start: { b: 2, a: 1, __typename: 'Query' } } },
  })
  expect(await run(hub, 'mutation { put { start { b } } other }')).toEqual({
    data: { put: { start: { b: 2 } }, other: 3 },
  })
})

describe('a root field that two subgraphs share', () => {
  const typeOf = (...types: readonly string[]): string => {
    const more = 'interface Node { id: ID! } type A implements Node @key(fields: "id") { id: ID! @shareable }'
    const sdls = types.map((type, n) => ({
      name: `s${n}`,
      sdl: `${federation} type Query { root: ${type} @shareable } ${more}`,
    }))
    const [field] = parse(composeSupergraph(sdls)).definitions.flatMap((node) =>
      node.kind === 'ObjectTypeDefinition' && node.name.value === 'Query' ? (node.fields ?? []) : [],
    )
    const hub: Supergraph = createSupergraph({
      supergraphSdl: composeSupergraph(sdls),
      subgraphs: new Map(sdls.map(({ name }) => [name, { name, prepare: () => expect.unreachable() }])),
    })
    expect(field).toBeDefined()
    return String(hub.schema.getQueryType()!.getFields()['root']!.type)
  }

  test.each([
    { types: ['Int!', 'Int'], merged: 'Int' },
    { types: ['Int', 'Int!'], merged: 'Int' },
    { types: ['[Int!]!', '[Int]'], merged: '[Int]' },
    { types: ['[Int!]', '[Int!]!'], merged: '[Int!]' },
    { types: ['Node', 'A'], merged: 'Node' },
    { types: ['A', 'Node'], merged: 'Node' },
    { types: ['A!', 'Node'], merged: 'Node' },
    { types: ['[A!]!', '[Node!]'], merged: '[Node!]' },
    { types: ['Int!', 'Int', 'Int!'], merged: 'Int' },
  ])('of $types is $merged', ({ types, merged }) => {
    expect(typeOf(...types)).toBe(merged)
  })
})
