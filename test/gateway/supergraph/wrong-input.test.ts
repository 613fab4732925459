import { GraphQLError, GraphQLScalarType } from 'graphql'
import { describe, expect, test } from 'vitest'
import { aSupergraph, inProcess, run } from '../../fixtures/a-supergraph.ts'

const days = {
  parseValue(value: unknown): unknown {
    if (typeof value === 'string' && /^\d{4}-\d{2}-\d{2}$/.test(value)) return new Date(value)
    throw new GraphQLError(`${JSON.stringify(value)} is not a day such as "2026-03-01"`)
  },
}

const parts = {
  sdl: `
    scalar Day
    scalar Anything
    input Range { from: Day! to: Day! = "2026-12-31" weight: Int! = 1 days: [Day!] }
    type Query {
      on(day: Day): String!
      within(range: Range, ranges: [Range!]): String!
      anything(value: Anything): String!
      id(id: ID): String!
      text(text: String): String!
      float(float: Float, floats: [Float!]): String!
      page(first: Int! = 20): String!
      needs(count: Int!, counts: [Int!]): String!
    }
  `,
  resolvers: {
    Query: Object.fromEntries(
      ['on', 'within', 'anything', 'id', 'text', 'float', 'page', 'needs'].map((field) => [
        field,
        (_: unknown, args: object) => JSON.stringify(args),
      ]),
    ),
  },
}

/** A hub that checks days, and counts the calls of its one subgraph. */
function aHub() {
  let calls = 0
  const connection = inProcess('days', parts)
  const counting = {
    ...connection,
    prepare(document: string) {
      const operation = connection.prepare(document)
      return {
        ...operation,
        execute(variables: Record<string, unknown>, context: unknown) {
          calls++
          return operation.execute(variables, context)
        },
      }
    },
  }
  const hub = aSupergraph({ days: parts }, { scalars: { Day: days } }, { days: counting })
  return { hub, calls: () => calls }
}

const dayMessage = '"tomorrow" is not a day such as "2026-03-01"'

describe('a scalar that cannot be read is refused before a subgraph is called', () => {
  test.each([
    { at: 'an argument', document: '{ on(day: "tomorrow") }' },
    { at: 'a field of an input object', document: '{ within(range: {from: "tomorrow"}) }' },
    { at: 'a list', document: '{ within(ranges: [{from: "2026-03-01", days: ["tomorrow"]}]) }' },
    { at: 'the default of a variable', document: 'query($day: Day = "tomorrow") { on(day: $day) }' },
  ])('as a literal in $at', async ({ document }) => {
    const { hub, calls } = aHub()
    expect(await run(hub, document)).toEqual({
      errors: [
        {
          message: dayMessage,
          locations: [expect.any(Object)],
          extensions: { code: 'GRAPHQL_VALIDATION_FAILED' },
        },
      ],
    })
    expect(calls()).toBe(0)
  })

  test.each([
    { type: 'Day', use: 'on(day: $x)', value: 'tomorrow', at: '' },
    { type: 'Range', use: 'within(range: $x)', value: { from: 'tomorrow' }, at: ' at "x.from"' },
    {
      type: '[Range!]',
      use: 'within(ranges: $x)',
      value: [{ from: '2026-03-01', days: ['tomorrow'] }],
      at: ' at "x[0].days[0]"',
    },
  ])('as a variable of the type $type', async ({ type, use, value, at }) => {
    const { hub, calls } = aHub()
    const { errors } = await run(hub, `query($x: ${type}) { ${use} }`, { x: value })
    expect(errors).toMatchObject([
      {
        message: `Variable "$x" got invalid value "tomorrow"${at}; ${dayMessage}`,
        extensions: { code: 'BAD_USER_INPUT' },
      },
    ])
    expect(calls()).toBe(0)
  })

  test('and a subgraph receives a good one as the client wrote it', async () => {
    const { hub } = aHub()
    const { data } = await run(hub, 'query($x: Range) { on(day: "2026-03-01") within(range: $x) }', {
      x: { from: '2026-03-02' },
    })
    expect(data).toEqual({
      on: '{"day":"2026-03-01"}',
      within: '{"range":{"from":"2026-03-02","to":"2026-12-31","weight":1}}',
    })
  })

  test('and the values of an unknown scalar are not checked', async () => {
    const { hub } = aHub()
    expect((await run(hub, '{ anything(value: {a: [1, "tomorrow"]}) }')).data).toEqual({
      anything: '{"value":{"a":[1,"tomorrow"]}}',
    })
  })
})

describe('a null that a variable gives to a non-null position', () => {
  const ofArgument = (name: string) => `Argument "${name}" of non-null type "Int!" must not be null.`
  test.each([
    { document: 'query($x: Int = 5) { needs(count: $x) }', message: ofArgument('count') },
    { document: 'query($x: Int) { page(first: $x) }', message: ofArgument('first') },
    {
      document: 'query($x: Int = 5) { needs(count: 1, counts: [2, $x]) }',
      message: 'Argument "counts" has invalid value [2, $x].',
    },
    {
      document: 'query($x: Int) { within(range: {from: "2026-03-01", weight: $x}) }',
      message: 'Argument "range" has invalid value {from: "2026-03-01", weight: $x}.',
    },
    {
      document: 'query($x: Int = 5) { ...F } fragment F on Query { needs(count: $x) }',
      message: ofArgument('count'),
    },
  ])('is refused in the words of graphql-js: $document', async ({ document, message }) => {
    const { hub, calls } = aHub()
    expect(await run(hub, document, { x: null })).toEqual({
      errors: [{ message, extensions: { code: 'BAD_USER_INPUT' } }],
    })
    expect(calls()).toBe(0)
    expect((await run(hub, document)).errors).toBeUndefined()
    expect((await run(hub, document, { x: 7 })).errors).toBeUndefined()
  })

  test('is no error in a selection that a switch removes', async () => {
    const { hub } = aHub()
    const document =
      'query($x: Int = 5, $on: Boolean!) { id ...F @include(if: $on) } fragment F on Query { needs(count: $x) }'
    expect(await run(hub, document, { x: null, on: false })).toEqual({ data: { id: '{}' } })
    expect((await run(hub, document, { x: null, on: true })).errors).toHaveLength(1)
  })
})

describe('a literal that graphql-js reads reaches the subgraph with the same value', () => {
  test.each([
    { call: 'id(id: 9223372036854775808)', value: { id: '9223372036854775808' } },
    { call: 'id(id: -9223372036854775809)', value: { id: '-9223372036854775809' } },
    { call: 'id(id: -0)', value: { id: '-0' } },
    { call: 'id(id: 12)', value: { id: '12' } },
    { call: String.raw`text(text: "\b\f\n\t\u0000\u007f")`, value: { text: '\b\f\n\t\u0000\u007f' } },
    { call: String.raw`text(text: "\u{1F600}\uD83D\uDE00😀")`, value: { text: '😀😀😀' } },
    {
      call: 'text(text: """\n  block \\""" "quoted"\n    indented\n  """)',
      value: { text: 'block """ "quoted"\n  indented' },
    },
    { call: 'float(float: 3.0e0)', value: { float: 3 } },
    { call: 'float(float: 1e-400)', value: { float: 0 } },
    {
      call: 'float(float: 123456789012345678901234567890)',
      value: { float: 123456789012345680000000000000 },
    },
    { call: 'float(floats: 1.5E3)', value: { floats: [1500] } },
    { call: 'float(float: 0.1, floats: [1, 2.5, 1e1])', value: { float: 0.1, floats: [1, 2.5, 10] } },
    {
      call: 'anything(value: {a: [1e1, "\\b", null, TRUE, -0]})',
      value: { value: { a: [10, '\b', null, 'TRUE', 0] } },
    },
  ])('$call', async ({ call, value }) => {
    const { hub } = aHub()
    const { data, errors } = await run(hub, `{ x: ${call} again: ${call} }`)
    expect(errors).toBeUndefined()
    const { x, again } = data as { x: string; again: string }
    expect(JSON.parse(x)).toEqual(value)
    expect(again).toBe(x)
  })

  test('also as the default of a variable', async () => {
    const { hub } = aHub()
    const document =
      'query($id: ID = 9223372036854775808, $count: Int = 3) { id(id: $id) needs(count: $count) }'
    expect(await run(hub, document)).toEqual({
      data: { id: '{"id":"9223372036854775808"}', needs: '{"count":3}' },
    })
  })

  test('and beside a variable of the client that has its name', async () => {
    const { hub } = aHub()
    const document = 'query($hub_literal_1: ID) { a: id(id: $hub_literal_1) b: id(id: 9223372036854775808) }'
    expect(await run(hub, document, { hub_literal_1: 'mine' })).toEqual({
      data: { a: '{"id":"mine"}', b: '{"id":"9223372036854775808"}' },
    })
  })

  test.each(['float(float: 1e400)', `float(float: ${'9'.repeat(400)})`, 'anything(value: [-1e400])'])(
    'and a number that is infinite is refused: %.30s',
    async (call) => {
      const { hub, calls } = aHub()
      expect((await run(hub, `{ ${call} }`)).errors).toMatchObject([
        {
          message: expect.stringMatching(/ is too large for a number\.$/),
          extensions: { code: 'GRAPHQL_VALIDATION_FAILED' },
        },
      ])
      expect(calls()).toBe(0)
    },
  )
})

describe('an input error that a subgraph reports is the client’s', () => {
  test.each([
    { when: 'of a variable', document: 'query($x: Day) { on(day: $x) }', variables: { x: 5 } },
    { when: 'of a literal', document: '{ on(day: 5) }', variables: {} },
  ])('$when', async ({ document, variables }) => {
    const strict = {
      ...parts,
      resolvers: { ...parts.resolvers, Day: new GraphQLScalarType({ name: 'Day', ...days }) },
    }
    const hub = aSupergraph({ days: strict })
    const { errors } = await run(hub, document, variables)
    expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }])
  })
})
