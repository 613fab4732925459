import fc from 'fast-check'
import { cellToLatLng, cellToParent, latLngToCell } from 'h3-js'
import { describe, expect, test } from 'vitest'
import { orThrow } from '../../../schema/values/problems.ts'
import { LoopTime, LoopTimeError } from '../../../subgraphs/platform/async/loop-time.ts'
import { Coverage, type CoverageCell } from '../../../subgraphs/merchant/coverage.ts'
import { readMerchantFilter, type MerchantFilter } from '../../../subgraphs/merchant/merchant-filter.ts'
import type { Merchant } from '../../../subgraphs/merchant/merchant.ts'
import { selectProfiles } from '../../../subgraphs/merchant/select-counts.ts'
import { aCountCube } from '../../fixtures/a-count-cube.ts'
import { aMerchant, noon } from '../../fixtures/a-merchant.ts'

/** Unfiltered. */
function coverageOf(merchants: readonly Merchant[]): Coverage {
  const cube = aCountCube(merchants)
  const filter = readMerchantFilter(null) as MerchantFilter
  return new Coverage(cube, {
    profiles: selectProfiles(cube, filter),
    cities: null,
    countries: null,
    found: null,
  })
}

const at = (lat: number, lng: number, n = 0): Merchant => aMerchant({ mid: `P${n}`, location: { lat, lng } })
const world = { west: -180, south: -90, east: 180, north: 90 }
const sum = (cells: readonly CoverageCell[]): number =>
  cells.reduce((all, { merchants }) => all + merchants, 0)

describe('coverage', () => {
  test('has breakdowns, largest first, then by key, with labels', () => {
    const coverage = coverageOf([
      aMerchant({ mid: '1', qrProducts: ['qr-cn-001', 'qr-cn-002'] }),
      aMerchant({ mid: '2', city: 'Beijing' }),
      aMerchant({ mid: '3', city: 'Xi’an', mcc: '4121', scenario: 'TRANSPORT', qrProducts: ['qr-cn-001'] }),
      aMerchant({ mid: '4', country: 'TH', city: 'Bangkok', currency: 'THB' }),
      aMerchant({ mid: '5', city: 'SHANGHAI' }),
    ])
    expect(coverage.breakdown('COUNTRY', 5)).toEqual([
      { key: 'CN', label: 'China', merchants: 4 },
      { key: 'TH', label: 'Thailand', merchants: 1 },
    ])
    expect(coverage.breakdown('CITY', 2)).toEqual([
      { key: 'CN:Shanghai', label: 'Shanghai, China', merchants: 2 },
      { key: 'CN:Beijing', label: 'Beijing, China', merchants: 1 },
    ])
    expect(coverage.breakdown('SCENARIO', 1)).toEqual([{ key: 'DINING', label: 'Dining', merchants: 4 }])
    expect(coverage.breakdown('MCC', 9)).toMatchObject([{ key: '5812' }, { key: '4121', merchants: 1 }])
    expect(coverage.breakdown('QR_PRODUCT', 9)).toEqual([
      { key: 'qr-cn-001', label: 'One Code', merchants: 2 },
      { key: 'qr-cn-002', label: 'Two Code', merchants: 1 },
    ])
    expect(coverage.cities).toBe(4)
  })

  test.each([0, 501, 1.5])('refuses %s rows', (first) => {
    expect(coverageOf([]).breakdown('CITY', first)).toMatchObject({ code: 'BAD_PAGE' })
  })

  test('is summed once for operations at the same time, and by another one when the first has no time left', async () => {
    const merchants = Array.from({ length: 40 }, (_, n) => at(31 + n / 50, 121, n))
    const shared = coverageOf(merchants)
    const [first, second] = [new LoopTime(1_000), new LoopTime(1_000)]
    await Promise.all([shared.prepare('CITY', first), shared.prepare('CITY', second)])
    expect(first.spentMs).toBeGreaterThan(0)
    expect(second.spentMs).toBe(0)

    const stopped = coverageOf(merchants)
    class Spent extends LoopTime {
      override run(): never {
        throw new LoopTimeError()
      }
    }
    const outcomes = await Promise.allSettled([
      stopped.prepare('CITY', new Spent(0)),
      stopped.prepare('CITY', second),
      stopped.prepare('CITY', first),
    ])
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled'])
    expect(stopped.cities).toBe(1)
  })

  test('computes what another operation needs later', async () => {
    const merchants = Array.from({ length: 40 }, (_, n) => at(31 + n / 50, 121, n))
    const needs = fc.constantFrom(null, 'CITY' as const, 'COUNTRY' as const)
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(needs, { minLength: 1, maxLength: 3 })), async (operations) => {
        const shared = coverageOf(merchants)
        for (const together of operations) await Promise.all(together.map((need) => shared.prepare(need)))
        expect(shared).toMatchObject({ merchants: 40, cities: 1 })
      }),
    )
  })

  test('without merchants is empty, as of the time when the counts were read', () => {
    const coverage = coverageOf([])
    expect(coverage).toMatchObject({ merchants: 0, onlineMerchants: 0, cities: 0, asOf: noon })
    expect(coverage.cells(world, 3)).toEqual([])
  })
})

describe('coverage on a map', () => {
  const merchants = Array.from({ length: 300 }, (_, n) =>
    at(31 + (n % 20) / 50, 121 + Math.floor(n / 20) / 40, n),
  )
  const coverage = coverageOf([...merchants, aMerchant({ mid: 'W', location: null, online: true })])

  test.each(Array.from({ length: 21 }, (_, zoom) => zoom))(
    'at zoom %i the world has every located merchant once',
    (zoom) => {
      const cells = orThrow(coverage.cells(world, zoom))
      expect(sum(cells)).toBe(merchants.length)
      const [largest] = cells
      const resolution = Number.parseInt(largest!.id[1]!, 16)
      const inside = merchants.filter(({ location }) => {
        const fine = latLngToCell(location!.lat, location!.lng, 8)
        return cellToParent(fine, resolution) === largest!.id
      })
      expect(largest!.merchants).toBe(inside.length)
      const [lat, lng] = cellToLatLng(largest!.id)
      expect(largest!.center).toEqual({ lat, lng })
      expect(cells.map((cell) => cell.merchants)).toEqual(
        cells.map((cell) => cell.merchants).toSorted((a, b) => b - a),
      )
    },
  )

  test('counts a hexagon as a whole, also at the edge of the view', () => {
    const view = { west: 121.1, south: 31.1, east: 121.2, north: 31.2 }
    const all = new Map(orThrow(coverage.cells(world, 9)).map((cell) => [cell.id, cell.merchants]))
    const shown = orThrow(coverage.cells(view, 9))
    expect(shown.length).toBeGreaterThan(3)
    expect(shown.length).toBeLessThan(all.size)
    for (const { id, merchants: inCell } of shown) expect(inCell).toBe(all.get(id))
  })

  test('names a hexagon by the city of its largest group of merchants', () => {
    const two = coverageOf([
      aMerchant({ mid: '1', city: 'Suzhou', location: { lat: 31.3, lng: 120.62 } }),
      ...[2, 3].map((n) =>
        aMerchant({ mid: `${n}`, city: 'Shanghai', location: { lat: 31.23, lng: 121.47 } }),
      ),
    ])
    const named = (zoom: number) =>
      orThrow(two.cells(world, zoom)).map(({ merchants: inside, place }) => [inside, place])
    expect(named(1)).toEqual([[3, 'Shanghai']])
    expect(named(12)).toEqual([
      [2, 'Shanghai'],
      [1, 'Suzhou'],
    ])
  })

  test('crosses the antimeridian when west is greater than east', () => {
    const fiji = coverageOf([at(-17.8, 177.9, 1), at(-16.8, -179.9, 2), at(-17.8, 0, 3)])
    const view = { west: 177, south: -19, east: -179, north: -16 }
    expect(sum(orThrow(fiji.cells(view, 8)))).toBe(2)
    expect(sum(orThrow(fiji.cells({ ...view, west: -179, east: 177 }, 8)))).toBeLessThan(3)
  })

  test('uses larger hexagons instead of more than 5,000', () => {
    const scattered = Array.from({ length: 6_000 }, (_, n) => at((n % 60) - 30, Math.floor(n / 60) - 50, n))
    const many = coverageOf(scattered)
    const cells = orThrow(many.cells(world, 20))
    expect(cells.length).toBeLessThanOrEqual(5_000)
    expect(sum(cells)).toBe(6_000)
    expect(cells[0]!.id.startsWith('88')).toBe(false)
  })

  test.each([
    { when: 'south is above north', bounds: { ...world, south: 10, north: 0 }, zoom: 3 },
    { when: 'a latitude is off the map', bounds: { ...world, north: 91 }, zoom: 3 },
    { when: 'a longitude is off the map', bounds: { ...world, west: -181 }, zoom: 3 },
    { when: 'a bound is no number', bounds: { ...world, south: Number.NaN }, zoom: 3 },
    { when: 'the zoom is 21', bounds: world, zoom: 21 },
    { when: 'the zoom is −1', bounds: world, zoom: -1 },
  ])('is refused when $when', ({ bounds, zoom }) => {
    expect(coverage.cells(bounds, zoom)).toMatchObject({ kind: 'refused', code: 'BAD_VALUE' })
  })
})
