// Hexagons of the map (H3) as numbers, so that the larger hexagon around one is plain arithmetic.
// Source: H3 documentation, "H3 Index" (bit layout) and "Tables of Cell Statistics Across Resolutions".

import { cellToBoundary, cellToLatLng, latLngToCell } from 'h3-js'
import type { Point } from './point.ts'

/**
 * The last 52 bits of an H3 index: base cell (7 bits), then one 3-bit digit for each of the resolutions 1–15.
 * Digits beyond the hexagon's own resolution are all ones. A `number` represents them exactly; the resolution
 * is passed separately.
 */
export type Hexagon = number

/** A rectangle in degrees; `west` > `east` crosses the antimeridian. */
export interface Bounds {
  readonly west: number
  readonly south: number
  readonly east: number
  readonly north: number
}

/** Resolution of the hexagons that merchants are counted in: sides of about 530 m. */
export const fineResolution = 8
/** The mean area of these. */
export const fineSquareMeters = 737_328
/** Resolution of regions: sides of about 3.7 km, 49 fine hexagons in each. */
export const regionResolution = 6

/** No point of a region is as far from its middle: the farthest of 400,000 was 4,200 m away. */
export const regionReachMeters = 5_000

/** Mean side of a hexagon in kilometres, by resolution. */
const sides = [1281.3, 483.1, 182.5, 69.0, 26.1, 9.85, 3.72, 1.41, 0.531] as const
const kilometresPerDegree = 111.2

export const fineHexagonAt = ({ lat, lng }: Point): Hexagon => bitsOf(latLngToCell(lat, lng, fineResolution))

/** The hexagon's H3 index in its usual form: 15 hexadecimal digits. */
export const hexagonId = (hexagon: Hexagon, resolution: number): string =>
  `8${resolution.toString(16)}${hexagon.toString(16).padStart(13, '0')}`

export const bitsOf = (id: string): Hexagon => Number.parseInt(id.slice(2), 16)

export function middleOf(hexagon: Hexagon, resolution: number): Point {
  const [lat, lng] = cellToLatLng(hexagonId(hexagon, resolution))
  return { lat, lng }
}

/** The corners of a hexagon in their order around it: five or six, or up to ten where it crosses an edge. */
export const cornersOf = (id: string): Point[] => cellToBoundary(id).map(([lat, lng]) => ({ lat, lng }))

/**
 * The hexagon of a coarser `resolution` that contains this one: the digits beyond that resolution become
 * ones.
 */
export function hexagonAround(hexagon: Hexagon, resolution: number): Hexagon {
  const unit = 2 ** bitsBeyond(resolution)
  return Math.floor(hexagon / unit) * unit + unit - 1
}

/** The place of a fine hexagon in its region, 0–63: its last two digits. */
export const placeInRegion = (fine: Hexagon): number =>
  Math.floor(fine / 2 ** bitsBeyond(fineResolution)) % 64

/** The fine hexagon at `place` in a region. */
export const fineHexagonIn = (region: Hexagon, place: number): Hexagon =>
  region - (63 - place) * 2 ** bitsBeyond(fineResolution)

/** Three bits for each resolution up to 15. */
const bitsBeyond = (resolution: number): number => (15 - resolution) * 3

/**
 * The resolution whose hexagons are about 40 pixels wide at this zoom, for map tiles of 256 pixels. Each
 * resolution is √7 times finer than the previous one.
 */
export const resolutionFor = (zoom: number): number =>
  Math.min(fineResolution, Math.max(0, Math.round((zoom - 1.3) / 1.4)))

/** True when a point is within the bounds or at most `sidesAway` hexagon sides of `resolution` outside. */
export function isNear({ lat, lng }: Point, bounds: Bounds, resolution: number, sidesAway: number): boolean {
  const margin = (sides[resolution]! * sidesAway) / kilometresPerDegree
  if (lat < bounds.south - margin || lat > bounds.north + margin) return false
  if (Math.abs(lat) + margin >= 90) return true // Near a pole, every longitude is within the margin.
  const shrink = Math.cos(((Math.abs(lat) + margin) * Math.PI) / 180)
  const width = bounds.east - bounds.west + (bounds.west > bounds.east ? 360 : 0)
  const sideways = margin / shrink
  if (width + 2 * sideways >= 360) return true
  return (((lng - bounds.west + sideways) % 360) + 360) % 360 <= width + 2 * sideways
}
