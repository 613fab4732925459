// Merchants by distance, a page at a time.

import type { Collection, Filter } from 'mongodb'
import type { MerchantId } from '../../schema/values/id.ts'
import type { Merchant } from './merchant.ts'
import { metersBetween, type Point } from './point.ts'
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
 * Returns merchants by distance, then by id, after `after`, at most `size`.
 *
 * MongoDB returns merchants by distance, but neither the distance nor an order among equal ones, so the
 * distance is computed here. Both computations agree to well within a millimetre: a page is exact once a
 * merchant was read that is at least a millimetre beyond its end.
 */
export async function nearest(
  collection: Collection<StoredMerchant>,
  circle: Circle,
  filter: Filter<StoredMerchant>,
  after: NearKey | null,
  size: number,
): Promise<NearRow[]> {
  const $nearSphere = {
    $geometry: { type: 'Point', coordinates: [circle.lng, circle.lat] },
    $minDistance: Math.max(0, (after?.meters ?? 0) - slackMeters),
    $maxDistance: circle.radiusMeters,
  }
  for (let limit = size + 8; ; limit *= 10) {
    const found = await collection
      .find({ ...filter, location: { $nearSphere } }, { projection: merchantFields })
      .limit(limit)
      .toArray()
    const rows = found.map((stored) => {
      const merchant = merchantOf(stored)
      return { merchant, id: merchant.id, meters: metersBetween(circle, merchant.location!) }
    })
    const page = rows
      .filter((row) => !after || compareNear(row, after) > 0)
      .toSorted(compareNear)
      .slice(0, size)
    const isComplete = rows.length < limit
    const isExact = page.length === size && page.at(-1)!.meters < rows.at(-1)!.meters - slackMeters
    if (isComplete || isExact) return page
  }
}

const slackMeters = 0.001

const compareNear = (a: NearKey, b: NearKey): number =>
  a.meters - b.meters || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
