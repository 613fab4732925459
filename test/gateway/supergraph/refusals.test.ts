import { describe, expect, test } from 'vitest'
import { engineCodes } from '../../../gateway/supergraph/errors.ts'
import { aSupergraph, run } from '../../fixtures/a-supergraph.ts'

const subgraph = {
  sdl: `
    type Query { payment(id: ID!, near: Near, kinds: [Kind!]): Payment }
    type Payment { id: ID! next: Payment amount: Int }
    input Near { lat: Float! lng: Float! km: Int = 5 }
    enum Kind { PAYMENT REFUND }
  `,
  resolvers: { Query: { payment: (_: unknown, args: unknown) => ({ id: JSON.stringify(args), amount: 1 }) } },
}
const hub = aSupergraph({ payments: subgraph }, { limits: { depthMax: 4, fieldsMax: 30, aliasesMax: 3 } })

const deep = (levels: number): string =>
  `payment(id: 1) ${'{ next '.repeat(levels)} { id } ${'}'.repeat(levels)}`
const doubling = Array.from(
  { length: 20 },
  (_, n) => `fragment F${n} on Payment { next { ...F${n + 1} } other: next { ...F${n + 1} } }`,
).join('\n')

describe('a document is refused', () => {
  test.each([
    { when: 'it is not GraphQL', document: '{ payment(', code: 'GRAPHQL_PARSE_FAILED', locations: true },
    { when: 'it is empty', document: '', code: 'GRAPHQL_PARSE_FAILED', locations: true },
    {
      when: 'it has an unknown field',
      document: '{ pament { id } }',
      code: 'GRAPHQL_VALIDATION_FAILED',
      locations: true,
    },
    {
      when: 'it uses a field of the federation',
      document: '{ _entities { id } }',
      code: 'GRAPHQL_VALIDATION_FAILED',
      locations: true,
    },
    ...['@defer', '@stream'].map((directive) => ({
      when: `it uses ${directive}, which the refusal names`,
      document: `{ payment(id: 1) { ... ${directive} { id } } }`,
      code: 'GRAPHQL_VALIDATION_FAILED',
      message: `Unknown directive "${directive}".`,
      locations: true,
    })),
    {
      when: 'it has fragments only',
      document: 'fragment F on Payment { id }',
      code: 'GRAPHQL_VALIDATION_FAILED',
      locations: true,
    },
    {
      when: 'it has two operations and none is named',
      document: 'query A { __typename } query B { __typename }',
      code: 'OPERATION_RESOLUTION_FAILURE',
    },
    {
      when: 'the named operation is not in it',
      document: 'query A { __typename }',
      name: 'B',
      code: 'OPERATION_RESOLUTION_FAILURE',
    },
    {
      when: 'it is too long',
      document: `{ __typename } #${'x'.repeat(40_000)}`,
      code: 'OPERATION_TOO_LARGE',
    },
    {
      when: 'it has too many tokens',
      document: `{ ${'a '.repeat(5_000)} }`,
      code: 'OPERATION_TOO_LARGE',
      locations: true,
    },
    { when: 'it is too deep', document: `{ ${deep(4)} }`, code: 'OPERATION_TOO_LARGE' },
    {
      when: 'it has too many fields',
      document: `{ payment(id: 1) { ${'id '.repeat(30)} } }`,
      code: 'OPERATION_TOO_LARGE',
    },
    {
      when: 'it has too many aliases',
      document: '{ a: __typename b: __typename c: __typename d: __typename }',
      code: 'OPERATION_TOO_LARGE',
    },
    {
      when: 'its fragments double at every step',
      document: `{ payment(id: 1) { ...F0 } } ${doubling} fragment F20 on Payment { id }`,
      code: 'OPERATION_TOO_LARGE',
    },
  ])('$when', ({ document, code, locations, ...more }) => {
    const { name, message } = more as { name?: string; message?: string }
    const response = hub.prepare(document, name)
    expect(response).toMatchObject({ kind: 'rejected', errors: [{ extensions: { code } }] })
    if (response.kind === 'rejected' && message) expect(response.errors[0]!.message).toBe(message)
    if (response.kind === 'rejected' && locations) expect(response.errors[0]!.locations).toHaveLength(1)
    expect(Object.keys(engineCodes)).toContain(code)
  })

  test('only above the limits', () => {
    expect(hub.prepare(`{ ${deep(2)} }`).kind).toBe('prepared')
    expect(hub.prepare('{ a: __typename b: __typename c: __typename }').kind).toBe('prepared')
  })
})

describe('variables', () => {
  const document =
    'query Q($id: ID!, $near: Near = { lat: 1, lng: 2 }, $kinds: [Kind!], $all: Boolean = true) { payment(id: $id, near: $near, kinds: $kinds) { id amount @include(if: $all) } }'

  test.each([
    { when: 'they are no object', variables: [1], message: 'Variables must be an object.' },
    {
      when: 'one is missing',
      variables: {},
      message: 'Variable "$id" of required type "ID!" was not provided.',
    },
    {
      when: 'one is null',
      variables: { id: null },
      message: 'Variable "$id" of non-null type "ID!" must not be null.',
    },
    {
      when: 'a field of one is of the wrong type',
      variables: { id: 1, near: { lat: 'x', lng: 1 } },
      message:
        'Variable "$near" got invalid value "x" at "near.lat"; Float cannot represent non numeric value: "x"',
    },
    {
      when: 'a field of one is not in its type',
      variables: { id: 1, near: { lat: 1, lng: 1, far: 1 } },
      message:
        'Variable "$near" got invalid value { lat: 1, lng: 1, far: 1 }; Field "far" is not defined by type "Near".',
    },
    {
      when: 'a value is not in its enum',
      variables: { id: 1, kinds: ['LOAN'] },
      message:
        'Variable "$kinds" got invalid value "LOAN" at "kinds[0]"; Value "LOAN" does not exist in "Kind" enum.',
    },
    {
      when: 'a variable of @include is null',
      variables: { id: 1, all: null },
      message: 'Variable "$all" is used in @skip or @include and must not be null.',
    },
  ])('are refused when $when', async ({ variables, message }) => {
    expect(await run(hub, document, variables)).toEqual({
      errors: [expect.objectContaining({ message, extensions: { code: 'BAD_USER_INPUT' } })],
    })
  })

  const many = (count: number, value: unknown) => Array.from({ length: count }, () => value)
  const unknown = Object.fromEntries(many(5_000, 1).map((value, n) => [`field${n}`.padEnd(200, '_'), value]))
  test.each([
    { when: 'thousands of fields are unknown', variables: { id: 1, near: unknown }, errors: 10 },
    { when: 'thousands of items are wrong', variables: { id: 1, kinds: many(20_000, 'LOAN') }, errors: 10 },
    { when: 'an object stands for an id', variables: { id: unknown }, errors: 1 },
    {
      when: 'a text of any length stands for an enum',
      variables: { id: 1, kinds: 'x'.repeat(900_000) },
      errors: 1,
    },
    { when: 'there are too many values', variables: { id: 1, kinds: many(60_000, 'PAYMENT') }, errors: 1 },
  ])('are refused with ten short errors at most when $when', async ({ variables, errors }) => {
    const refused = await run(hub, document, variables)
    expect(refused.errors).toHaveLength(errors)
    for (const { message } of refused.errors!) expect(message.length).toBeLessThan(500)
  })

  test('a document is refused with ten errors and what ended the search', async () => {
    const fields = Array.from({ length: 900 }, (_, n) => `field${n}`)
    const refused = await run(hub, `{ ${fields.join(' ')} }`)
    expect(refused.errors).toHaveLength(11)
    expect(refused.errors!.at(-1)!.message).toMatch(/^Too many validation errors/)
  })

  test.each([
    {
      when: 'absent, as the default',
      variables: { id: 1 },
      sent: { id: '1', near: { lat: 1, lng: 2, km: 5 } },
    },
    {
      when: 'null, as null',
      variables: { id: '1', near: null, kinds: null },
      sent: { id: '1', near: null, kinds: null },
    },
    {
      when: 'a single value for a list, as a list of it',
      variables: { id: 1, kinds: 'REFUND' },
      sent: { id: '1', near: { lat: 1, lng: 2, km: 5 }, kinds: ['REFUND'] },
    },
  ])('reach the subgraph when $when', async ({ variables, sent }) => {
    const { data } = await run(hub, document, variables)
    const { payment } = data as { payment: { id: string } }
    expect(JSON.parse(payment.id)).toEqual(sent)
  })

  test('may have the names that the planner uses', async () => {
    const response = await run(
      hub,
      'query Q($representations: ID!, $hub_representations: Near) { payment(id: $representations, near: $hub_representations) { id } }',
      { representations: 'a' },
    )
    expect(response).toEqual({ data: { payment: { id: '{"id":"a"}' } } })
  })
})

describe('a prepared operation is cached', () => {
  const one = aSupergraph({ payments: subgraph }, { documentsMax: 4 })
  const documentOf = (n: number) => `{ payment(id: ${n}) { id } }`

  test('by text and operation name', () => {
    const text = 'query A { payment(id: 1) { id } } query B { payment(id: 2) { id } }'
    expect(one.prepare(text, 'A')).toBe(one.prepare(text, 'A'))
    expect(one.prepare(text, 'A')).not.toBe(one.prepare(text, 'B'))
    expect(one.prepare(text)).toMatchObject({ kind: 'rejected' })
    expect(one.prepare(text, 'A')).toMatchObject({ kind: 'prepared' })
  })

  test('as long as it is used', () => {
    const first = one.prepare(documentOf(0))
    for (let n = 1; n < 50; n++) {
      one.prepare(documentOf(n))
      expect(one.prepare(documentOf(0))).toBe(first)
    }
  })

  test('until as many other documents follow', () => {
    const first = one.prepare(documentOf(0))
    for (let n = 1; n <= 4; n++) one.prepare(documentOf(n))
    expect(one.prepare(documentOf(0))).not.toBe(first)
  })

  test('independent of rejected documents', () => {
    const first = one.prepare(documentOf(0))
    for (let n = 0; n < 50; n++) one.prepare(`{ wrong${n} }`)
    expect(one.prepare(documentOf(0))).toBe(first)
  })
})

describe('a nullable variable as the one field of a @oneOf input', () => {
  const one = aSupergraph({
    finds: {
      sdl: `
        directive @oneOf on INPUT_OBJECT
        input By @oneOf { id: ID name: String }
        type Query { must(by: By!): String may(by: By): String all(by: [By!]!): String }
      `,
      resolvers: { Query: { must: (_: unknown, { by }: { by: { id: string } }) => by.id } },
    },
  })

  test.each(['must(by: { id: $id })', 'may(by: { id: $id })', 'all(by: [{ id: $id }])'])(
    'is refused at %s',
    async (field) => {
      expect(await run(one, `query Q($id: ID) { ${field} }`, { id: '1' })).toMatchObject({
        errors: [
          {
            message: expect.stringMatching(/^Variable "\$id" is of type "ID" but must be non-nullable/),
            extensions: { code: 'GRAPHQL_VALIDATION_FAILED' },
          },
        ],
      })
    },
  )

  test('and a non-null one reaches the subgraph', async () => {
    expect(await run(one, 'query Q($id: ID!) { must(by: { id: $id }) }', { id: '1' })).toEqual({
      data: { must: '1' },
    })
  })
})
