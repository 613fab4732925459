// A stream in which only the latest counts: each value is made when it is asked for, so a slow reader misses some and
// nothing piles up. Hand-written, because an async generator's `return` waits for a `next` that is still waiting.

import { setTimeout as sleep } from 'node:timers/promises'

export interface LatestOptions<Value> {
  /** The value as it is now; null when it is the same as the one before. */
  readonly read: () => Promise<Value | null>
  /** Least time between two values; the first comes at once. */
  readonly everyMs: number
  /** Waits; rejects when `signal` is aborted. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<unknown>
}

/** Ends with `return`, at once; a `read` that throws rejects the `next` that waits for it, and ends the stream. */
export function openLatestValueStream<Value>(
  options: LatestOptions<Value>,
): AsyncIterableIterator<Value, undefined> {
  const { read, everyMs, wait = (ms, signal) => sleep(ms, undefined, { signal }) } = options
  const waiting: PromiseWithResolvers<IteratorResult<Value, undefined>>[] = []
  const leaving = new AbortController()
  const { signal } = leaving
  let isFirst = true
  let isRunning = false

  const leave = (): void => {
    leaving.abort()
    for (const { resolve } of waiting.splice(0)) resolve({ done: true, value: undefined })
  }

  const serve = async (): Promise<void> => {
    isRunning = true
    while (waiting.length > 0) {
      if (!isFirst) await wait(everyMs, signal)
      isFirst = false
      const value = await read()
      if (value !== null) waiting.shift()?.resolve({ done: false, value })
    }
    isRunning = false
  }

  return {
    next() {
      if (signal.aborted) return Promise.resolve({ done: true, value: undefined })
      const asked = Promise.withResolvers<IteratorResult<Value, undefined>>()
      waiting.push(asked)
      if (!isRunning) {
        serve().catch((error: unknown) => {
          waiting.shift()?.reject(error)
          leave()
        })
      }
      return asked.promise
    },
    return() {
      leave()
      return Promise.resolve({ done: true, value: undefined })
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
}
