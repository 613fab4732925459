import { describe, expect, test } from 'vitest'
import { bucketOf, daysIn, inputOf, previousOf, rangeOf } from '../../portal/parts/range.ts'

const now = Date.parse('2026-05-09T12:00:00Z')
const of = (query: string) => rangeOf(new URLSearchParams(query))
const day = (text: string) => new Date(`${text}T00:00`).toISOString()

describe('a range of the address', () => {
  test.each([
    { query: 'days=7', range: { lastDays: 7 } },
    { query: 'from=2026-05-01&to=2026-05-03', range: { from: '2026-05-01', to: '2026-05-03' } },
    { query: '', range: { lastDays: 30 } },
    { query: 'days=8', range: { lastDays: 30 } },
    { query: 'from=2026-05-03&to=2026-05-01', range: { lastDays: 30 } },
    { query: 'from=2000-01-01&to=2026-05-01', range: { lastDays: 30 } },
    { query: 'from=soon&to=later&days=1', range: { lastDays: 1 } },
  ])('“$query” is read', ({ query, range }) => {
    expect(of(query)).toEqual(range)
  })

  test('has its last day as a whole', () => {
    expect(inputOf(of('from=2026-05-01&to=2026-05-01'))).toEqual({
      from: day('2026-05-01'),
      to: day('2026-05-02'),
    })
  })

  test('follows the range that it is compared with, which is as long', () => {
    expect(previousOf(of('from=2026-05-04&to=2026-05-05'), now)).toEqual({
      from: day('2026-05-02'),
      to: day('2026-05-04'),
    })
    expect(previousOf({ lastDays: 7 }, now)).toEqual({
      from: '2026-04-25T12:00:00.000Z',
      to: '2026-05-02T12:00:00.000Z',
    })
  })

  test('has buckets that fit its length, and days that payments are listed by', () => {
    expect(
      ['days=7', 'days=30', 'days=365', 'from=2026-01-01&to=2026-01-02'].map((each) => bucketOf(of(each))),
    ).toEqual(['HOUR', 'DAY', 'WEEK', 'HOUR'])
    expect(daysIn(of('from=2026-05-01&to=2026-05-03'), now)).toEqual({ from: '2026-05-01', to: '2026-05-03' })
    expect(daysIn({ lastDays: 1 }, new Date('2026-05-09T12:00').getTime())).toEqual({
      from: '2026-05-08',
      to: '2026-05-09',
    })
  })
})
