// Points on the Earth, and distances between them.

/** WGS 84 degrees. */
export interface Point {
  readonly lat: number
  readonly lng: number
}

/** Equatorial radius, the one that MongoDB uses. */
export const earthRadiusMeters = 6_378_100

/**
 * Metres along the surface of a sphere, by the haversine formula; exact to micrometres, also for points close
 * together.
 */
export function metersBetween(a: Point, b: Point): number {
  const north = Math.sin(radians(b.lat - a.lat) / 2)
  const east = Math.sin(radians(b.lng - a.lng) / 2)
  const square = north ** 2 + Math.cos(radians(a.lat)) * Math.cos(radians(b.lat)) * east ** 2
  return 2 * earthRadiusMeters * Math.asin(Math.sqrt(Math.min(1, square)))
}

/** Whether two points are at most `meters` apart. Most are not, by their latitudes alone. */
export const areWithin = (a: Point, b: Point, meters: number): boolean =>
  radians(Math.abs(a.lat - b.lat)) * earthRadiusMeters <= meters && metersBetween(a, b) <= meters

const radians = (degrees: number): number => (degrees * Math.PI) / 180
