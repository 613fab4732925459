import { describe, expect, test } from 'vitest'
import { isRefusal } from '../../../schema/values/problems.ts'
import {
  bucketStarts,
  earlierRange,
  readRange,
  type Comparison,
  type Range,
  type TimeBucket,
} from '../../../subgraphs/analytics/range.ts'

const now = new Date('2026-03-01T12:00:30.500Z')
const range = (from: string, to: string): Range => ({ from: Date.parse(from), to: Date.parse(to) })
const shown = ({ from, to }: Range) => [new Date(from).toISOString(), new Date(to).toISOString()]

describe('a range', () => {
  test('of days ends with the current minute', () => {
    expect(readRange({ lastDays: 2 }, now, [])).toEqual(range('2026-02-27T12:01:00Z', '2026-03-01T12:01:00Z'))
  })

  test('rounds both ends up to a whole minute, so that adjacent ranges stay adjacent', () => {
    const [from, middle, to] = ['10:00:00.000', '10:00:00.001', '10:05:59.999'].map(
      (time) => new Date(`2026-03-01T${time}Z`),
    )
    expect(readRange({ from, to: middle }, now, [])).toEqual(
      range('2026-03-01T10:00:00Z', '2026-03-01T10:01:00Z'),
    )
    expect(readRange({ from: middle, to }, now, [])).toEqual(
      range('2026-03-01T10:01:00Z', '2026-03-01T10:06:00Z'),
    )
  })

  test.each([
    { input: {} },
    { input: { from: now } },
    { input: { to: now } },
    { input: { from: now, to: now } },
    { input: { from: now, to: new Date(now.getTime() - 1) } },
    { input: { from: new Date(0), to: now, lastDays: 1 } },
    { input: { lastDays: 0 }, at: 'lastDays' },
    { input: { lastDays: -1 }, at: 'lastDays' },
    { input: { lastDays: 801 }, at: 'lastDays' },
  ])('is refused for $input', ({ input, at }) => {
    expect(readRange(input, now, ['where', 'range'])).toMatchObject({
      code: 'BAD_RANGE',
      path: ['where', 'range', ...(at ? [at] : [])],
    })
  })
})

describe('an earlier range', () => {
  test.each<{ comparedTo: Comparison; of: [string, string]; is: [string, string] }>([
    { comparedTo: 'PREVIOUS_PERIOD', of: ['2026-03-01', '2026-03-31'], is: ['2026-01-30', '2026-03-01'] },
    { comparedTo: 'YEAR_EARLIER', of: ['2026-03-01', '2026-03-31'], is: ['2025-03-01', '2025-03-31'] },
    { comparedTo: 'YEAR_EARLIER', of: ['2024-02-28', '2024-02-29'], is: ['2023-02-28', '2023-02-28'] },
    { comparedTo: 'YEAR_EARLIER', of: ['2024-02-29', '2024-12-31'], is: ['2023-02-28', '2023-12-31'] },
  ])('$comparedTo of $of is $is', ({ comparedTo, of, is }) => {
    expect(earlierRange(range(...of), comparedTo)).toEqual(range(...is))
  })
})

describe('buckets', () => {
  test.each<{ bucket: TimeBucket; of: [string, string]; first: string; last: string; count: number }>([
    {
      bucket: 'MINUTE',
      of: ['2026-03-01T10:00Z', '2026-03-01T10:03Z'],
      first: '2026-03-01T10:00',
      last: '2026-03-01T10:02',
      count: 3,
    },
    {
      bucket: 'HOUR',
      of: ['2026-03-01T10:30Z', '2026-03-01T12:00Z'],
      first: '2026-03-01T10:00',
      last: '2026-03-01T11:00',
      count: 2,
    },
    {
      bucket: 'DAY',
      of: ['2026-02-27T23:59Z', '2026-03-01T00:01Z'],
      first: '2026-02-27T00:00',
      last: '2026-03-01T00:00',
      count: 3,
    },
    {
      bucket: 'WEEK',
      of: ['2026-03-01', '2026-03-03'],
      first: '2026-02-23T00:00',
      last: '2026-03-02T00:00',
      count: 2,
    },
    {
      bucket: 'MONTH',
      of: ['2025-12-31', '2026-03-01'],
      first: '2025-12-01T00:00',
      last: '2026-02-01T00:00',
      count: 3,
    },
  ])('of one $bucket cut $of', ({ bucket, of, first, last, count }) => {
    const starts = bucketStarts(range(...of), bucket)
    if (isRefusal(starts)) throw new Error(starts.message)
    expect(starts).toHaveLength(count)
    expect(shown({ from: starts[0]!, to: starts.at(-1)! })).toEqual([`${first}:00.000Z`, `${last}:00.000Z`])
  })

  test('are at most 2,000', () => {
    const day = Date.parse('2026-03-01')
    expect(bucketStarts({ from: day, to: day + 2000 * 60_000 }, 'MINUTE')).toHaveLength(2000)
    expect(bucketStarts({ from: day, to: day + 2001 * 60_000 }, 'MINUTE')).toMatchObject({
      code: 'BAD_RANGE',
    })
  })
})

describe('buckets in a time zone', () => {
  const starts = (of: Range, bucket: TimeBucket, zone: string) => {
    const found = bucketStarts(of, bucket, zone)
    if (isRefusal(found)) throw new Error(found.message)
    return found.map((start) => new Date(start).toISOString())
  }

  test('begin at its midnight, also where that is not on a whole hour of UTC', () => {
    const two = range('2026-03-01T12:00:00Z', '2026-03-02T20:00:00Z')
    expect(starts(two, 'DAY', 'Asia/Shanghai')).toEqual([
      '2026-02-28T16:00:00.000Z',
      '2026-03-01T16:00:00.000Z',
      '2026-03-02T16:00:00.000Z',
    ])
    expect(starts(two, 'DAY', 'Asia/Kathmandu')[0]).toBe('2026-02-28T18:15:00.000Z')
    expect(starts(two, 'MONTH', 'Asia/Shanghai')).toEqual(['2026-02-28T16:00:00.000Z'])
  })

  // Source: the tz database. New York changes its clocks on 8 March and 1 November 2026.
  test('have 23 and 25 hours on the days on which clocks change', () => {
    const spring = range('2026-03-07T05:00:00Z', '2026-03-10T04:00:00Z')
    expect(starts(spring, 'DAY', 'America/New_York')).toEqual([
      '2026-03-07T05:00:00.000Z',
      '2026-03-08T05:00:00.000Z',
      '2026-03-09T04:00:00.000Z',
    ])
    const autumn = range('2026-10-31T04:00:00Z', '2026-11-03T05:00:00Z')
    expect(starts(autumn, 'DAY', 'America/New_York')).toEqual([
      '2026-10-31T04:00:00.000Z',
      '2026-11-01T04:00:00.000Z',
      '2026-11-02T05:00:00.000Z',
    ])
  })

  test.each(['UTC', 'Asia/Kolkata', 'America/New_York', 'Australia/Lord_Howe', 'Pacific/Apia'])(
    'in %s are in order, and cover the range',
    (zone) => {
      const of = range('2026-01-05T03:07:00Z', '2027-01-02T01:11:00Z')
      for (const bucket of ['DAY', 'WEEK', 'MONTH'] satisfies TimeBucket[]) {
        const found = starts(of, bucket, zone).map((start) => Date.parse(start))
        expect(found).toEqual([...new Set(found)].toSorted((a, b) => a - b))
        expect(found[0]).toBeLessThanOrEqual(of.from)
        expect(found.at(-1)).toBeLessThan(of.to)
      }
    },
  )

  test('of an unknown time zone are refused', () => {
    const refused = bucketStarts(
      range('2026-03-01T12:00:00Z', '2026-03-02T20:00:00Z'),
      'DAY',
      'Asia/Atlantis',
    )
    expect(refused).toMatchObject({ code: 'BAD_VALUE', path: ['zone'] })
  })
})
