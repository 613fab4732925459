import { execute, parse, type ExecutionResult } from 'graphql'
import { compileQuery, isCompiledQuery } from 'graphql-jit'
import { describe, expect, test } from 'vitest'
import { buildFederatedSchema, type Resolvers } from '../../../subgraphs/shared/federated-schema.ts'

const sdl = `
  extend schema @link(url: "https://specs.apollo.dev/federation/v2.7", import: ["@key"])
  type Query { parties: [Party] grid: [[Party]] }
  interface Node @key(fields: "id") { id: ID! }
  type Party implements Node @key(fields: "id") { id: ID! name: String! }
  type Shop implements Node @key(fields: "id") { id: ID! name: String }
  type Street @key(fields: "id") { id: ID! }
  union Any = Party | Shop
`

async function entities(
  resolvers: Resolvers,
  representations: readonly unknown[],
): Promise<ExecutionResult[]> {
  const schema = buildFederatedSchema(sdl, resolvers)
  const document = parse(
    'query Q($representations: [_Any!]!) { _entities(representations: $representations) { __typename ... on Party { name } ... on Shop { id name } ... on Street { id } } }',
  )
  const variableValues = { representations }
  const compiled = compileQuery(schema, document)
  if (!isCompiledQuery(compiled)) throw new Error('it does not compile')
  return [await execute({ schema, document, variableValues }), await compiled.query({}, {}, variableValues)]
}

const party = (id: string) => ({ __typename: 'Party', id })
const shop = (id: string) => ({ __typename: 'Shop', id })

describe('entities', () => {
  test('are resolved together, one call per type, in the order of the request', async () => {
    const calls: unknown[] = []
    const resolvers: Resolvers = {
      Party: {
        __resolveReferences: (references: readonly { id: string }[]) => {
          calls.push(references.map(({ id }) => id))
          return Promise.resolve(references.map(({ id }) => (id === '0' ? null : { name: `party ${id}` })))
        },
      },
      Shop: { __resolveReference: ({ id }: { id: string }) => ({ id, name: `shop ${id}` }) },
    }
    const answers = await entities(resolvers, [
      shop('1'),
      party('2'),
      party('0'),
      shop('3'),
      { __typename: 'Street', id: 's' },
      party('4'),
    ])
    for (const answer of answers) {
      expect(answer).toEqual({
        data: {
          _entities: [
            { __typename: 'Shop', id: '1', name: 'shop 1' },
            { __typename: 'Party', name: 'party 2' },
            null,
            { __typename: 'Shop', id: '3', name: 'shop 3' },
            { __typename: 'Street', id: 's' },
            { __typename: 'Party', name: 'party 4' },
          ],
        },
      })
    }
    expect(calls).toEqual([
      ['2', '0', '4'],
      ['2', '0', '4'],
    ])
  })

  test('are resolved without a promise when no resolver returns one', () => {
    const schema = buildFederatedSchema(sdl, {
      Party: { __resolveReferences: (references: never[]) => references },
    })
    const document = parse('query Q($r: [_Any!]!) { _entities(representations: $r) { __typename } }')
    expect(execute({ schema, document, variableValues: { r: [party('1')] } })).not.toBeInstanceOf(Promise)
  })

  test.each([
    {
      how: 'one that fails fails alone',
      Party: {
        __resolveReference: ({ id }: { id: string }) =>
          id === '1' ? Promise.reject(new Error('no 1')) : { name: id },
      },
      names: [null, '2', 'shop'],
      errors: ['no 1'],
    },
    {
      how: 'one that throws fails alone',
      Party: {
        __resolveReference: ({ id }: { id: string }) => {
          if (id === '2') throw new Error('no 2')
          return { name: id }
        },
      },
      names: ['1', null, 'shop'],
      errors: ['no 2'],
    },
    {
      how: 'an error among many is of its place only',
      Party: { __resolveReferences: () => [{ name: '1' }, new Error('no 2')] },
      names: ['1', null, 'shop'],
      errors: ['no 2'],
    },
    {
      how: 'a type that fails as a whole leaves the others',
      Party: { __resolveReferences: () => Promise.reject(new Error('no parties')) },
      names: [null, null, 'shop'],
      errors: ['no parties', 'no parties'],
    },
    {
      how: 'a type with too few answers leaves the others',
      Party: { __resolveReferences: () => [] },
      names: [null, null, 'shop'],
      errors: ['Party has 0 answers for 2 references', 'Party has 0 answers for 2 references'],
    },
  ])('$how', async ({ Party, names, errors }) => {
    const Shop = { __resolveReferences: () => [{ id: '3', name: 'shop' }] }
    for (const answer of await entities({ Party, Shop }, [party('1'), party('2'), shop('3')])) {
      const found = answer.data!['_entities'] as ({ name: string } | null)[]
      expect(found.map((entity) => entity?.name ?? null)).toEqual(names)
      expect(answer.errors!.map(({ message }) => message)).toEqual(errors)
    }
  })

  test('may be frozen, and have two types at once', async () => {
    const shared = Object.freeze({ id: 'x', name: 'shared' })
    const resolvers: Resolvers = {
      Party: { __resolveReferences: () => [shared, shared] },
      Shop: { __resolveReference: () => shared },
    }
    for (const answer of await entities(resolvers, [party('x'), shop('x'), party('x')])) {
      expect(answer).toEqual({
        data: {
          _entities: [
            { __typename: 'Party', name: 'shared' },
            { __typename: 'Shop', id: 'x', name: 'shared' },
            { __typename: 'Party', name: 'shared' },
          ],
        },
      })
    }
    expect(Object.keys(shared)).toEqual(['id', 'name'])
  })

  test('of an interface have the type that they resolve to', async () => {
    const resolvers: Resolvers = {
      Node: {
        __resolveReference: ({ id }: { id: string }) => ({
          __typename: id === 'p' ? 'Party' : 'Shop',
          id,
          name: id,
        }),
      },
    }
    for (const answer of await entities(resolvers, [
      { __typename: 'Node', id: 'p' },
      { __typename: 'Node', id: 's' },
    ])) {
      expect(answer).toEqual({
        data: {
          _entities: [
            { __typename: 'Party', name: 'p' },
            { __typename: 'Shop', id: 's', name: 's' },
          ],
        },
      })
    }
  })

  test('of a type that the subgraph lacks are an error', async () => {
    for (const answer of await entities({}, [{ __typename: 'Ghost', id: 1 }])) {
      expect(answer.errors!.map(({ message }) => message)).toEqual(['Ghost is no entity of this subgraph'])
    }
  })
})

describe('lists', () => {
  test('report a rejected item at its own index', async () => {
    const late = async (name: string | null) => {
      for (let n = 0; n < (name?.length ?? 0); n++) await Promise.resolve()
      if (name === null) throw new Error('no party')
      return { id: name, name }
    }
    const schema = buildFederatedSchema(sdl, {
      Query: {
        parties: () => [late('four'), late(null), late('a')],
        grid: () => Promise.resolve([[late('four'), late(null)], null, [late(null), late('a')]]),
      },
    })
    const document = parse('{ parties { name } grid { name } }')
    const compiled = compileQuery(schema, document)
    if (!isCompiledQuery(compiled)) throw new Error('it does not compile')
    for (const answer of [await execute({ schema, document }), await compiled.query({}, {}, {})]) {
      expect(answer.data).toEqual({
        parties: [{ name: 'four' }, null, { name: 'a' }],
        grid: [[{ name: 'four' }, null], null, [null, { name: 'a' }]],
      })
      expect(answer.errors!.map(({ path }) => path)).toEqual(
        expect.arrayContaining([
          ['parties', 1],
          ['grid', 0, 1],
          ['grid', 2, 0],
        ]),
      )
    }
  })
})

describe('resolvers without a field in the SDL', () => {
  test.each<{ what: string; resolvers: Resolvers; message: string }>([
    {
      what: 'a type',
      resolvers: { Prty: {} },
      message: 'there are resolvers for Prty, which the SDL does not have',
    },
    {
      what: 'a field',
      resolvers: { Party: { nme: () => '' } },
      message: 'there is a resolver for Party.nme, which the SDL does not have',
    },
  ])('are rejected: $what', ({ resolvers, message }) => {
    expect(() => buildFederatedSchema(sdl, resolvers)).toThrow(message)
  })
})
