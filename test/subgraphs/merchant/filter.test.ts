import { describe, expect, test } from 'vitest'
import { orThrow } from '../../../schema/values/problems.ts'
import { CountCube } from '../../../subgraphs/merchant/count-cube.ts'
import { hintsOf, readMerchantFilter, type MerchantFilterInput } from '../../../subgraphs/merchant/filter.ts'
import {
  count,
  profileKey,
  profileOf,
  countKeyOf,
  type SpotChange,
} from '../../../subgraphs/merchant/count-key.ts'
import { aMerchant, noon } from '../../fixtures/merchant-world.ts'

/** One merchant of each of so many acquirers and two categories. */
function cubeOf(acquirers: number): CountCube {
  const cube = new CountCube(noon)
  const changes = new Map<string, SpotChange>()
  for (let n = 0; n < acquirers; n++) {
    for (const mcc of ['5812', '5411']) {
      const merchant = aMerchant({ acquirer: `acquirer-${String(n).padStart(3, '0')}`, mcc })
      cube.addProfile(profileKey(profileOf(merchant)), profileOf(merchant))
      count(changes, countKeyOf(merchant), 1)
    }
  }
  for (const { spot, counts } of changes.values()) {
    cube.put({ ...spot, version: 1, at: noon, counts: Object.fromEntries(counts) })
  }
  return cube
}

const hints = (cube: CountCube, where: MerchantFilterInput) =>
  hintsOf(cube, orThrow(readMerchantFilter(where)))

describe('what the kept counts say of a list', () => {
  test('nothing matches', () => {
    expect(hints(cubeOf(3), { mccs: ['9999'] })).toBeNull()
    expect(hints(cubeOf(0), {})).toBeNull()
  })

  test('few profiles match: they name the merchants', () => {
    const { profiles, acquirers } = hints(cubeOf(60), { mccs: ['5812'], acquirers: ['acquirer-007'] })!
    expect(profiles).toEqual([profileKey(profileOf(aMerchant({ acquirer: 'acquirer-007' })))])
    expect(acquirers).toBeNull()
  })

  test('many profiles of few acquirers match: the acquirers narrow the list', () => {
    const found = hints(cubeOf(60), {})!
    expect(found.profiles).toBeNull()
    expect(found.acquirers).toHaveLength(60)
  })

  test('too many of both match: the filter stands alone', () => {
    expect(hints(cubeOf(101), {})).toEqual({ profiles: null, acquirers: null })
  })
})

describe('a filter', () => {
  test('asks for nothing in particular where a list is empty or left out', () => {
    const blank = orThrow(readMerchantFilter(null))
    expect(Object.values(blank).every((value) => value === null)).toBe(true)
    expect(readMerchantFilter({ countries: [], cities: null, search: null })).toEqual(blank)
  })
})
