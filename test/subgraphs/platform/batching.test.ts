import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createLoader, createBatchWriter } from '../../../subgraphs/platform/async/batching.ts'
import { OutageError } from '../../../subgraphs/platform/async/outage.ts'

/** Waits `count` turns of the event loop. */
async function turns(count: number): Promise<void> {
  for (let passed = 0; passed < count; passed++) await turn()
}

/** A call that the test ends. */
function held<Value>() {
  const { promise, resolve, reject } = Promise.withResolvers<Value>()
  return { promise, resolve, reject }
}

describe('batched reads', () => {
  test('requests in one turn of the event loop share one call', async () => {
    const calls: (readonly string[])[] = []
    const loader = createLoader({
      load: async (keys: readonly string[]) => {
        calls.push(keys)
        return keys.map((key) => key.toUpperCase())
      },
    })
    const wallet = loader.load('wallet')
    const acquirer = Promise.resolve().then(() => loader.load('acquirer'))
    expect(await Promise.all([wallet, acquirer])).toEqual(['WALLET', 'ACQUIRER'])
    expect(calls).toEqual([['wallet', 'acquirer']])
  })

  test('requests for the same key share one read; one after the batch has left starts another', async () => {
    let calls = 0
    const loader = createLoader({
      load: async (keys: readonly string[]) => {
        calls++
        return keys.map((key) => `${key} ${keys.length}`)
      },
    })
    expect(await loader.loadMany(['a', 'b', 'a'])).toEqual(['a 2', 'b 2', 'a 2'])
    expect(await loader.load('a')).toBe('a 1')
    expect(calls).toBe(2)
  })

  test('a request never receives the result of a read that began before it', async () => {
    const first = held<string[]>()
    const answers = [first.promise, Promise.resolve(['new'])]
    const loader = createLoader<string, string>({ load: () => answers.shift()! })
    const before = loader.load('payment')
    await turn()
    const after = loader.load('payment')
    first.resolve(['old'])
    expect(await Promise.all([before, after])).toEqual(['old', 'new'])
  })

  test('objects with the same `key` are the same key', async () => {
    const loader = createLoader({
      key: ({ id }: { id: number }) => id,
      load: async (keys) => keys.map(({ id }) => `${id} of ${keys.length}`),
    })
    expect(await loader.loadMany([{ id: 1 }, { id: 1 }, { id: 2 }])).toEqual(['1 of 2', '1 of 2', '2 of 2'])
  })

  test('at most `flightsMax` calls run at once; requests in the meantime share the next batch', async () => {
    const flights: { keys: readonly number[]; land: () => void }[] = []
    const loader = createLoader({
      flightsMax: 2,
      load: (keys: readonly number[]) => {
        const flight = held<readonly number[]>()
        flights.push({ keys, land: () => flight.resolve(keys) })
        return flight.promise
      },
    })
    const asked: Promise<number | null>[] = []
    for (const key of [1, 2, 3, 4]) {
      asked.push(loader.load(key))
      await turn()
    }
    expect(flights.map(({ keys }) => keys)).toEqual([[1], [2]])
    flights[1]!.land()
    expect(await asked[1]).toBe(2)
    await turn()
    expect(flights.map(({ keys }) => keys)).toEqual([[1], [2], [3, 4]])
    for (const { land } of flights) land()
    expect(await Promise.all(asked)).toEqual([1, 2, 3, 4])
  })

  test('a batch larger than `batchMax` is split', async () => {
    const sizes: number[] = []
    const loader = createLoader({
      batchMax: 3,
      load: async (keys: readonly number[]) => {
        sizes.push(keys.length)
        return keys
      },
    })
    expect(await loader.loadMany([1, 2, 3, 4, 5, 6, 7])).toEqual([1, 2, 3, 4, 5, 6, 7])
    expect(sizes).toEqual([3, 3, 1])
  })

  test('an error rejects the requests of its own batch only', async () => {
    const loader = createLoader({
      batchMax: 1,
      load: (keys: readonly string[]) => {
        if (keys[0] === 'bad') throw new Error('the server is gone')
        return Promise.resolve(keys)
      },
    })
    const [bad, good] = await Promise.allSettled([loader.load('bad'), loader.load('good')])
    expect(bad).toMatchObject({ status: 'rejected', reason: { message: 'the server is gone' } })
    expect(good).toEqual({ status: 'fulfilled', value: 'good' })
    expect(await loader.load('next')).toBe('next')
  })

  test('a load with too few results rejects with the counts', async () => {
    const loader = createLoader({ load: async () => ['only one'] })
    await expect(loader.loadMany(['a', 'b'])).rejects.toThrow('one outcome per item: 2 items, 1 outcomes')
  })
})

describe('batched writes', () => {
  test('each caller receives its own outcome: a duplicate rejects its caller only', async () => {
    const writer = createBatchWriter({
      write: async (ids: readonly string[]) =>
        ids.map((id, index) => (ids.indexOf(id) < index ? new Error(`${id} is there`) : `${id} written`)),
    })
    const outcomes = await Promise.allSettled(['p1', 'p2', 'p1'].map((id) => writer.write(id)))
    expect(outcomes).toEqual([
      { status: 'fulfilled', value: 'p1 written' },
      { status: 'fulfilled', value: 'p2 written' },
      { status: 'rejected', reason: new Error('p1 is there') },
    ])
  })

  test('writes of a caller that awaits each outcome keep their order', async () => {
    const written: number[] = []
    const writer = createBatchWriter({
      write: async (items: readonly number[]) => {
        await turns(items[0]! % 3)
        written.push(...items)
        return items
      },
    })
    for (let item = 0; item < 10; item++) await writer.write(item)
    expect(written).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })
})

describe('batches under any interleaving', () => {
  const calls = fc.array(
    fc.record({
      key: fc.nat({ max: 12 }),
      /**
       * The turn of the event loop in which a request comes, and the number of turns that its call takes if
       * it is the first of a batch.
       */
      at: fc.nat({ max: 8 }),
      takes: fc.nat({ max: 5 }),
      fate: fc.constantFrom('found', 'found', 'missing', 'refused', 'call fails'),
    }),
    { maxLength: 40 },
  )
  const limits = fc.record({
    batchMax: fc.integer({ min: 1, max: 6 }),
    flightsMax: fc.integer({ min: 1, max: 3 }),
  })

  test('every request receives the value of its own key, from a read that began after it', async () => {
    await fc.assert(
      fc.asyncProperty(calls, limits, async (script, limit) => {
        let clock = 0
        let flights = 0
        const loader = createLoader<number, { key: number; began: number }>({
          ...limit,
          load: async (keys) => {
            const began = ++clock
            expect(keys.length).toBeLessThanOrEqual(limit.batchMax)
            expect(new Set(keys).size).toBe(keys.length)
            expect(++flights).toBeLessThanOrEqual(limit.flightsMax)
            await turns(script.find(({ key }) => key === keys[0])!.takes)
            flights--
            return keys.map((key) => (key % 5 === 4 ? null : { key, began }))
          },
        })
        await Promise.all(
          script.map(async ({ key, at }) => {
            await turns(at)
            const asked = ++clock
            const value = await loader.load(key)
            if (key % 5 === 4) expect(value).toBeNull()
            else expect([value?.key, value!.began > asked]).toEqual([key, true])
          }),
        )
      }),
    )
  })

  test('every writer receives its own outcome, and every item is written once', async () => {
    await fc.assert(
      fc.asyncProperty(calls, limits, async (script, limit) => {
        const written: number[] = []
        const writer = createBatchWriter<number, string>({
          ...limit,
          write: async (items) => {
            written.push(...items)
            await turns(script[items[0]!]!.takes)
            if (items.some((item) => script[item]!.fate === 'call fails'))
              throw new Error(`lost ${items.join()}`)
            return items.map((item) =>
              script[item]!.fate === 'refused' ? new Error(`no ${item}`) : `yes ${item}`,
            )
          },
        })
        await Promise.all(
          script.map(async ({ at, fate }, item) => {
            await turns(at)
            const outcome = await writer.write(item).catch((error: Error) => error.message)
            const lost = /^lost (.*)/.exec(outcome)
            if (lost) expect(lost[1]!.split(',')).toContain(String(item))
            else expect(outcome).toBe(fate === 'refused' ? `no ${item}` : `yes ${item}`)
            if (fate === 'call fails') expect(lost).not.toBeNull()
          }),
        )
        expect(written.toSorted((a, b) => a - b)).toEqual(script.map((_, item) => item))
      }),
    )
  })
})

describe('a queue of writes', () => {
  test('has a bound, and refuses what exceeds it at once', async () => {
    const call = held<readonly string[]>()
    const { write } = createBatchWriter<string, string>({
      batchMax: 1,
      flightsMax: 1,
      pendingMax: 2,
      write: () => call.promise,
    })
    const inFlight = write('a')
    await turns(2)
    const waiting = [write('b'), write('c')]
    await expect(write('d')).rejects.toThrow(OutageError)
    call.resolve(['done'])
    expect(await Promise.all([inFlight, ...waiting])).toEqual(['done', 'done', 'done'])
  })

  test('leaves a call that takes too long, and makes the next one', async () => {
    const signals: AbortSignal[] = []
    const { write } = createBatchWriter<string, string>({
      flightsMax: 1,
      flightMs: 30,
      write: (items, signal) => {
        signals.push(signal)
        return items[0] === 'stuck' ? new Promise(() => {}) : Promise.resolve(items)
      },
    })
    const stuck = write('stuck')
    await turns(2)
    const next = write('next')
    await expect(stuck).rejects.toThrow(OutageError)
    expect(await next).toBe('next')
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false])
  })
})
