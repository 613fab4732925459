// Merchants by distance, a page at a time.

import { BSON, type Collection, type Filter } from 'mongodb'
import type { MerchantId } from '../../schema/values/id.ts'
import type { Merchant } from './merchant.ts'
import { earthRadiusMeters, metersBetween, type Point } from './point.ts'
import { readLocated } from './spot-bytes.ts'
import { merchantFields, merchantOf, type StoredMerchant } from './stored-merchant.ts'

/** WGS 84 degrees and metres. */
export interface Circle extends Point {
  readonly radiusMeters: number
}

/** The sort key of a list by distance. */
export interface NearKey {
  readonly id: MerchantId
  /** Distance along the surface of a sphere with a radius of 6,378.1 km. */
  readonly meters: number
}

export interface NearRow extends NearKey {
  readonly merchant: Merchant
}

/**
 * Returns merchants by distance, then by id, after `after`, at most `size`. `density` is a guess how many of
 * them there are in a square metre around the point; 0 without one.
 *
 * MongoDB lists by distance in rings, and reads some five merchants for each that it returns. A first page
 * is read as one small circle, where the guess is good. MongoDB gives neither the distance nor an order among
 * equal ones, so the distance is computed here. Both computations agree to well within a millimetre: a page
 * is exact once everything was read that is at most a millimetre beyond its end.
 */
export async function nearest(
  collection: Collection<StoredMerchant>,
  circle: Circle,
  filter: Filter<StoredMerchant>,
  after: NearKey | null,
  size: number,
  density: number,
): Promise<NearRow[]> {
  const read: ReadNear = async (location, limit) => {
    const found = collection.find({ ...filter, location }, { projection: merchantFields, raw: true })
    const bytesOfEach = (await found.limit(limit).toArray()) as unknown as Buffer[]
    const rows = bytesOfEach.map((bytes) => {
      const { id, ...point } = readLocated(bytes)
      return { id, meters: metersBetween(circle, point), bytes }
    })
    return { rows: rows.toSorted(compareNear), isWhole: rows.length < limit }
  }
  const first = after === null ? await readSmallCircle(read, circle, size, density) : null
  const page = first ?? (await readRings(read, circle, after, size))
  // Only what is on the page is decoded.
  return page.map(({ bytes, ...key }) => {
    return { ...key, merchant: merchantOf(BSON.deserialize(bytes) as StoredMerchant) }
  })
}

interface FoundNear extends NearKey {
  /** The document. */
  readonly bytes: Buffer
}

/** Reads at most `limit` merchants at such locations; `isWhole` when these are all. */
type ReadNear = (
  location: Filter<StoredMerchant>['location'],
  limit: number,
) => Promise<{ readonly rows: readonly FoundNear[]; readonly isWhole: boolean }>

const triesMax = 3
/** A guess is of one hexagon: for a much larger circle it is worth little. */
const guessedReachMax = 1_000

/** Null when none of the circles that are tried has a page without much more than that. */
async function readSmallCircle(
  read: ReadNear,
  { lat, lng, radiusMeters }: Circle,
  size: number,
  density: number,
): Promise<FoundNear[] | null> {
  const wanted = 2 * size + 8
  let reach = Math.sqrt(wanted / (density * Math.PI))
  for (let tries = 0; tries < triesMax && reach < guessedReachMax; tries++) {
    const meters = Math.min(reach, radiusMeters)
    const $centerSphere = [[lng, lat], (meters + slackMeters) / earthRadiusMeters]
    const { rows, isWhole } = await read({ $geoWithin: { $centerSphere } }, 5 * wanted)
    const page = rows.filter((row) => row.meters <= meters).slice(0, size)
    if (isWhole && (page.length === size || meters === radiusMeters)) return page
    reach = meters * Math.sqrt(wanted / Math.max(rows.length, wanted / 16))
  }
  return null
}

async function readRings(
  read: ReadNear,
  { lat, lng, radiusMeters }: Circle,
  after: NearKey | null,
  size: number,
): Promise<FoundNear[]> {
  const $nearSphere = {
    $geometry: { type: 'Point', coordinates: [lng, lat] },
    $minDistance: Math.max(0, (after?.meters ?? 0) - slackMeters),
    $maxDistance: radiusMeters + slackMeters,
  }
  for (let limit = size + 8; ; limit *= 10) {
    const { rows, isWhole } = await read({ $nearSphere }, limit)
    const page = rows
      .filter((row) => row.meters <= radiusMeters && (!after || compareNear(row, after) > 0))
      .slice(0, size)
    const isExact = page.length === size && page.at(-1)!.meters < rows.at(-1)!.meters - slackMeters
    if (isWhole || isExact) return page
  }
}

const slackMeters = 0.001

const compareNear = (a: NearKey, b: NearKey): number =>
  a.meters - b.meters || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
