// The short form of `npm run simulate`: docs/decisions/simulation.md.

import { describe, expect, test } from 'vitest'
import { loadWorld } from './copies.ts'
import { bugs } from './planted-bugs.ts'

const seedsOf = (count: number): number[] => Array.from({ length: count }, (_, n) => n + 1)

describe('a simulated world', () => {
  test('keeps every promise of the log, its projections and its streams, in each of 8 runs', async () => {
    const { simulate } = await loadWorld(null)
    let entries = 0
    let faults = 0
    for (const seed of seedsOf(8)) {
      const result = await simulate(seed)
      expect(result.violations, `seed ${seed}`).toEqual([])
      entries += result.entries
      faults += result.faults.length
    }
    expect(entries).toBeGreaterThan(300)
    expect(faults).toBeGreaterThan(10)
  })

  test('is the same again for the same seed', async () => {
    const { simulate } = await loadWorld(null)
    expect(await simulate(3)).toEqual(await simulate(3))
  })

  test.each(bugs)('finds $name', async ({ name, seed }) => {
    const { simulate } = await loadWorld(name)
    // After a change of the code, another seed may be the first.
    for (const next of [seed, ...seedsOf(400)]) {
      if ((await simulate(next)).violations.length > 0) return
    }
    expect.fail('no seed finds it')
  })
})
