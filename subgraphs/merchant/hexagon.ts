// Hexagons of the map (H3), as numbers: finding the larger hexagon around one is then plain arithmetic.
// Source: H3 documentation, "H3 Index" (bit layout) and "Tables of Cell Statistics Across Resolutions".

import { cellToLatLng, latLngToCell } from 'h3-js'
import type { Point } from './point.ts'

/**
 * The last 52 bits of an H3 index: base cell (7 bits), then one 3-bit digit for each of the resolutions 1–15, those
 * beyond the hexagon's own all ones. A `number` holds them exactly. The resolution goes along separately.
 */
export type Hexagon = number

/** A rectangle in degrees; `west` > `east` crosses the antimeridian. */
export interface Bounds {
  readonly west: number
  readonly south: number
  readonly east: number
  readonly north: number
}

/** Hexagons that merchants are counted in: sides of about 530 m. */
export const fineResolution = 8
/** Hexagons that group those: sides of about 3.7 km, 49 fine ones in each. */
export const regionResolution = 6

/** Mean side of a hexagon in kilometres, by resolution. */
const sides = [1281.3, 483.1, 182.5, 69.0, 26.1, 9.85, 3.72, 1.41, 0.531] as const
const kilometresPerDegree = 111.2

export const fineHexagonAt = ({ lat, lng }: Point): Hexagon => bitsOf(latLngToCell(lat, lng, fineResolution))

/** The hexagon's H3 index as everybody writes it: 15 hexadecimal digits. */
export const hexagonId = (hexagon: Hexagon, resolution: number): string =>
  `8${resolution.toString(16)}${hexagon.toString(16).padStart(13, '0')}`

export const bitsOf = (id: string): Hexagon => Number.parseInt(id.slice(2), 16)

export function middleOf(hexagon: Hexagon, resolution: number): Point {
  const [lat, lng] = cellToLatLng(hexagonId(hexagon, resolution))
  return { lat, lng }
}

/** The hexagon of a coarser `resolution` that this one belongs to: digits beyond it become ones. */
export function hexagonAround(hexagon: Hexagon, resolution: number): Hexagon {
  const unit = 2 ** bitsBeyond(resolution)
  return Math.floor(hexagon / unit) * unit + unit - 1
}

/** Which of its region's hexagons a fine one is, 0–63: its last two digits. */
export const placeInRegion = (fine: Hexagon): number =>
  Math.floor(fine / 2 ** bitsBeyond(fineResolution)) % 64

/** The fine hexagon at `place` in a region, whose digits there are ones. */
export const fineHexagonIn = (region: Hexagon, place: number): Hexagon =>
  region - (63 - place) * 2 ** bitsBeyond(fineResolution)

/** Three bits for each resolution up to 15. */
const bitsBeyond = (resolution: number): number => (15 - resolution) * 3

/** Hexagons about 40 pixels wide at this zoom of a web map with tiles of 256 pixels: each is √7 times the next smaller. */
export const resolutionFor = (zoom: number): number =>
  Math.min(fineResolution, Math.max(0, Math.round((zoom - 1.3) / 1.4)))

/** True when a point is within the bounds or at most `sidesAway` hexagon sides of `resolution` outside. */
export function isNear({ lat, lng }: Point, bounds: Bounds, resolution: number, sidesAway: number): boolean {
  const margin = (sides[resolution]! * sidesAway) / kilometresPerDegree
  if (lat < bounds.south - margin || lat > bounds.north + margin) return false
  if (Math.abs(lat) + margin >= 90) return true // So close to a pole, every longitude is.
  const shrink = Math.cos(((Math.abs(lat) + margin) * Math.PI) / 180)
  const width = bounds.east - bounds.west + (bounds.west > bounds.east ? 360 : 0)
  const sideways = margin / shrink
  if (width + 2 * sideways >= 360) return true
  return (((lng - bounds.west + sideways) % 360) + 360) % 360 <= width + 2 * sideways
}
