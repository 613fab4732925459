// Paces attempts at what is down for a moment.

import { pause } from './promise.ts'

/**
 * Returns a function to call after each attempt that failed. It pauses, at first for 50 ms and at most for 2
 * s; false when `maxMs` have passed since the beginning, or `signal` is aborted: then there is no other
 * attempt.
 */
export function pacedRetry(maxMs: number, signal?: AbortSignal): () => Promise<boolean> {
  const endMs = performance.now() + maxMs
  let pauseMs = firstPauseMs
  return async () => {
    const restMs = endMs - performance.now()
    if (restMs <= 0 || signal?.aborted) return false
    await pause(Math.min(pauseMs, restMs), signal)
    pauseMs = Math.min(2 * pauseMs, lastPauseMs)
    return !signal?.aborted
  }
}

const firstPauseMs = 50
const lastPauseMs = 2_000
