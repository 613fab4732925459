import fc from 'fast-check'
import { MongoNetworkError } from 'mongodb'
import { describe, expect, test } from 'vitest'
import { openBacklogStream, type Backlog } from '../../../subgraphs/shared/backlog-stream.ts'

/**
 * A source over the numbers 1, 2, 3 …: those up to `written` can be read, three at a time; later ones are
 * pushed.
 */
function aSource(start = 0) {
  let written = start
  let accepted = 0
  let readTo = 0
  const subscribed = new Set<Backlog<number>>()
  const reads: number[] = []
  return {
    reads,
    subscribers: () => subscribed.size,
    write(count: number) {
      for (let n = 0; n < count; n++) {
        written++
        for (const backlog of subscribed) backlog.push(written)
      }
    },
    source: {
      refill: async (backlog: Backlog<number>) => {
        await new Promise((resolve) => queueMicrotask(() => resolve(null)))
        readTo = Math.max(readTo, accepted)
        if (readTo >= written) {
          backlog.goLive()
          return []
        }
        const page = Array.from({ length: Math.min(3, written - readTo) }, (_, n) => readTo + n + 1)
        reads.push(page[0]!)
        readTo = page.at(-1)!
        return page
      },
      subscribe: (backlog: Backlog<number>) => {
        subscribed.add(backlog)
        return () => subscribed.delete(backlog)
      },
      accept: (item: number) => {
        if (item <= accepted) return false
        accepted = item
        return true
      },
      onOverflow: (first: number) => {
        readTo = first - 1
      },
    },
  }
}

const nextOf = async (stream: AsyncIterator<number, undefined>) => (await stream.next()).value

describe('a backlog stream', () => {
  test('reads again after an outage of MongoDB, and loses nothing', async () => {
    const { source, write } = aSource(2)
    let outages = 2
    const stream = openBacklogStream({
      ...source,
      async refill(backlog) {
        if (outages-- > 0) throw new MongoNetworkError('no primary')
        return source.refill(backlog)
      },
    })
    const first = nextOf(stream)
    write(1)
    expect([await first, await nextOf(stream), await nextOf(stream)]).toEqual([1, 2, 3])
    expect(outages).toBeLessThan(0)
  })

  test('catches up, then delivers live items', async () => {
    const { source, write } = aSource(5)
    const stream = openBacklogStream(source)
    for (let n = 1; n <= 5; n++) expect(await nextOf(stream)).toBe(n)
    const sixth = nextOf(stream)
    await new Promise(setImmediate)
    write(2)
    expect([await sixth, await nextOf(stream)]).toEqual([6, 7])
  })

  test('ends at once when it is left during a pending read, and receives no more', async () => {
    const { source, subscribers } = aSource()
    const stream = openBacklogStream(source)
    const pending = stream.next()
    await new Promise(setImmediate)
    expect(subscribers()).toBe(1)
    await stream.return()
    expect(await pending).toEqual({ done: true, value: undefined })
    expect(subscribers()).toBe(0)
    expect(await stream.next()).toEqual({ done: true, value: undefined })
  })

  test('that falls behind holds no more than its backlog, and reads dropped items again', async () => {
    const { source, write, subscribers, reads } = aSource()
    const stream = openBacklogStream(source, 4)
    const first = nextOf(stream)
    await new Promise(setImmediate)
    write(100)
    expect(subscribers()).toBe(0)
    expect(await first).toBe(1)
    for (let n = 2; n <= 100; n++) expect(await nextOf(stream)).toBe(n)
    expect(reads[0]).toBe(2)
  })

  test('rejects once when its source fails, and then ends', async () => {
    const { source } = aSource()
    const stream = openBacklogStream({
      ...source,
      refill: async () => {
        throw new Error('no log')
      },
    })
    await expect(stream.next()).rejects.toThrow('no log')
    expect(await stream.next()).toEqual({ done: true, value: undefined })
  })

  test('ends after an item that nothing can follow', async () => {
    const { source } = aSource(2)
    const stream = openBacklogStream({ ...source, isLast: (item: number) => item === 2 })
    const seen = []
    for await (const item of stream) seen.push(item)
    expect(seen).toEqual([1, 2])
  })

  test('delivers every item once, however writing and reading interleave', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: -3, max: 12 }), { maxLength: 40 }), async (steps) => {
        const { source, write } = aSource(2)
        const stream = openBacklogStream(source, 4)
        const seen: (number | undefined)[] = []
        let written = 2
        for (const step of steps) {
          if (step > 0) {
            write(step)
            written += step
          }
          for (let n = step; n < 0 && seen.length < written; n++) seen.push(await nextOf(stream))
        }
        while (seen.length < written) seen.push(await nextOf(stream))
        await stream.return()
        expect(seen).toEqual(Array.from({ length: written }, (_, n) => n + 1))
      }),
    )
  })
})
