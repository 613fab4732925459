// The Web Mercator map: the world as a square of side 1, and where the viewer is on it.

export interface View {
  readonly lat: number
  readonly lng: number
  /** Of map tiles of 256 pixels: the world is 256 · 2^zoom pixels wide. */
  readonly zoom: number
}

export interface Bounds {
  readonly west: number
  readonly south: number
  readonly east: number
  readonly north: number
}

export interface Size {
  readonly width: number
  readonly height: number
}

const latMax = 85
const zoomMin = 1
export const zoomMax = 16

export const worldX = (lng: number): number => (lng + 180) / 360
export function worldY(lat: number): number {
  const sin = Math.sin((Math.max(-latMax, Math.min(latMax, lat)) * Math.PI) / 180)
  return 0.5 - Math.log((1 + sin) / (1 - sin)) / (4 * Math.PI)
}
const lngAt = (x: number): number => x * 360 - 180
const latAt = (y: number): number => (Math.atan(Math.sinh((0.5 - y) * 2 * Math.PI)) * 180) / Math.PI

export const sizeOfWorld = (zoom: number): number => 256 * 2 ** zoom

/** Within the limits of the map, with the longitude in −180 to 180. */
export function limited({ lat, lng, zoom }: View): View {
  return {
    lat: Math.max(-latMax, Math.min(latMax, lat)),
    lng: ((((lng + 180) % 360) + 360) % 360) - 180,
    zoom: Math.max(zoomMin, Math.min(zoomMax, zoom)),
  }
}

/** The view after a move by pixels. */
export function moved(view: View, dx: number, dy: number): View {
  const size = sizeOfWorld(view.zoom)
  return limited({
    lat: latAt(worldY(view.lat) - dy / size),
    lng: lngAt(worldX(view.lng) - dx / size),
    zoom: view.zoom,
  })
}

/** The view after a zoom that keeps a point in place, given in pixels from the middle. */
export function zoomed(view: View, by: number, x: number, y: number): View {
  const zoom = Math.max(zoomMin, Math.min(zoomMax, view.zoom + by))
  const before = sizeOfWorld(view.zoom)
  const after = sizeOfWorld(zoom)
  return limited({
    lat: latAt(worldY(view.lat) + y / before - y / after),
    lng: lngAt(worldX(view.lng) + x / before - x / after),
    zoom,
  })
}

/** What a view shows, and `margin` of its size beyond each side. `west` > `east` crosses the antimeridian. */
export function boundsOf(view: View, { width, height }: Size, margin: number): Bounds {
  const size = sizeOfWorld(view.zoom)
  const halfX = ((0.5 + margin) * width) / size
  const halfY = ((0.5 + margin) * height) / size
  const x = worldX(view.lng)
  const y = worldY(view.lat)
  const wraps = halfX >= 0.5
  return {
    west: wraps ? -180 : limited({ ...view, lng: lngAt(x - halfX) }).lng,
    east: wraps ? 180 : limited({ ...view, lng: lngAt(x + halfX) }).lng,
    south: Math.max(-latMax, latAt(Math.min(1, y + halfY))),
    north: Math.min(latMax, latAt(Math.max(0, y - halfY))),
  }
}

/** Metres from the middle of a view to its nearer edge. */
export function radiusOf({ lat, zoom }: View, { width, height }: Size): number {
  const metersPerPixel = (40_075_017 * Math.cos((lat * Math.PI) / 180)) / sizeOfWorld(zoom)
  return (metersPerPixel * Math.min(width, height)) / 2
}
