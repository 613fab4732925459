import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { constant, put, putJson, putString, take } from '../../../gateway/supergraph/json-bytes.ts'
import { aSupergraph, run } from '../../fixtures/a-supergraph.ts'

describe('JSON written as bytes', () => {
  test('equals the text of JSON.stringify for any string', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 200, size: 'max' }),
        fc.constantFrom(1, 7, 40),
        (text, times) => {
          const long = text.repeat(times)
          expect(take(putString(long, 0)).toString()).toBe(JSON.stringify(long))
        },
      ),
    )
    for (const text of [
      '\ud800',
      'a\udc00b',
      '😀'.repeat(50),
      '中'.repeat(64),
      'é'.repeat(65),
      '"\\\u0000\u001f\u007f\u2028',
    ]) {
      expect(take(putString(text, 0)).toString()).toBe(JSON.stringify(text))
    }
  })

  test('grows with the response, for all kinds of parts', () => {
    const words = constant(`"${'x'.repeat(1_001)}",`)
    let at = put(constant('['), 0)
    for (let n = 0; n < 3_000; n++) {
      at = put(words, at)
      at = putString('中文 and more', at)
      at = put(constant(','), at)
      at = putJson('{"a":[1,2,3]}', at)
      at = put(constant(n < 2_999 ? ',' : ']'), at)
    }
    const read = JSON.parse(take(at).toString()) as unknown[]
    expect(read).toHaveLength(9_000)
    expect(read.slice(-3)).toEqual(['x'.repeat(1_001), '中文 and more', { a: [1, 2, 3] }])
  })
})

describe('a response', () => {
  const rows = Array.from({ length: 20_000 }, (_, n) => ({
    id: n,
    name: `Noodle House ${n} 面`,
    ratio: n / 3,
    odd: n % 2 === 1,
  }))
  const hub = aSupergraph({
    rows: {
      sdl: `type Query { rows: [Row!]! values: Values }
        type Row { id: ID! name: String! ratio: Float! odd: Boolean! }
        type Values { big: Big list: [Big] int: Int float: Float id: ID text: String yes: Boolean }
        scalar Big`,
      resolvers: {
        Query: {
          rows: () => rows,
          values: () => ({
            big: 12n,
            list: [new Date(0), 'x', { a: null }],
            int: '12',
            float: '1.5',
            id: 7,
            text: 5,
            yes: 1,
          }),
        },
      },
    },
  })

  test('of several megabytes is complete', async () => {
    expect(await run(hub, '{ rows { id name ratio odd } }')).toEqual({
      data: { rows: rows.map((row) => ({ ...row, id: String(row.id) })) },
    })
    expect(await run(hub, '{ __typename }')).toEqual({ data: { __typename: 'Query' } })
  })

  test('has values as graphql-js serializes them, and an error for a value that cannot be serialized', async () => {
    expect(await run(hub, '{ values { list int float id text yes big } }')).toEqual({
      data: {
        values: {
          list: ['1970-01-01T00:00:00.000Z', 'x', { a: null }],
          int: 12,
          float: 1.5,
          id: '7',
          text: '5',
          yes: true,
          big: null,
        },
      },
      errors: [{ message: messageOf(() => JSON.stringify(12n)), path: ['values', 'big'] }],
    })
  })
})

function messageOf(act: () => unknown): string {
  try {
    act()
  } catch (error) {
    return (error as Error).message
  }
  throw new Error('an error was expected')
}
