import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bucketOf, msOf, percentilesOf } from '../../../subgraphs/analytics/histogram.ts'

describe('a latency', () => {
  test('is represented within 3.9 % and rounded, from 0 ms to an hour, in few buckets', () => {
    let before = -1
    for (let ms = 0; ms <= 3_600_000; ms = ms < 20_000 ? ms + 1 : Math.ceil(ms * 1.0005)) {
      const bucket = bucketOf(ms)
      expect(Math.abs(msOf(bucket) - ms)).toBeLessThanOrEqual(ms < 50 ? 0 : ms * 0.039 + 0.5)
      expect(bucket).toBeGreaterThanOrEqual(before)
      before = bucket
    }
    expect(before).toBeLessThan(250)
  })

  test('below 0 ms, which a clock that was set back gives, counts as 0', () => {
    expect(bucketOf(-3)).toBe(0)
  })
})

const histogramOf = (latencies: readonly number[]): Map<number, number> =>
  new Map([...Map.groupBy(latencies, bucketOf)].map(([bucket, all]) => [bucket, all.length]))

describe('percentiles', () => {
  test('are nearest-rank: of a hundred, the 50th, 95th and 99th', () => {
    const hundred = new Map([
      [1, 50],
      [2, 45],
      [3, 4],
      [4, 1],
    ])
    expect(percentilesOf(hundred)).toEqual({ p50: 1, p95: 2, p99: 3 })
  })

  test('are within 3.9 % of the exact ones and rounded, however many histograms are added', () => {
    const latencies = fc.array(fc.array(fc.integer({ min: 0, max: 600_000 }), { maxLength: 200 }), {
      minLength: 1,
    })
    fc.assert(
      fc.property(latencies, (parts) => {
        const sum = new Map<number, number>()
        for (const part of parts) {
          for (const [bucket, count] of histogramOf(part)) sum.set(bucket, (sum.get(bucket) ?? 0) + count)
        }
        const sorted = parts.flat().toSorted((a, b) => a - b)
        const found = percentilesOf(sum)
        for (const percent of [50, 95, 99] as const) {
          const exact = sorted[Math.ceil((sorted.length * percent) / 100) - 1]
          const error = exact === undefined ? null : Math.abs(found![`p${percent}`] - exact)
          if (error !== null) expect(error).toBeLessThanOrEqual(exact! < 50 ? 0 : exact! * 0.039 + 0.5)
        }
      }),
    )
  })

  test('of a single latency all equal it', () => {
    expect(percentilesOf(new Map([[7, 1]]))).toEqual({ p50: 7, p95: 7, p99: 7 })
  })

  test('without latencies are null', () => {
    expect(percentilesOf(new Map())).toBeNull()
  })
})
