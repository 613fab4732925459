// A stream of the latest value: `next` reads the value at that moment, so a slow consumer skips values and
// has no backlog. The iterator is hand-written, because `return` of an async generator waits for the pending
// `next`.

import { setTimeout as sleep } from 'node:timers/promises'

export interface LatestValueOptions<Value> {
  /** The current value; null when it is the same as the previous one. */
  readonly read: () => Promise<Value | null>
  /** Least time between two values; the first value is read at once. */
  readonly everyMs: number
  /** Waits; rejects when `signal` is aborted. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<unknown>
}

/** `return` ends the stream at once. An error of `read` rejects the pending `next` and ends the stream. */
export function openLatestValueStream<Value>(
  options: LatestValueOptions<Value>,
): AsyncIterableIterator<Value, undefined> {
  const { read, everyMs, wait = (ms, signal) => sleep(ms, undefined, { signal }) } = options
  const pending: PromiseWithResolvers<IteratorResult<Value, undefined>>[] = []
  const ending = new AbortController()
  const { signal } = ending
  let isFirst = true
  let isRunning = false

  const end = (): void => {
    ending.abort()
    for (const { resolve } of pending.splice(0)) resolve({ done: true, value: undefined })
  }

  const serve = async (): Promise<void> => {
    isRunning = true
    while (pending.length > 0) {
      if (!isFirst) await wait(everyMs, signal)
      isFirst = false
      const value = await read()
      if (value !== null) pending.shift()?.resolve({ done: false, value })
    }
    isRunning = false
  }

  return {
    next() {
      if (signal.aborted) return Promise.resolve({ done: true, value: undefined })
      const request = Promise.withResolvers<IteratorResult<Value, undefined>>()
      pending.push(request)
      if (!isRunning) {
        serve().catch((error: unknown) => {
          pending.shift()?.reject(error)
          end()
        })
      }
      return request.promise
    },
    return() {
      end()
      return Promise.resolve({ done: true, value: undefined })
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
}
