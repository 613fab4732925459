// Count keys: where and as what a merchant is counted. Counts are stored by spot, place and profile, so that
// the count for any filter is a sum.

import { hash } from 'node:crypto'
import type { Brand } from '../../schema/values/id.ts'
import { fineHexagonAt, hexagonAround, hexagonId, placeInRegion, regionResolution } from './hexagon.ts'
import type { Merchant } from './merchant.ts'
import { fold } from './search-words.ts'

/** All that a merchant is counted by, except its city and its place on the map. Lists are sorted. */
export type Profile = Pick<
  Merchant,
  'country' | 'acquirer' | 'currency' | 'mcc' | 'scenario' | 'online' | 'status' | 'entryModes' | 'qrProducts'
>

/** 72 bits of a hash of the profile, in base64url. */
export type ProfileKey = Brand<string, 'ProfileKey'>

/** Country, folded city and region, separated by "|". */
export type SpotId = Brand<string, 'SpotId'>

/** Part of a city: its merchants in one region of the map, or those without a location. */
export interface SpotHead {
  readonly id: SpotId
  readonly country: string
  readonly city: string
  /** H3 index; null for merchants without a location. */
  readonly region: string | null
}

export interface CountKey {
  readonly spot: SpotHead
  /** Hexagon of the region, 0–63; 0 without a location. */
  readonly place: number
  readonly profile: ProfileKey
}

/** Changes of the counts of one spot, by entry. */
export interface SpotChange {
  readonly spot: SpotHead
  readonly counts: Map<string, number>
}

/** City names that differ in case or accents are one city. */
export const cityKey = (country: string, city: string): string => `${country}|${fold(city)}`

export function countKeyOf(merchant: Merchant): CountKey {
  const { country, city, location } = merchant
  const fine = location && fineHexagonAt(location)
  const region = fine === null ? null : hexagonId(hexagonAround(fine, regionResolution), regionResolution)
  return {
    spot: { id: `${cityKey(country, city)}|${region ?? ''}` as SpotId, country, city, region },
    place: fine === null ? 0 : placeInRegion(fine),
    profile: profileKey(profileOf(merchant)),
  }
}

export const profileOf = (merchant: Profile): Profile => ({
  country: merchant.country,
  acquirer: merchant.acquirer,
  currency: merchant.currency,
  mcc: merchant.mcc,
  scenario: merchant.scenario,
  online: merchant.online,
  status: merchant.status,
  entryModes: merchant.entryModes.toSorted(),
  qrProducts: merchant.qrProducts.toSorted(),
})

/** A hash of the profile, so that all processes use the same key without coordination. */
export const profileKey = (profile: Profile): ProfileKey =>
  hash('sha256', JSON.stringify(profile), 'base64url').slice(0, 12) as ProfileKey

/** The field of a count in its spot: two digits of place, then the profile. */
const entryOf = (place: number, profile: ProfileKey): string => `${String(place).padStart(2, '0')}${profile}`

export const splitEntry = (entry: string): { place: number; profile: ProfileKey } => ({
  place: Number(entry.slice(0, 2)),
  profile: entry.slice(2) as ProfileKey,
})

/** Adds one merchant to `changes`, or removes one. */
export function addChange(
  changes: Map<SpotId, SpotChange>,
  { spot, place, profile }: CountKey,
  by: 1 | -1,
): void {
  let change = changes.get(spot.id)
  if (!change) changes.set(spot.id, (change = { spot, counts: new Map() }))
  const entry = entryOf(place, profile)
  const sum = (change.counts.get(entry) ?? 0) + by
  if (sum === 0) change.counts.delete(entry)
  else change.counts.set(entry, sum)
}
