import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { apportion, Random, Weighted, zipf } from '../../dataset/random.ts'

const draws = (random: Random, count: number): number[] => Array.from({ length: count }, () => random.bits())

describe('a random generator', () => {
  test('repeats for the same seed, section and index', () => {
    fc.assert(
      fc.property(fc.integer(), fc.string(), fc.nat(), (seed, section, index) => {
        const random = new Random(seed, section, index)
        const first = draws(random, 5)
        random.restart(index)
        expect(draws(random, 5)).toEqual(first)
        expect(draws(new Random(seed, section, index), 5)).toEqual(first)
      }),
    )
  })

  test('differs for another seed, section or index', () => {
    const first = draws(new Random(1, 'a', 1), 3)
    for (const other of [new Random(2, 'a', 1), new Random(1, 'b', 1), new Random(1, 'a', 2)]) {
      expect(draws(other, 3)).not.toEqual(first)
    }
  })

  test('is uniform, also for the first draw of adjacent indexes', () => {
    const buckets = Array.from({ length: 16 }, () => 0)
    const random = new Random(1, 'even')
    for (let index = 0; index < 160_000; index++) {
      random.restart(index)
      buckets[random.below(16)]! += 1
    }
    // Each bucket is 10,000 ± 97; five standard deviations.
    for (const bucket of buckets) expect(Math.abs(bucket - 10_000)).toBeLessThan(490)
  })

  test('draws log-normal numbers with the given median and standard deviation', () => {
    const random = new Random(1, 'normal')
    const logs = Array.from({ length: 40_000 }, () => Math.log(random.logNormal(180, 0.5)))
    const mean = logs.reduce((a, b) => a + b, 0) / logs.length
    const deviation = Math.sqrt(logs.reduce((sum, value) => sum + (value - mean) ** 2, 0) / logs.length)
    expect(Math.exp(mean)).toBeCloseTo(180, -1)
    expect(deviation).toBeCloseTo(0.5, 1)
  })
})

describe('a weighted draw', () => {
  test('follows the weights, and never draws a value of weight 0', () => {
    const random = new Random(1, 'weights')
    const weighted = new Weighted(['a', 'b', 'c', 'd'], [1, 6, 0, 3])
    const seen = new Map<string, number>()
    for (let n = 0; n < 100_000; n++) {
      const value = weighted.draw(random)
      seen.set(value, (seen.get(value) ?? 0) + 1)
    }
    expect(seen.has('c')).toBe(false)
    expect(seen.get('a')! / 100_000).toBeCloseTo(0.1, 2)
    expect(seen.get('b')! / 100_000).toBeCloseTo(0.6, 2)
    expect(seen.get('d')! / 100_000).toBeCloseTo(0.3, 2)
  })

  test.each([
    { what: 'no values', values: [], weights: [] },
    { what: 'a total weight of 0', values: ['a'], weights: [0] },
    { what: 'a missing weight', values: ['a', 'b'], weights: [1] },
  ])('is refused with $what', ({ values, weights }) => {
    expect(() => new Weighted(values, weights)).toThrow(RangeError)
  })
})

describe('apportioning a total', () => {
  test('adds up to the total, without an empty part if the total is large enough', () => {
    const weights = fc.array(fc.double({ min: 0.01, max: 100, noNaN: true }), { minLength: 1, maxLength: 30 })
    fc.assert(
      fc.property(fc.nat(100_000), weights, (total, drawn) => {
        const parts = apportion(total, drawn)
        expect(parts.reduce((a, b) => a + b, 0)).toBe(total)
        expect(Math.min(...parts)).toBeGreaterThanOrEqual(total >= drawn.length ? 1 : 0)
      }),
    )
  })

  test('follows the weights', () => {
    expect(apportion(1_000_003, [1, 2, 7])).toEqual([100_001, 200_001, 700_001])
    expect(zipf(3)).toEqual([1, 1 / 2, 1 / 3])
  })
})
