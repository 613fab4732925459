// The land of the world as one path, in the square of side 1 that `mercator.ts` describes. No borders.

import { geoMercator, geoPath } from 'd3-geo'
import { feature } from 'topojson-client'
import type { Topology } from 'topojson-specification'
import coarse from 'world-atlas/land-110m.json?url'
import fine from 'world-atlas/land-50m.json?url'

const files = { coarse, fine }
const loading = new Map<string, Promise<Path2D>>()

/** Loads the land, for views of the world or of a region. */
export function loadLand(detail: keyof typeof files): Promise<Path2D> {
  let path = loading.get(detail)
  if (!path) {
    path = read(files[detail])
    loading.set(detail, path)
    path.catch(() => loading.delete(detail))
  }
  return path
}

export async function readLand(
  detail: keyof typeof files,
): Promise<GeoJSON.FeatureCollection | GeoJSON.Feature> {
  const topology = (await (await fetch(files[detail])).json()) as Topology
  return feature(topology, topology.objects.land!)
}

async function read(file: string): Promise<Path2D> {
  const topology = (await (await fetch(file)).json()) as Topology
  const projection = geoMercator()
    .scale(1 / (2 * Math.PI))
    .translate([0.5, 0.5])
  const path = new Path2D()
  geoPath(projection, path as unknown as CanvasRenderingContext2D)(feature(topology, topology.objects.land!))
  return path
}
