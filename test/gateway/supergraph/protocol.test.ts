import { describe, expect, test } from 'vitest'
import type { SubgraphConnection, SubgraphResult, Variables } from '../../../gateway/supergraph/index.ts'
import { aSupergraph, run, type SubgraphParts } from '../../fixtures/a-supergraph.ts'

const payments: SubgraphParts = {
  sdl: `
    type Query { payments: [Payment!] payment: Payment }
    type Payment @key(fields: "id") { id: ID! amount: Float merchant: Merchant }
    type Merchant @key(fields: "id", resolvable: false) { id: ID! }
  `,
  resolvers: {},
}
const merchants: SubgraphParts = {
  sdl: `
    type Query { merchant: Merchant best: Merchant }
    type Merchant @key(fields: "id") { id: ID! name: String! city: City tags: [String] }
    type City { name: String code: Int! }
    type Payment @key(fields: "id") { id: ID! amount: Float @external fee: Float @requires(fields: "amount") }
  `,
  resolvers: {},
}

const answering = (
  name: string,
  answer: (document: string, variables: Variables) => SubgraphResult,
): SubgraphConnection => ({
  name,
  prepare: (document) => ({
    // A new object for every call, as a connection must return.
    execute: (variables) => structuredClone(answer(document, variables)),
    subscribe: () => Promise.reject(new Error('not here')),
  }),
})

const ofThree = {
  data: {
    payments: [1, 2, 3].map((id) => ({
      __typename: 'Payment',
      id,
      amount: id,
      merchant: { __typename: 'Merchant', id: `m${id}` },
    })),
  },
}
const hubOf = (answers: Readonly<Record<string, SubgraphResult>>, errorsMax?: number) =>
  aSupergraph({ payments, merchants }, errorsMax === undefined ? {} : { errorsMax }, {
    payments: answering('payments', () => answers['payments'] ?? ofThree),
    merchants: answering('merchants', () => answers['merchants']!),
  })

const invalid = (subgraph: string, what: string, ...path: readonly (string | number)[]) => ({
  message: `The subgraph "${subgraph}" ${what}.`,
  path,
  extensions: { code: 'SUBGRAPH_RESPONSE_INVALID', subgraph },
})
const missing = (field: string, ...path: readonly (string | number)[]) =>
  invalid('merchants', `did not return ${field}`, ...path)

const one = { __typename: 'Merchant', name: 'One', city: null, tags: null }
const city = '{ payments { merchant { city { name } } } }'
const named = (name: string | null) => ({ merchant: { name } })

describe('a response that breaks the protocol gives its nulls, and an error at each place', () => {
  test.each<{
    how: string
    document: string
    answers: Readonly<Record<string, SubgraphResult>>
    data: unknown
    errors: readonly unknown[]
  }>([
    {
      how: 'an entity is missing at the end of the list',
      document: '{ payments { merchant { name } } }',
      answers: { merchants: { data: { _entities: [one, one] } } },
      data: { payments: [named('One'), named('One'), { merchant: null }] },
      errors: [invalid('merchants', 'did not return an object for an entity', 'payments', 2, 'merchant')],
    },
    {
      how: 'an entity is a list, and another is a number',
      document: city,
      answers: { merchants: { data: { _entities: [[], one, 7] } } },
      data: { payments: [0, 1, 2].map(() => ({ merchant: { city: null } })) },
      errors: [0, 2].map((n) =>
        invalid('merchants', 'did not return an object for an entity', 'payments', n, 'merchant'),
      ),
    },
    ...[
      { how: 'there is no list of entities', data: {} },
      { how: 'the list of entities is null', data: { _entities: null } },
      { how: 'the list of entities is an object', data: { _entities: { 0: one } } },
    ].map(({ how, data }) => ({
      how,
      document: city,
      answers: { merchants: { data } },
      data: { payments: [0, 1, 2].map(() => ({ merchant: { city: null } })) },
      errors: [0, 1, 2].map((n) =>
        invalid('merchants', 'did not return the list of entities', 'payments', n, 'merchant'),
      ),
    })),
    {
      how: 'a field of one entity is missing',
      document: '{ payments { merchant { name tags } } }',
      answers: { merchants: { data: { _entities: [one, { __typename: 'Merchant', name: 'Two' }, one] } } },
      data: {
        payments: ['One', 'Two', 'One'].map((name) => ({ merchant: { name, tags: null } })),
      },
      errors: [missing('Merchant.tags', 'payments', 1, 'merchant', 'tags')],
    },
    {
      how: 'a non-null field is missing',
      document: '{ payments { merchant { name tags } } }',
      answers: { merchants: { data: { _entities: [one, { tags: [] }, one] } } },
      data: {
        payments: [
          { merchant: { name: 'One', tags: null } },
          { merchant: null },
          { merchant: { name: 'One', tags: null } },
        ],
      },
      errors: [missing('Merchant.name', 'payments', 1, 'merchant', 'name')],
    },
    {
      how: 'a root field is missing, under an alias',
      document: '{ shop: merchant { name } best { name } }',
      answers: { merchants: { data: { best: one } } },
      data: { shop: null, best: { name: 'One' } },
      errors: [missing('Query.merchant', 'shop')],
    },
    {
      how: 'an object is a list',
      document: '{ best { city { name } tags } }',
      answers: { merchants: { data: { best: { tags: ['a'], city: [{ name: 'x' }] } } } },
      data: { best: { city: null, tags: ['a'] } },
      errors: [invalid('merchants', 'did not return an object for Merchant.city', 'best', 'city')],
    },
    {
      how: 'an object of which only the type is requested is a list',
      document: '{ best { city { __typename } } }',
      answers: { merchants: { data: { best: { city: [{ __typename: 'City' }] } } } },
      data: { best: { city: null } },
      errors: [invalid('merchants', 'did not return an object for Merchant.city', 'best', 'city')],
    },
    {
      how: 'an object is a text',
      document: '{ best { city { name } } }',
      answers: { merchants: { data: { best: { city: 'Hangzhou' } } } },
      data: { best: { city: null } },
      errors: [invalid('merchants', 'did not return an object for Merchant.city', 'best', 'city')],
    },
    {
      how: 'a list is an object',
      document: '{ best { tags } }',
      answers: { merchants: { data: { best: { tags: { 0: 'a' } } } } },
      data: { best: { tags: null } },
      errors: [invalid('merchants', 'did not return a list for Merchant.tags', 'best', 'tags')],
    },
    {
      how: 'there is neither data nor an error',
      document: '{ best { name } merchant { name } }',
      answers: { merchants: { data: null } },
      data: { best: null, merchant: null },
      errors: ['best', 'merchant'].map((field) =>
        invalid('merchants', 'returned neither data nor errors', field),
      ),
    },
  ])('$how', async ({ document, answers, data, errors }) => {
    const response = await run(hubOf(answers), document)
    expect(response.data).toEqual(data)
    expect(response.errors).toHaveLength(errors.length)
    expect(response.errors).toEqual(expect.arrayContaining(errors as unknown[]))
  })

  test('and no second error where the subgraph has given one', async () => {
    const error = { message: 'no city', path: ['_entities', 1, 'city'] }
    const answers = {
      merchants: { data: { _entities: [one, { ...one, city: undefined }, null] }, errors: [error] },
    }
    expect(await run(hubOf(answers), city)).toEqual({
      data: { payments: [0, 1, 2].map(() => ({ merchant: { city: null } })) },
      errors: [{ message: 'no city', path: ['payments', 1, 'merchant', 'city'] }],
    })
  })

  test('and an entity that the subgraph does not find is null without an error', async () => {
    const answers = {
      merchants: { data: { _e0: [null, null, null], _e1: [null, null, null] } },
    }
    expect(await run(hubOf(answers), '{ payments { fee merchant { city { name } } } }')).toEqual({
      data: { payments: [0, 1, 2].map(() => ({ fee: null, merchant: { city: null } })) },
    })
  })
})

describe('the errors of a response are bounded', () => {
  const many = (count: number) => ({
    payments: {
      data: {
        payments: Array.from({ length: count }, (_, id) => ({ __typename: 'Payment', id, amount: null })),
      },
      errors: Array.from({ length: count }, (_, n) => ({
        message: 'no amount',
        path: ['payments', n, 'amount'],
      })),
    },
  })
  const document = '{ payments { amount } }'

  test.each([
    { count: 99, shown: 99, omitted: null },
    { count: 100, shown: 100, omitted: null },
    { count: 101, shown: 100, omitted: '1 more error is left out.' },
    { count: 5_000, shown: 100, omitted: '4900 more errors are left out.' },
  ])('of $count errors, $shown are shown', async ({ count, shown, omitted }) => {
    const { errors = [] } = await run(hubOf(many(count)), document)
    const counted = errors.filter(({ extensions }) => extensions?.['code'] === 'ERRORS_OMITTED')
    expect(errors.length - counted.length).toBe(shown)
    expect(counted).toEqual(
      omitted === null
        ? []
        : [{ message: omitted, extensions: { code: 'ERRORS_OMITTED', count: count - shown } }],
    )
  })

  test('also those that the engine finds', async () => {
    const listed = {
      data: { payments: Array.from({ length: 50 }, (_, id) => ({ __typename: 'Payment', id })) },
    }
    const { errors = [] } = await run(hubOf({ payments: listed }, 10), document)
    expect(errors).toHaveLength(11)
    expect(errors[0]).toEqual(invalid('payments', 'did not return Payment.amount', 'payments', 0, 'amount'))
    expect(errors[10]).toMatchObject({ extensions: { code: 'ERRORS_OMITTED', count: 40 } })
  })
})
