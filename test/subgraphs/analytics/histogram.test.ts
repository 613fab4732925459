import { describe, expect, test } from 'vitest'
import { bucketOf, msOf, percentilesOf } from '../../../subgraphs/analytics/histogram.ts'

describe('a latency', () => {
  test('is represented within 5 %, from 0 ms to an hour, in few buckets', () => {
    let before = -1
    for (let ms = 0; ms <= 3_600_000; ms = ms < 20_000 ? ms + 1 : Math.ceil(ms * 1.0005)) {
      const bucket = bucketOf(ms)
      expect(Math.abs(msOf(bucket) - ms)).toBeLessThanOrEqual(ms * 0.05)
      expect(bucket).toBeGreaterThanOrEqual(before)
      before = bucket
    }
    expect(before).toBeLessThan(250)
  })

  test('below 0 ms, which a clock that was set back gives, counts as 0', () => {
    expect(bucketOf(-3)).toBe(0)
  })
})

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

  test('of a single latency all equal it', () => {
    expect(percentilesOf(new Map([[7, 1]]))).toEqual({ p50: 7, p95: 7, p99: 7 })
  })

  test('without latencies are null', () => {
    expect(percentilesOf(new Map())).toBeNull()
  })
})
