// What a merchant counts as, and where. Counts are kept per spot and profile, so that any filter is a sum over them.

import { hash } from 'node:crypto'
import { fineHexagonAt, hexagonAround, hexagonId, placeInRegion, regionResolution } from './hexagon.ts'
import type { Merchant } from './merchant.ts'
import { fold } from './search-words.ts'

/** All that a merchant can be counted by, except its city and its place on the map. Lists are in order. */
export type Profile = Pick<
  Merchant,
  'country' | 'acquirer' | 'currency' | 'mcc' | 'scenario' | 'online' | 'status' | 'entryModes' | 'qrProducts'
>

/** Part of a city: its merchants in one region of the map, or those without a location. */
export interface SpotHead {
  /** Country, city and region. */
  readonly id: string
  readonly country: string
  readonly city: string
  /** H3 index; null for merchants without a location. */
  readonly region: string | null
}

/** Where and as what one merchant is counted. */
export interface CountKey {
  readonly spot: SpotHead
  /** Which hexagon of the region, 0–63. */
  readonly place: number
  /** Key of the profile. */
  readonly profile: string
}

/** What is to be added to the counts of one spot, by entry. */
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
    spot: { id: `${cityKey(country, city)}|${region ?? ''}`, country, city, region },
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

/** Made of the profile itself, so that processes agree on it without asking each other: 72 bits of its SHA-256. */
export const profileKey = (profile: Profile): string =>
  hash('sha256', JSON.stringify(profile), 'base64url').slice(0, 12)

/** Where a count stands in its spot: two digits of place, then the profile. */
const entryOf = (place: number, profile: string): string => `${String(place).padStart(2, '0')}${profile}`

export const splitEntry = (entry: string): { place: number; profile: string } => ({
  place: Number(entry.slice(0, 2)),
  profile: entry.slice(2),
})

/** Adds `by` for one merchant to what is to change. */
export function count(
  changes: Map<string, SpotChange>,
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
