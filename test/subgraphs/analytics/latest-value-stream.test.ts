import { describe, expect, test } from 'vitest'
import { openLatestValueStream } from '../../../subgraphs/analytics/latest-value-stream.ts'

/** A stream of a value that the test changes, by a clock that the test moves. */
function aStream() {
  const waits: { readonly ms: number; readonly pass: () => void }[] = []
  let version = 1
  let delivered = 0
  let reads = 0
  const stream = openLatestValueStream({
    everyMs: 2000,
    read: async () => {
      reads++
      if (version < 0) throw new Error('nothing can be read')
      return delivered === version ? null : (delivered = version)
    },
    wait: (ms, signal) =>
      new Promise<void>((resolve, reject) => {
        waits.push({ ms, pass: resolve })
        signal.addEventListener('abort', () => reject(signal.reason as Error))
      }),
  })
  return {
    stream,
    change: (to = version + 1) => (version = to),
    reads: () => reads,
    /** Ends the stream's wait, once there is one. */
    async pass() {
      while (waits.length === 0) await Promise.resolve()
      const { ms, pass } = waits.shift()!
      pass()
      return ms
    },
  }
}

describe('a stream of the latest value', () => {
  test('begins at once, and continues when time has passed and the value has changed', async () => {
    const { stream, change, pass } = aStream()
    expect(await stream.next()).toEqual({ done: false, value: 1 })
    const next = stream.next()
    expect(await pass()).toBe(2000)
    change()
    await pass()
    expect(await next).toEqual({ done: false, value: 2 })
  })

  test('skips changes between two calls of next, and reads nothing meanwhile', async () => {
    const { stream, change, pass, reads } = aStream()
    await stream.next()
    for (let n = 0; n < 5; n++) change()
    expect(reads()).toBe(1)
    const next = stream.next()
    await pass()
    expect(await next).toEqual({ done: false, value: 6 })
    expect(reads()).toBe(2)
  })

  test('serves concurrent calls of next in turn', async () => {
    const { stream, change, pass } = aStream()
    const values = Promise.all([stream.next(), stream.next()])
    await pass()
    change()
    await pass()
    expect((await values).map(({ value }) => value)).toEqual([1, 2])
  })

  test('ends at once when it is closed while it waits', async () => {
    const { stream, pass } = aStream()
    await stream.next()
    const next = stream.next()
    await pass()
    expect(await stream.return!()).toEqual({ done: true, value: undefined })
    expect(await next).toEqual({ done: true, value: undefined })
    expect(await stream.next()).toEqual({ done: true, value: undefined })
  })

  test('ends with the error of a read that fails', async () => {
    const { stream, change } = aStream()
    change(-1)
    await expect(stream.next()).rejects.toThrow('nothing can be read')
    expect(await stream.next()).toEqual({ done: true, value: undefined })
  })
})
