import { buildSchema, isEnumType, isNonNullType } from 'graphql'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import {
  createInProcessConnection,
  createSupergraph,
  subgraphUrls,
  type Access,
  type SubgraphConnection,
} from '../../../gateway/supergraph/index.ts'
import { buildFederatedSchema } from '../../../subgraphs/shared/federated-schema.ts'
import { subgraphSdl } from '../../../subgraphs/shared/subgraph.ts'
import { aSupergraph, inProcess, run, type SubgraphParts } from '../../fixtures/a-supergraph.ts'
import { documentsOf, literalWith } from '../../hub/documents-of-fields.ts'

const people: SubgraphParts = {
  sdl: `
    type Query {
      me: Person @authenticated
      person: Person
      people: [Person!]!
      any: [Named]
      things: [Thing]
      pin: String! @requiresScopes(scopes: [["pin"]])
    }
    type Mutation { rename(name: String!): Person @requiresScopes(scopes: [["write"]]) count: Int }
    interface Named { name: String nick: String }
    type Person implements Named @key(fields: "id") {
      id: ID!
      name: String
      nick: String @authenticated
      email: String @requiresScopes(scopes: [["read", "email"], ["admin"]])
      must: String! @authenticated
      salary: Salary
      note: Note
      level: Level
      friend: Person
    }
    type Robot implements Named @policy(policies: [["robots"]]) { name: String nick: String serial: Int! }
    union Thing = Person | Robot
    type Salary @requiresScopes(scopes: [["pay"]]) { amount: Float }
    scalar Note @authenticated
    enum Level @policy(policies: [["levels"], ["all"]]) { LOW HIGH }
  `,
  resolvers: {
    Query: {
      me: () => ada,
      person: () => ada,
      people: () => [ada, { ...ada, id: '2', name: 'Bob' }],
      any: () => [
        { __typename: 'Person', ...ada },
        { __typename: 'Robot', name: 'R2', nick: 'r', serial: 7 },
      ],
      things: () => [
        { __typename: 'Person', ...ada },
        { __typename: 'Robot', name: 'R2', nick: 'r', serial: 7 },
      ],
      pin: () => '1234',
    },
    Mutation: { rename: () => ada, count: () => 3 },
    Person: { __resolveReference: ({ id }: { id: string }) => ({ ...ada, id }), friend: () => ada },
  },
}
const ada = {
  id: '1',
  name: 'Ada',
  nick: 'a',
  email: 'a@x',
  must: 'm',
  salary: { amount: 5 },
  note: 'n',
  level: 'HIGH',
}

const rank: SubgraphParts = {
  sdl: `type Person @key(fields: "id") {
    id: ID!
    email: String @external
    rank: Int @authenticated
    domain: String @requires(fields: "email") @requiresScopes(scopes: [["read", "email"], ["admin"]])
  }`,
  resolvers: {
    Person: {
      __resolveReference: (reference: unknown) => reference,
      rank: () => 1,
      domain: ({ email }: { email: string }) => email.slice(2),
    },
  },
}

/** The documents that the subgraphs received. */
const received: string[] = []
const recording = (connection: SubgraphConnection): SubgraphConnection => ({
  name: connection.name,
  prepare: (document) => {
    const operation = connection.prepare(document)
    return {
      ...operation,
      execute: (variables, context) => {
        received.push(document)
        return operation.execute(variables, context)
      },
    }
  },
})
const hub = aSupergraph(
  { people, rank },
  { accessOf: (context) => context as Access },
  { people: recording(inProcess('people', people)), rank: recording(inProcess('rank', rank)) },
)

const stranger: Access = { isAuthenticated: false }
const caller = (scopes: readonly string[] = [], policies: readonly string[] = []): Access => ({
  isAuthenticated: true,
  scopes: new Set(scopes),
  policies: new Set(policies),
})
const error = (...path: readonly (string | number)[]) => ({
  message: 'The caller may not read this field or a type that it contains.',
  path,
  extensions: { code: 'UNAUTHORIZED_FIELD_OR_TYPE' },
})

describe('a field that the caller may not read is null, with an error', () => {
  test.each([
    { document: '{ me { id } }', access: stranger, data: { me: null }, errors: [error('me')] },
    { document: '{ me { id } }', access: caller(), data: { me: { id: '1' } } },
    {
      document: '{ person { mail: email id } }',
      access: caller(['read']),
      data: { person: { mail: null, id: '1' } },
      errors: [error('person', 'mail')],
    },
    {
      document: '{ person { email } }',
      access: caller(['read', 'email']),
      data: { person: { email: 'a@x' } },
    },
    { document: '{ person { email } }', access: caller(['admin']), data: { person: { email: 'a@x' } } },
    {
      document: '{ people { name must } }',
      access: stranger,
      data: null,
      errors: [error('people', 0, 'must'), error('people', 1, 'must')],
    },
    {
      document: '{ person { friend { must } name } }',
      access: stranger,
      data: { person: { friend: null, name: 'Ada' } },
      errors: [error('person', 'friend', 'must')],
    },
    {
      document: '{ person { salary { amount } note level } }',
      access: stranger,
      data: { person: { salary: null, note: null, level: null } },
      errors: [error('person', 'salary'), error('person', 'note'), error('person', 'level')],
    },
    {
      document: '{ person { salary { amount } note level } }',
      access: caller(['pay'], ['all']),
      data: { person: { salary: { amount: 5 }, note: 'n', level: 'HIGH' } },
    },
    // An interface requires what its object types require: composition adds their directives to it.
    { document: '{ any { name } }', access: caller(), data: { any: null }, errors: [error('any')] },
    {
      document: '{ any { name } }',
      access: caller([], ['robots']),
      data: { any: [{ name: 'Ada' }, { name: 'R2' }] },
    },
    {
      document: '{ things { ... on Person { nick name } ... on Robot { nick } } }',
      access: { ...stranger, policies: new Set(['robots']) },
      data: { things: [{ nick: null, name: 'Ada' }, { nick: 'r' }] },
      errors: [error('things', 0, 'nick')],
    },
    {
      document: '{ things { ... on Robot { serial } ... on Person { id } } }',
      access: caller(),
      data: { things: [{ id: '1' }, null] },
      errors: [error('things', 1, 'serial')],
    },
    {
      document: '{ things { ... on Robot { serial } ... on Named { name } } }',
      access: caller([], ['robots']),
      data: { things: [{ name: 'Ada' }, { serial: 7, name: 'R2' }] },
    },
    {
      document: '{ person { rank domain } }',
      access: stranger,
      data: { person: { rank: null, domain: null } },
      errors: [error('person', 'rank'), error('person', 'domain')],
    },
    {
      document: '{ person { rank domain } }',
      access: caller(['admin']),
      data: { person: { rank: 1, domain: 'x' } },
    },
    { document: '{ pin }', access: caller(), data: null, errors: [error('pin')] },
    {
      document: 'mutation { rename(name: "x") { id } count }',
      access: caller(['read']),
      data: { rename: null, count: 3 },
      errors: [error('rename')],
    },
  ])('$document', async ({ document, access, data, errors }) => {
    expect(await run(hub, document, {}, access)).toEqual({ data, ...(errors && { errors }) })
  })
})

describe('a field that the caller may not read is never requested', () => {
  test.each(['{ person { email id } }', '{ me { email } }', '{ any { nick ... on Person { email } } }'])(
    '%s',
    async (document) => {
      received.length = 0
      await run(hub, document, {}, stranger)
      expect(received.join()).not.toMatch(/email|nick|\bme\b/)
    },
  )

  test('also when another caller has been answered by the same document', async () => {
    const document = '{ person { email } }'
    for (const access of [caller(['admin']), stranger, caller(['admin']), stranger]) {
      const email = access === stranger ? null : 'a@x'
      expect(await run(hub, document, {}, access)).toMatchObject({ data: { person: { email } } })
    }
  })
})

describe('the graph of the hub', () => {
  const supergraphSdl = readFileSync('schema/generated/supergraph.graphql', 'utf8')
  const api = buildSchema(readFileSync('schema/generated/api.graphql', 'utf8'))
  const calls: string[] = []
  const participant = createInProcessConnection('participant', {
    graphql: {
      schema: buildFederatedSchema(subgraphSdl('participant'), {
        Query: { participant: (_: unknown, { id }: { id: string }) => ({ __typename: 'Participant', id }) },
      }),
    },
  })
  const noting = (name: string): SubgraphConnection => {
    const called = () => {
      calls.push(name)
      throw new TypeError(`${name} was called`)
    }
    return { name, prepare: () => ({ execute: called, subscribe: called }) }
  }
  const graph = createSupergraph({
    supergraphSdl,
    subgraphs: new Map(
      [...subgraphUrls(supergraphSdl).keys()].map((name) => [
        name,
        name === 'participant' ? participant : noting(name),
      ]),
    ),
    accessOf: (context) => context as Access,
  })
  const webhooks = documentsOf(api, (argument) =>
    literalWith(argument, [], '', (name, type) =>
      type.name === 'ID' || type.name === 'String' ? `"${name}"` : isEnumType(type) ? 'CREATED' : '1',
    ),
  ).filter(({ kind, root }) => kind !== 'subscription' && /webhook/i.test(root.name))

  test('gives a key with payments:read alone no webhook, by no query and no mutation', async () => {
    const roots = new Set(webhooks.map(({ root }) => root.name))
    expect([...roots].toSorted()).toEqual([
      'createWebhook',
      'deleteWebhook',
      'redeliverWebhook',
      'rotateWebhookSecret',
      'testWebhook',
      'updateWebhook',
      'webhook',
      'webhookDeliveries',
      'webhooks',
    ])
    calls.length = 0
    for (const { root, text } of webhooks) {
      for (const scopes of [['payments:read'], ['payments:read', 'payments:write', 'keys:manage']]) {
        const { data, errors } = await run(graph, text, {}, caller(scopes))
        expect([root.name, data ?? null, errors]).toMatchObject([
          root.name,
          isNonNullType(root.type) ? null : { [root.name]: null },
          [{ path: [root.name], extensions: { code: 'UNAUTHORIZED_FIELD_OR_TYPE' } }],
        ])
      }
    }
    expect(calls).toEqual([])
  })

  test('gives the positions of a participant to no key without payments:read', async () => {
    const document = '{ participant(id: "wallet-sg-01") { id positions { currency } } }'
    calls.length = 0
    for (const scopes of [[], ['coverage:read', 'analytics:read', 'keys:manage']]) {
      expect(await run(graph, document, {}, caller(scopes))).toEqual({
        data: { participant: null },
        errors: [error('participant', 'positions')],
      })
    }
    expect(calls).toEqual([])
    await run(graph, document, {}, caller(['payments:read']))
    expect(calls).toEqual(['transaction'])
  })
})

describe('introspection shows a caller what it may use', () => {
  const shown = async (access: Access) => {
    const document = '{ __schema { mutationType { name } types { name fields { name } } } }'
    const { data } = (await run(hub, document, {}, access)) as {
      data: {
        __schema: { mutationType: unknown; types: { name: string; fields: { name: string }[] | null }[] }
      }
    }
    const types = data.__schema.types.filter(({ name }) => !name.startsWith('__'))
    return {
      hasMutations: data.__schema.mutationType !== null,
      names: types.map(({ name }) => name),
      fieldsOf: (type: string) => types.find(({ name }) => name === type)?.fields?.map(({ name }) => name),
    }
  }

  test('without fields that need other scopes, and without types that only these lead to', async () => {
    const { names, fieldsOf, hasMutations } = await shown(caller())
    expect(fieldsOf('Query')).toEqual(['me', 'person', 'people', 'things'])
    expect(fieldsOf('Person')).toEqual(['id', 'name', 'nick', 'must', 'note', 'friend', 'rank'])
    expect(names).not.toContain('Salary')
    expect(names).not.toContain('Robot')
    expect(hasMutations).toBe(true)
  })

  test('with all of it for a caller with every scope and policy', async () => {
    const { names, fieldsOf } = await shown(caller(['pin', 'write', 'admin', 'pay'], ['robots', 'all']))
    expect(names).toEqual(expect.arrayContaining(['Salary', 'Robot', 'Thing', 'Level']))
    expect(fieldsOf('Query')).toContain('pin')
  })

  test('with all of it where the schema is public', async () => {
    const { fieldsOf } = await shown({ isAuthenticated: false, seesSchema: true })
    expect(fieldsOf('Person')).toContain('salary')
  })
})

describe('a supergraph is refused', () => {
  test('when it restricts access and there is no function that reads the access of a caller', () => {
    expect(() => aSupergraph({ people })).toThrow(
      'the supergraph uses @authenticated, @policy, @requiresScopes: createSupergraph needs accessOf',
    )
  })

  test('when it uses directives that the engine does not apply, with their names', () => {
    const sdl = `
      type Query { shop: Shop }
      type Shop @context(name: "shop") { currency: String price: Price }
      type Price @key(fields: "id") { id: ID! text(currency: String @fromContext(field: "$shop { currency }")): String }
    `
    expect(() => aSupergraph({ shop: { sdl, resolvers: {} } })).toThrow(
      'the supergraph uses @context, @fromContext, which this engine does not support',
    )
  })
})

describe('directives that a supergraph has under other names', () => {
  const link = (name: string, rename: string): string =>
    `@link(url: "https://specs.apollo.dev/${name}/v0.1", for: SECURITY, ${rename})`
  const supergraphSdl = `
    schema @link(url: "https://specs.apollo.dev/link/v1.0") @link(url: "https://specs.apollo.dev/join/v0.5", for: EXECUTION)
      ${link('inaccessible', 'import: [{ name: "@inaccessible", as: "@private" }]')}
      ${link('authenticated', 'import: [{ name: "@authenticated", as: "@auth" }]')}
      ${link('requiresScopes', 'as: "needs"')}
      @link(url: "https://specs.apollo.dev/cost/v0.1", import: [{ name: "@cost", as: "@price" }]) { query: Query }
    directive @link(url: String, as: String, for: link__Purpose, import: [link__Import]) repeatable on SCHEMA
    directive @join__graph(name: String!, url: String!) on ENUM_VALUE
    directive @join__type(graph: join__Graph!) repeatable on OBJECT
    directive @private on FIELD_DEFINITION
    directive @auth on FIELD_DEFINITION
    directive @needs(scopes: [[String!]!]!) on FIELD_DEFINITION
    directive @price(weight: Int!) on FIELD_DEFINITION
    scalar link__Import
    enum link__Purpose { SECURITY EXECUTION }
    enum join__Graph { ONE @join__graph(name: "one", url: "") }
    type Query @join__type(graph: ONE) {
      hidden: Int @private
      mine: Int @auth
      scoped: Int @needs(scopes: [["read"]])
      dear: Int @price(weight: 7)
    }
  `
  const one = inProcess('one', {
    sdl: 'type Query { hidden: Int mine: Int scoped: Int dear: Int }',
    resolvers: { Query: { hidden: () => 1, mine: () => 2, scoped: () => 3, dear: () => 4 } },
  })
  const graph = createSupergraph({
    supergraphSdl,
    subgraphs: new Map([['one', one]]),
    accessOf: (context) => context as Access,
  })
  const nobody: Access = { isAuthenticated: false }

  test('are applied', async () => {
    expect(await run(graph, '{ mine scoped dear }', {}, nobody)).toMatchObject({
      data: { mine: null, scoped: null, dear: 4 },
      errors: [{ path: ['mine'] }, { path: ['scoped'] }],
    })
    const reader: Access = { isAuthenticated: true, scopes: new Set(['read']) }
    expect(await run(graph, '{ mine scoped }', {}, reader)).toEqual({ data: { mine: 2, scoped: 3 } })
    expect(graph.prepare('{ dear }')).toSatisfy(
      (prepared: ReturnType<typeof graph.prepare>) => prepared.kind === 'prepared' && prepared.cost({}) === 7,
    )
  })

  test('hide what is not for clients', async () => {
    expect(graph.schema.getQueryType()!.getFields()).not.toHaveProperty('hidden')
    expect(await run(graph, '{ hidden }', {}, nobody)).toMatchObject({
      errors: [{ extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } }],
    })
  })
})
