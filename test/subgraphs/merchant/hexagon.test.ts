import fc from 'fast-check'
import { cellToLatLng, cellToParent, latLngToCell } from 'h3-js'
import { describe, expect, test } from 'vitest'
import {
  bitsOf,
  cornersOf,
  fineHexagonAt,
  fineHexagonIn,
  fineResolution,
  hexagonAround,
  hexagonId,
  isNear,
  middleOf,
  placeInRegion,
  regionReachMeters,
  regionResolution,
  resolutionFor,
} from '../../../subgraphs/merchant/hexagon.ts'
import { metersBetween } from '../../../subgraphs/merchant/point.ts'

const somewhere = fc.record({
  lat: fc.double({ min: -90, max: 90, noNaN: true }),
  lng: fc.double({ min: -180, max: 180, noNaN: true }),
})

describe('hexagons as numbers', () => {
  test('are those of the H3 library, at every resolution up to the finest', () => {
    fc.assert(
      fc.property(somewhere, (point) => {
        const id = latLngToCell(point.lat, point.lng, fineResolution)
        const fine = fineHexagonAt(point)
        expect(hexagonId(fine, fineResolution)).toBe(id)
        expect(bitsOf(id)).toBe(fine)
        for (let resolution = 0; resolution < fineResolution; resolution++) {
          expect(hexagonId(hexagonAround(fine, resolution), resolution)).toBe(cellToParent(id, resolution))
        }
      }),
    )
  })

  test('a region and a place in it give the hexagon back', () => {
    fc.assert(
      fc.property(somewhere, (point) => {
        const fine = fineHexagonAt(point)
        expect(fineHexagonIn(hexagonAround(fine, regionResolution), placeInRegion(fine))).toBe(fine)
      }),
    )
  })
})

test('a region reaches at most as far as stated from its middle', () => {
  fc.assert(
    fc.property(somewhere, (point) => {
      const middle = middleOf(hexagonAround(fineHexagonAt(point), regionResolution), regionResolution)
      expect(metersBetween(point, middle)).toBeLessThan(regionReachMeters)
    }),
    { numRuns: 2_000 },
  )
})

describe('what is near a rectangle', () => {
  const shanghai = { west: 121.4, south: 31.1, east: 121.6, north: 31.3 }
  const fiji = { west: 177, south: -19, east: -179, north: -16 }

  test.each([
    { what: 'its middle', point: { lat: 31.2, lng: 121.5 }, bounds: shanghai, near: true },
    { what: 'a point a side outside', point: { lat: 31.2, lng: 121.63 }, bounds: shanghai, near: true },
    { what: 'a point two sides outside', point: { lat: 31.2, lng: 121.68 }, bounds: shanghai, near: false },
    { what: 'a point north of it', point: { lat: 31.4, lng: 121.5 }, bounds: shanghai, near: false },
    { what: 'west of the antimeridian', point: { lat: -18, lng: 178.4 }, bounds: fiji, near: true },
    { what: 'east of the antimeridian', point: { lat: -18, lng: -179.5 }, bounds: fiji, near: true },
    { what: 'the antimeridian itself', point: { lat: -18, lng: 180 }, bounds: fiji, near: true },
    { what: 'the other side of the world', point: { lat: -18, lng: 0 }, bounds: fiji, near: false },
  ])('$what: $near', ({ point, bounds, near }) => {
    expect(isNear(point, bounds, regionResolution, 1)).toBe(near)
  })

  test('the whole world takes in every point', () => {
    const world = { west: -180, south: -90, east: 180, north: 90 }
    fc.assert(fc.property(somewhere, (point) => isNear(point, world, 8, 0)))
  })

  test('takes in every region of a hexagon that reaches into it, at three sides', () => {
    const inside = fc.tuple(somewhere, somewhere, fc.integer({ min: 0, max: fineResolution }))
    fc.assert(
      fc.property(inside, ([point, other, resolution]) => {
        const hexagon = latLngToCell(point.lat, point.lng, resolution)
        // Another point of the same hexagon, or as close to it as halving the way goes.
        let { lat, lng } = other
        while (latLngToCell(lat, lng, resolution) !== hexagon) {
          lat = (lat + point.lat) / 2
          lng = (lng + point.lng) / 2
        }
        const [south, west] = cellToLatLng(latLngToCell(lat, lng, regionResolution))
        const view = { west: point.lng, east: point.lng, south: point.lat, north: point.lat }
        expect(isNear({ lat: south, lng: west }, view, Math.min(resolution, regionResolution), 3)).toBe(true)
      }),
      { numRuns: 1_000 },
    )
  })
})

describe('the outline of a hexagon', () => {
  test('is around its middle, with equal ways to its corners', () => {
    const id = latLngToCell(31.23, 121.47, 6)
    const [lat, lng] = cellToLatLng(id)
    const shrink = Math.cos((lat * Math.PI) / 180)
    const ways = cornersOf(id).map((corner) => Math.hypot(corner.lat - lat, (corner.lng - lng) * shrink))
    expect(ways).toHaveLength(6)
    expect(Math.max(...ways) / Math.min(...ways)).toBeLessThan(1.3)
  })
})

describe('the size of hexagons on a map', () => {
  test('goes down as the map is zoomed in, to the finest', () => {
    const sizes = Array.from({ length: 21 }, (_, zoom) => resolutionFor(zoom))
    expect(sizes[0]).toBe(0)
    expect(sizes[20]).toBe(fineResolution)
    expect(sizes).toEqual(sizes.toSorted((a, b) => a - b))
  })
})
