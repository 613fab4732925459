import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { RecentCache } from '../../../gateway/supergraph/recent-cache.ts'
import { aSupergraph } from '../../fixtures/a-supergraph.ts'

const keys = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']

describe('a cache of recent entries', () => {
  test('never exceeds its bounds, and gives what was set last under a key', () => {
    const steps = fc.array(
      fc.record({ key: fc.constantFrom(...keys), size: fc.nat(40), isRead: fc.boolean() }),
      { maxLength: 100 },
    )
    fc.assert(
      fc.property(
        steps,
        fc.integer({ min: 2, max: 6 }),
        fc.integer({ min: 10, max: 100 }),
        (each, entriesMax, sizeMax) => {
          const cache = new RecentCache<number>({ entriesMax, sizeMax })
          const latest = new Map<string, number>()
          each.forEach(({ key, size, isRead }, n) => {
            if (isRead) {
              const found = cache.get(key)
              if (found !== undefined) expect(found).toBe(latest.get(key))
            } else {
              cache.set(key, n, size)
              latest.set(key, n)
              if (size <= sizeMax / 2) expect(cache.get(key)).toBe(n)
            }
            expect(cache.size).toBeLessThanOrEqual(sizeMax)
            expect(keys.filter((one) => cache.get(one) !== undefined).length).toBeLessThanOrEqual(entriesMax)
          })
        },
      ),
    )
  })

  test('keeps what is read, and drops the rest', () => {
    const cache = new RecentCache<number>({ entriesMax: 10, sizeMax: 1_000 })
    cache.set('kept', 0, 1)
    for (let n = 1; n < 1_000; n++) {
      cache.set(`other ${n}`, n, 1)
      expect(cache.get('kept')).toBe(0)
    }
    expect(cache.get('other 1')).toBeUndefined()
  })

  test('does not keep an entry of more than half its size', () => {
    const cache = new RecentCache<number>({ entriesMax: 10, sizeMax: 100 })
    cache.set('large', 1, 51)
    expect(cache.get('large')).toBeUndefined()
    expect(cache.size).toBe(0)
  })
})

describe('prepared documents', () => {
  const parts = { a: { sdl: 'type Query { a(n: Int): Int }', resolvers: {} } }
  const document = (n: number): string => `{ a(n: ${n}) } # ${'x'.repeat(1_000)}`

  test('are bounded by their bytes, not by their number alone', () => {
    // Each takes some 100 kB before it is planned, by its length: one is kept in each generation.
    const small = aSupergraph(parts, { documentBytesMax: 250_000 })
    const large = aSupergraph(parts, { documentBytesMax: 100_000_000 })
    for (const [graph, isKept] of [
      [small, false],
      [large, true],
    ] as const) {
      const first = graph.prepare(document(0))
      for (let n = 1; n < 5; n++) graph.prepare(document(n))
      expect(graph.prepare(document(0)) === first).toBe(isKept)
    }
  })
})
