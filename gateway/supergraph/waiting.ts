// Waiting for subgraphs: promises, the deadline of a request, its time on the event loop, and pauses between
// attempts.

import { setTimeout as sleep } from 'node:timers/promises'

export const isPromise = <T>(value: T | Promise<T>): value is Promise<T> =>
  typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'

/** The time by which a request is answered, as the context of the request has it under `deadline`. */
export interface Deadline {
  readonly isPast: boolean
  /** Milliseconds until it passes by itself; negative afterwards. */
  readonly leftMs: number
  /** Aborted when the deadline has passed, or the client has gone. */
  readonly signal: AbortSignal
  /** The value of `promise`, or `instead()` as soon as the deadline has passed. */
  race<Value>(promise: Promise<Value>, instead: () => Value): Promise<Value>
}

/** The deadline in the context of a request; null when the context has none. */
export const deadlineOf = (context: unknown): Deadline | null =>
  (context as { readonly deadline?: Deadline } | null | undefined)?.deadline ?? null

/** What a request takes of the event loop, as its context has it under `loopTime`. */
export interface LoopTime {
  /** True once the request has taken as much as it may. */
  readonly isSpent: boolean
  /** Runs synchronous work and counts its time. */
  run<Result>(work: () => Result): Result
}

/** The loop time in the context of a request; null when the context has none. */
export const loopTimeOf = (context: unknown): LoopTime | null =>
  (context as { readonly loopTime?: LoopTime } | null | undefined)?.loopTime ?? null

/** Runs synchronous work, and counts its time where there is a `loopTime`. */
export const counted = <Result>(loopTime: LoopTime | null, work: () => Result): Result =>
  loopTime ? loopTime.run(work) : work()

const firstPauseMs = 50
const lastPauseMs = 2_000

/**
 * Returns a function to call after each attempt that failed. It pauses, at first for 50 ms and at most for 2
 * s; false when `maxMs` have passed since the beginning, or `signal` is aborted.
 */
export function pacedRetry(maxMs: number, signal: AbortSignal): () => Promise<boolean> {
  const endMs = performance.now() + maxMs
  let pauseMs = firstPauseMs
  return async () => {
    const restMs = endMs - performance.now()
    if (restMs <= 0 || signal.aborted) return false
    await sleep(Math.min(pauseMs, restMs), undefined, { signal }).catch(() => {})
    pauseMs = Math.min(2 * pauseMs, lastPauseMs)
    return !signal.aborted
  }
}
