// Histograms of latencies that can be summed: counts per bucket, and percentiles within 3.9 % of the exact
// ones.

/** Below this, each millisecond has its own bucket; above, each bucket is 8 % wider than the previous one. */
const exactBelowMs = 50
const ratio = 1.08

/** The bucket of a latency, from 0. */
export function bucketOf(ms: number): number {
  if (ms < exactBelowMs) return Math.max(0, Math.trunc(ms))
  return exactBelowMs + Math.floor(Math.log(ms / exactBelowMs) / Math.log(ratio))
}

/**
 * The latency that represents a bucket: at most (ratio − 1) / (ratio + 1) = 3.9 % from any in it, then
 * rounded.
 */
export function msOf(bucket: number): number {
  if (bucket < exactBelowMs) return bucket
  return Math.round(exactBelowMs * ratio ** (bucket - exactBelowMs) * ((2 * ratio) / (1 + ratio)))
}

export interface Percentiles {
  readonly p50: number
  readonly p95: number
  readonly p99: number
}

/** Nearest-rank percentiles in milliseconds, from a count per bucket; null without counts. */
export function percentilesOf(countByBucket: ReadonlyMap<number, number>): Percentiles | null {
  const buckets = [...countByBucket].filter(([, count]) => count > 0).toSorted(([a], [b]) => a - b)
  const total = buckets.reduce((sum, [, count]) => sum + count, 0)
  if (total === 0) return null
  const at = (percent: number): number => {
    let left = Math.ceil((total * percent) / 100)
    for (const [bucket, count] of buckets) {
      left -= count
      if (left <= 0) return msOf(bucket)
    }
    return msOf(buckets.at(-1)![0])
  }
  return { p50: at(50), p95: at(95), p99: at(99) }
}
