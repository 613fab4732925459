import { describe, expect, test } from 'vitest'
import { pagesOf } from '../../../subgraphs/shared/page.ts'

const pages = pagesOf('payments', ['number', 'string'], 100)
const cursor = pages.cursor([1_700_000_000_000, 'b'])

describe('the request for a page', () => {
  test('has a size up to the maximum, and starts at the beginning without a cursor', () => {
    expect(pages.read({ first: 1 })).toEqual({ size: 1, after: null })
    expect(pages.read({ first: 100, after: null })).toEqual({ size: 100, after: null })
  })

  test.each([0, -1, 101, 1.5, Number.NaN])('is refused for %s rows', (first) => {
    expect(pages.read({ first })).toMatchObject({ code: 'BAD_PAGE', path: ['first'] })
  })

  test('starts after the row of its cursor', () => {
    expect(pages.read({ first: 20, after: cursor })).toEqual({ size: 20, after: [1_700_000_000_000, 'b'] })
  })

  test.each([
    { given: 'no text', after: '' },
    { given: 'not base64', after: '***' },
    { given: 'cut short', after: cursor.slice(0, -4) },
    { given: 'of another list', after: pagesOf('refunds', ['number', 'string'], 100).cursor([1, 'b']) },
    {
      given: 'of a key with other kinds',
      after: pagesOf('payments', ['string', 'string'], 100).cursor(['1', 'b']),
    },
    { given: 'of a longer key', after: encoded([1, 'payments', 1, 'b', 'c']) },
    { given: 'of another version', after: encoded([2, 'payments', 1, 'b']) },
    { given: 'no list at all', after: encoded({ payments: 1 }) },
    { given: 'much too long', after: 'A'.repeat(100_000) },
  ])('is refused for a cursor that is $given', ({ after }) => {
    expect(pages.read({ first: 20, after })).toMatchObject({ code: 'CURSOR_INVALID', path: ['after'] })
  })
})

describe('a page', () => {
  const keyOf = (row: string): [number, string] => [row.length, row]

  test('has the requested rows, and a next page when one more row was found', () => {
    const page = { size: 2, after: null }
    const { edges, pageInfo } = pages.connection(page, ['a', 'b', 'c'], keyOf)
    expect(edges.map(({ node }) => node)).toEqual(['a', 'b'])
    const [first, last] = edges
    expect(pageInfo).toEqual({
      hasNextPage: true,
      hasPreviousPage: false,
      startCursor: first?.cursor,
      endCursor: last?.cursor,
    })
    expect(pages.read({ first: 2, after: pageInfo.endCursor })).toEqual({ size: 2, after: [1, 'b'] })
  })

  test('is the last one when no further row was found', () => {
    expect(pages.connection({ size: 2, after: null }, ['a', 'b'], keyOf).pageInfo.hasNextPage).toBe(false)
  })

  test('follows another one when it begins after a cursor', () => {
    const { pageInfo } = pages.connection({ size: 2, after: [1, 'a'] }, ['b'], keyOf)
    expect(pageInfo.hasPreviousPage).toBe(true)
  })

  test('may be empty', () => {
    expect(pages.connection({ size: 2, after: null }, [], keyOf)).toEqual({
      edges: [],
      pageInfo: { hasNextPage: false, hasPreviousPage: false, startCursor: null, endCursor: null },
    })
  })
})

function encoded(content: unknown): string {
  return Buffer.from(JSON.stringify(content)).toString('base64url')
}
