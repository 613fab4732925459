import { describe, expect, test } from 'vitest'
import { orThrow } from '../../../schema/values/problems.ts'
import type { CountCube } from '../../../subgraphs/merchant/count-cube.ts'
import { profileKey, profileOf } from '../../../subgraphs/merchant/count-key.ts'
import { readMerchantFilter, type MerchantFilterInput } from '../../../subgraphs/merchant/merchant-filter.ts'
import { hintsOf } from '../../../subgraphs/merchant/select-counts.ts'
import { aCountCube } from '../../fixtures/a-count-cube.ts'
import { aMerchant } from '../../fixtures/a-merchant.ts'
import { anId } from '../../fixtures/an-id.ts'

/** A cube with a merchant of each of two categories for each of `acquirers` acquirers. */
const cubeOf = (acquirers: number): CountCube =>
  aCountCube(
    Array.from({ length: acquirers }, (_, n) => `acquirer-${String(n).padStart(3, '0')}`).flatMap(
      (acquirer) => ['5812', '5411'].map((mcc) => aMerchant({ acquirer, mcc })),
    ),
  )

const hints = (cube: CountCube, where: MerchantFilterInput) =>
  hintsOf(cube, orThrow(readMerchantFilter(where)))

describe('hints from the counts for a list', () => {
  test('nothing matches', () => {
    expect(hints(cubeOf(3), { mccs: ['9999'] })).toBeNull()
    expect(hints(cubeOf(0), {})).toBeNull()
  })

  test('few profiles match: the hints are the profiles', () => {
    const { profiles, acquirers } = hints(cubeOf(60), { mccs: ['5812'], acquirers: [anId('acquirer-007')] })!
    expect(profiles).toEqual([profileKey(profileOf(aMerchant({ acquirer: 'acquirer-007' })))])
    expect(acquirers).toBeNull()
  })

  test('many profiles of few acquirers match: the hints are the acquirers', () => {
    const found = hints(cubeOf(60), {})!
    expect(found.profiles).toBeNull()
    expect(found.acquirers).toHaveLength(60)
  })

  test('too many of both match: there are no hints', () => {
    expect(hints(cubeOf(101), {})).toEqual({ profiles: null, acquirers: null })
  })
})

describe('a filter of merchants', () => {
  test('matches all merchants where a list is empty or omitted', () => {
    const blank = orThrow(readMerchantFilter(null))
    expect(Object.values(blank).every((value) => value === null)).toBe(true)
    expect(readMerchantFilter({ countries: [], cities: null, search: null })).toEqual(blank)
  })
})
