import { describe, expect, test } from 'vitest'
import type { SubgraphConnection, SubgraphResult } from '../../../gateway/supergraph/index.ts'
import { aSupergraph, inProcess, run, type SubgraphParts } from '../../fixtures/a-supergraph.ts'

const payments: SubgraphParts = {
  sdl: `
    type Query { payments: [Payment!] payment: Payment grid: [[Payment]] }
    type Payment @key(fields: "id") { id: ID! merchant: Merchant other: Merchant }
    type Merchant @key(fields: "id", resolvable: false) { id: ID! }
  `,
  resolvers: {
    Query: {
      payments: () =>
        [1, 2, 3].map((id) => ({ id, merchant: { id: id === 2 ? 'm2' : 'm1' }, other: { id: 'm2' } })),
      payment: () => ({ id: 1, merchant: { id: 'm1' }, other: { id: 'm1' } }),
      grid: () => [[{ id: 1, merchant: { id: 'm2' } }, null], [], [{ id: 2, merchant: { id: 'm2' } }]],
    },
    Payment: { __resolveReference: (reference: unknown) => reference },
  },
}

const refuse = (what: string): never => {
  throw Object.assign(new Error(`no ${what}`), { extensions: { code: 'NO_LUCK' } })
}
const merchants: SubgraphParts = {
  sdl: `
    type Query { merchant: Merchant must: Merchant! }
    type Merchant @key(fields: "id") { id: ID! name: String! city: String sites: [Site!] }
    type Site { street: String! lamp: Boolean }
  `,
  resolvers: {
    Query: { merchant: () => ({ id: 'm1', name: 'One' }), must: () => refuse('must') },
    Merchant: {
      __resolveReferences: (references: readonly { id: string }[]) =>
        references.map(({ id }) => (id === 'm3' ? null : { id, name: id === 'm2' ? null : 'One' })),
      city: ({ id }: { id: string }) => (id === 'm1' ? refuse('city') : 'Hangzhou'),
      sites: () => [{ street: 'A', lamp: true }, { street: null }, { street: 'C' }],
    },
    Site: { lamp: ({ lamp }: { lamp?: boolean }) => lamp ?? refuse('lamp') },
  },
}

const code = { code: 'NO_LUCK' }

describe('an error has a path in the response', () => {
  const hub = aSupergraph({ payments, merchants })

  test.each([
    {
      where: 'for each occurrence of the entity',
      document: '{ payments { merchant { city } } }',
      errors: [
        { message: 'no city', path: ['payments', 0, 'merchant', 'city'], extensions: code },
        { message: 'no city', path: ['payments', 2, 'merchant', 'city'], extensions: code },
      ],
      data: {
        payments: [
          { merchant: { city: null } },
          { merchant: { city: 'Hangzhou' } },
          { merchant: { city: null } },
        ],
      },
    },
    {
      where: 'for every alias',
      document: '{ p: payment { m: merchant { town: city city } other { town: city } } }',
      errors: [
        { message: 'no city', path: ['p', 'm', 'town'], extensions: code },
        { message: 'no city', path: ['p', 'm', 'city'], extensions: code },
        { message: 'no city', path: ['p', 'other', 'town'], extensions: code },
      ],
      data: { p: { m: { town: null, city: null }, other: { town: null } } },
    },
    {
      where: 'inside an entity, and below the null that it propagates to',
      document: '{ payment { merchant { sites { street lamp } } } }',
      errors: [
        {
          message: 'Cannot return null for non-nullable field Site.street.',
          path: ['payment', 'merchant', 'sites', 1, 'street'],
        },
        { message: 'no lamp', path: ['payment', 'merchant', 'sites', 1, 'lamp'], extensions: code },
        { message: 'no lamp', path: ['payment', 'merchant', 'sites', 2, 'lamp'], extensions: code },
      ],
      data: { payment: { merchant: { sites: null } } },
    },
    {
      where: 'in lists of lists, once for each occurrence, and the null propagates to a nullable field',
      document: '{ grid { id merchant { name } } }',
      errors: [
        {
          message: 'Cannot return null for non-nullable field Merchant.name.',
          path: ['grid', 0, 0, 'merchant', 'name'],
        },
        {
          message: 'Cannot return null for non-nullable field Merchant.name.',
          path: ['grid', 2, 0, 'merchant', 'name'],
        },
      ],
      data: { grid: [[{ id: '1', merchant: null }, null], [], [{ id: '2', merchant: null }]] },
    },
    {
      where: 'at the root, where the null propagates to the data',
      document: '{ merchant { name } must { name } }',
      errors: [{ message: 'no must', path: ['must'], extensions: code }],
      data: null,
    },
  ])('$where', async ({ document, errors, data }) => {
    const response = await run(hub, document)
    expect(response.data).toEqual(data)
    expect(response.errors).toHaveLength(errors.length)
    expect(response.errors).toEqual(expect.arrayContaining(errors))
  })

  test('an entity that a subgraph does not find has null fields', async () => {
    const unknownMerchant = {
      ...payments,
      resolvers: { Query: { payment: () => ({ id: 1, merchant: { id: 'm3' } }) } },
    }
    const other = aSupergraph({ payments: unknownMerchant, merchants })
    expect(await run(other, '{ payment { id merchant { id city } } }')).toEqual({
      data: { payment: { id: '1', merchant: { id: 'm3', city: null } } },
    })
    expect(await run(other, '{ payment { id merchant { name } } }')).toEqual({
      data: { payment: { id: '1', merchant: null } },
      errors: [
        {
          message: 'Cannot return null for non-nullable field Merchant.name.',
          path: ['payment', 'merchant', 'name'],
        },
      ],
    })
  })
})

describe('when a subgraph fails as a whole', () => {
  const failing = (execute: () => SubgraphResult | Promise<SubgraphResult>): SubgraphConnection => ({
    name: 'merchants',
    prepare: () => ({ execute, subscribe: () => Promise.reject(new Error('not here')) }),
  })
  const down = { message: 'down', extensions: { code: 'SUBGRAPH_UNAVAILABLE' } }

  test.each([
    { how: 'with a result', execute: () => ({ data: null, errors: [down] }), error: down },
    { how: 'with a promise of a result', execute: () => Promise.resolve({ errors: [down] }), error: down },
    {
      how: 'by throwing',
      execute: () => {
        throw new Error('secret')
      },
      error: {
        message: 'The subgraph "merchants" could not be called.',
        extensions: { code: 'INTERNAL_SERVER_ERROR' },
      },
    },
    {
      how: 'by rejecting',
      execute: () => Promise.reject(new Error('secret')),
      error: {
        message: 'The subgraph "merchants" could not be called.',
        extensions: { code: 'INTERNAL_SERVER_ERROR' },
      },
    },
  ])(
    '$how, the rest of the response is complete, and each missing object has an error',
    async ({ execute, error }) => {
      const hub = aSupergraph({ payments, merchants }, {}, { merchants: failing(execute) })
      expect(await run(hub, '{ payments { id m: merchant { id city } } shop: merchant { city } }')).toEqual({
        data: {
          payments: [
            { id: '1', m: { id: 'm1', city: null } },
            { id: '2', m: { id: 'm2', city: null } },
            { id: '3', m: { id: 'm1', city: null } },
          ],
          shop: null,
        },
        errors: expect.arrayContaining([
          { ...error, path: ['shop'] },
          { ...error, path: ['payments', 0, 'm'] },
          { ...error, path: ['payments', 1, 'm'] },
          { ...error, path: ['payments', 2, 'm'] },
        ]) as unknown,
      })
    },
  )

  test('a thrown error is passed to `present`, not to the client', async () => {
    const cause = new Error('secret')
    const presented: unknown[] = []
    const hub = aSupergraph(
      { payments, merchants },
      {
        present: (error, subgraph, context) => {
          presented.push([(error as { originalError?: unknown }).originalError, subgraph, context])
          return { message: 'masked' }
        },
      },
      { merchants: failing(() => Promise.reject(cause)) },
    )
    expect(await run(hub, '{ merchant { id } }', {}, 'context')).toEqual({
      data: { merchant: null },
      errors: [{ message: 'masked', path: ['merchant'] }],
    })
    expect(presented).toEqual([[cause, 'merchants', 'context']])
  })

  test('an error without a path in a result with data is reported once', async () => {
    const hub = aSupergraph(
      { payments, merchants },
      {},
      {
        merchants: failing(() => ({
          data: { _entities: [{ city: 'Hangzhou' }] },
          errors: [{ message: 'slow today' }],
        })),
      },
    )
    expect(await run(hub, '{ payment { merchant { city } } }')).toEqual({
      data: { payment: { merchant: { city: 'Hangzhou' } } },
      errors: [{ message: 'slow today' }],
    })
  })

  test('values of a wrong kind are not passed on', async () => {
    const invalid = failing(() => ({
      data: { _entities: [{ city: { no: 'text' }, sites: 'none', name: 12 }] },
    }))
    const hub = aSupergraph({ payments, merchants }, {}, { merchants: invalid })
    expect(await run(hub, '{ payment { merchant { city name sites { street } } } }')).toEqual({
      data: { payment: { merchant: { city: null, name: '12', sites: null } } },
      errors: [
        { message: 'String cannot represent value: { no: "text" }', path: ['payment', 'merchant', 'city'] },
        {
          message: 'The subgraph "merchants" did not return a list for Merchant.sites.',
          path: ['payment', 'merchant', 'sites'],
          extensions: { code: 'SUBGRAPH_RESPONSE_INVALID', subgraph: 'merchants' },
        },
      ],
    })
  })
})

describe('a mutation', () => {
  const log: string[] = []
  const step = (name: string, turns: number) => async (): Promise<unknown> => {
    log.push(`${name} begins`)
    for (let n = 0; n < turns; n++) await Promise.resolve()
    log.push(`${name} ends`)
    return { id: name }
  }
  const accounts: SubgraphParts = {
    sdl: `
      type Query { accounts: Int }
      type Mutation { open: Account! close: Account fail: Account! }
      type Account @key(fields: "id") { id: ID! }
    `,
    resolvers: {
      Mutation: { open: step('open', 20), close: step('close', 1), fail: () => refuse('such thing') },
    },
  }
  const ledger: SubgraphParts = {
    sdl: `
      type Mutation { book: Account }
      type Account @key(fields: "id") { id: ID! balance: Int }
    `,
    resolvers: {
      Mutation: { book: step('book', 5) },
      Account: { balance: async ({ id }: { id: string }) => (await step(`balance of ${id}`, 10)(), 7) },
    },
  }
  const hub = aSupergraph({ accounts, ledger })

  test('runs one field after the other, including joins', async () => {
    log.length = 0
    const response = await run(
      hub,
      'mutation { a: open { id balance } book { id } b: open { balance } close { id } }',
    )
    expect(response).toEqual({
      data: {
        a: { id: 'open', balance: 7 },
        book: { id: 'book' },
        b: { balance: 7 },
        close: { id: 'close' },
      },
    })
    const opened = ['open begins', 'open ends', 'balance of open begins', 'balance of open ends']
    expect(log).toEqual([...opened, 'book begins', 'book ends', ...opened, 'close begins', 'close ends'])
  })

  test('stops when a null propagates to the data', async () => {
    log.length = 0
    expect(await run(hub, 'mutation { close { id } fail { id } book { id } }')).toEqual({
      data: null,
      errors: [{ message: 'no such thing', path: ['fail'], extensions: code }],
    })
    expect(log).toEqual(['close begins', 'close ends'])
  })
})

describe('introspection', () => {
  const documents: string[] = []
  const recording: SubgraphConnection = {
    name: 'payments',
    prepare: (document) => {
      documents.push(document)
      return inProcess('payments', payments).prepare(document)
    },
  }
  const hub = aSupergraph({ payments, merchants }, {}, { payments: recording })

  test('is resolved from the schema for clients, next to data and in the requested order', async () => {
    const prepared = hub.prepare(
      'query Q($name: String!) { kind: __typename payment { id } a: __type(name: $name) { ...T } b: __type(name: "_Entity") { name } __schema { queryType { name } } } fragment T on __Type { name fields { name } }',
    )
    if (prepared.kind === 'rejected') throw new Error(prepared.errors[0]!.message)
    expect((await prepared.execute({ name: 'Payment' }, {})).toString()).toBe(
      '{"data":{"kind":"Query","payment":{"id":"1"},"a":{"name":"Payment","fields":[{"name":"id"},{"name":"merchant"},{"name":"other"}]},"b":null,"__schema":{"queryType":{"name":"Query"}}}}',
    )
  })

  test('calls no subgraph', async () => {
    documents.length = 0
    expect(await run(hub, '{ __typename __schema { types { name } } }')).toMatchObject({
      data: { __typename: 'Query' },
    })
    expect(documents).toEqual([])
  })
})
