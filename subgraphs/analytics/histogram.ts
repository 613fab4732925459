// Latencies in a histogram that can be added up: counts per bucket, percentiles within 5 % of the true ones.

/** Below this many milliseconds each one has a bucket of its own; above, each bucket is 8 % wider than the one before. */
const exactBelowMs = 50
const ratio = 1.08

/** The bucket, from 0, that a latency falls in. */
export function bucketOf(ms: number): number {
  if (ms < exactBelowMs) return Math.max(0, Math.trunc(ms))
  return exactBelowMs + Math.floor(Math.log(ms / exactBelowMs) / Math.log(ratio))
}

/** What stands for all of a bucket: at most (ratio − 1) / (ratio + 1) = 3.9 % from any of it, then rounded. */
export function msOf(bucket: number): number {
  if (bucket < exactBelowMs) return bucket
  return Math.round(exactBelowMs * ratio ** (bucket - exactBelowMs) * ((2 * ratio) / (1 + ratio)))
}

export interface Percentiles {
  readonly p50: number
  readonly p95: number
  readonly p99: number
}

/** Nearest-rank percentiles, in milliseconds, of a count per bucket; null when nothing was counted. */
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
