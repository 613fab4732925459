// Count keys: where and as what a merchant is counted. Counts are stored by spot, place and profile, so that
// the count for any filter is a sum.

import { hash } from 'node:crypto'
import type { Brand } from '../../schema/values/id.ts'
import {
  fineHexagonAt,
  hexagonAround,
  hexagonId,
  placeInRegion,
  regionResolution,
  type Hexagon,
} from './hexagon.ts'
import type { Merchant } from './merchant.ts'
import { fold } from './search-words.ts'

/** All that a merchant is counted by, except its city and its place on the map. Lists are sorted. */
export type Profile = Pick<
  Merchant,
  'country' | 'acquirer' | 'currency' | 'mcc' | 'scenario' | 'online' | 'status' | 'entryModes' | 'qrProducts'
> & {
  /** The common words of its names; left out without any. See `common-words.ts`. */
  readonly commonWords?: readonly string[]
}

/** A place takes six bits of a count. */
export const placeBits = 6
/** Places of a spot. */
export const placesMax = 1 << placeBits

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

/** `commonWords` are those of its names. */
export function countKeyOf(merchant: Merchant, commonWords: readonly string[] = []): CountKey {
  const fine = merchant.location && fineHexagonAt(merchant.location)
  return {
    spot: spotOf(merchant, fine, cityKey(merchant.country, merchant.city)),
    place: fine === null ? 0 : placeInRegion(fine),
    profile: profileKey(profileOf(merchant, commonWords)),
  }
}

function spotOf({ country, city }: Merchant, fine: Hexagon | null, cityText: string): SpotHead {
  const region = fine === null ? null : hexagonId(hexagonAround(fine, regionResolution), regionResolution)
  return { id: `${cityText}|${region ?? ''}` as SpotId, country, city, region }
}

/** Computes count keys as `countKeyOf`, and caches what many merchants of an import share. */
export class CountKeys {
  /** The profiles of all keys so far. */
  readonly profiles = new Map<ProfileKey, Profile>()
  readonly #profileKeys = new Map<string, ProfileKey>()
  /** By country, city and region. */
  readonly #spots = new Map<string, Map<string, Map<Hexagon | null, SpotHead>>>()

  of(merchant: Merchant, commonWords: readonly string[]): CountKey {
    const { country, city, location } = merchant
    const fine = location && fineHexagonAt(location)
    const region = fine && hexagonAround(fine, regionResolution)
    const inCountry = memberOf(this.#spots, country)
    const inCity = memberOf(inCountry, city)
    let spot = inCity.get(region)
    if (!spot) inCity.set(region, (spot = spotOf(merchant, fine, cityKey(country, city))))
    return {
      spot,
      place: fine === null ? 0 : placeInRegion(fine),
      profile: this.#keyOf(merchant, commonWords),
    }
  }

  #keyOf(merchant: Merchant, commonWords: readonly string[]): ProfileKey {
    const { country, acquirer, currency, mcc, scenario, online, status, entryModes, qrProducts } = merchant
    const text = `${country}|${acquirer}|${currency}|${mcc}|${scenario}|${online}|${status}|${entryModes.join()}|${qrProducts.join()}|${commonWords.join()}`
    let key = this.#profileKeys.get(text)
    if (key === undefined) {
      const profile = profileOf(merchant, commonWords)
      this.#profileKeys.set(text, (key = profileKey(profile)))
      this.profiles.set(key, profile)
    }
    return key
  }
}

/** The map at `key`, which is added when it is missing. */
function memberOf<Key, Value>(maps: Map<string, Map<Key, Value>>, key: string): Map<Key, Value> {
  let member = maps.get(key)
  if (!member) maps.set(key, (member = new Map()))
  return member
}

export const profileOf = (merchant: Profile, commonWords: readonly string[] = []): Profile => ({
  country: merchant.country,
  acquirer: merchant.acquirer,
  currency: merchant.currency,
  mcc: merchant.mcc,
  scenario: merchant.scenario,
  online: merchant.online,
  status: merchant.status,
  entryModes: merchant.entryModes.toSorted(),
  qrProducts: merchant.qrProducts.toSorted(),
  ...(commonWords.length > 0 && { commonWords: commonWords.toSorted() }),
})

/** A hash of the profile, so that all processes use the same key without coordination. */
export const profileKey = (profile: Profile): ProfileKey =>
  hash('sha256', JSON.stringify(profile), 'base64url').slice(0, 12) as ProfileKey

/** The field of a count in its spot: two digits of place, then the profile. */
export const entryOf = (place: number, profile: ProfileKey): string =>
  `${String(place).padStart(2, '0')}${profile}`

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
