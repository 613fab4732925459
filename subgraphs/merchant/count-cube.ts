// The count cube: the counts of merchants by spot, place and profile, in memory. No MongoDB, no GraphQL.
//
// A spot is part of a city. It has a count for each profile (all that a merchant is counted by) in each of
// its hexagons, in 8 bytes. So a filter selects profiles and cities, and every answer is a sum over arrays of
// integers. Each profile also has its sums by city, and so have terms, of which there are few: sums over
// many cities read these, and only maps and few cities read the spots.

import type { ParticipantId, QrProductId } from '../../schema/values/id.ts'
import { atOnce, type Steps } from '../platform/async/slices.ts'
import { CityCounts } from './city-counts.ts'
import type { CommonWords } from './common-words.ts'
import {
  cityKey,
  placeBits,
  placesMax,
  type Profile,
  type ProfileKey,
  type SpotHead,
  type SpotId,
} from './count-key.ts'
import {
  bitsOf,
  fineHexagonAt,
  fineSquareMeters,
  hexagonAround,
  middleOf,
  placeInRegion,
  regionReachMeters,
  regionResolution,
  type Hexagon,
} from './hexagon.ts'
import type { QrProduct } from './merchant.ts'
import { areWithin, type Point } from './point.ts'
import { fold } from './search-words.ts'
import { readFoundKey } from './spot-bytes.ts'

/** A spot as MongoDB stores it. */
export interface SpotRecord extends SpotHead {
  /** Increases with every change. */
  readonly version: number
  /** Time of the last change. */
  readonly at: Date
  /** Merchants by entry: two digits of the place, then the profile. */
  readonly counts: Readonly<Record<string, number>>
}

/**
 * Merchants that a search has found, two numbers for each: the number of its spot in the cube; and as in
 * `Spot.counts`, its profile and place.
 */
export type FoundMerchants = Uint32Array

/** A spot in the cube. Never changes: a new version replaces it. */
export interface Spot {
  /** The number of the city in the cube. */
  readonly city: number
  readonly region: Hexagon | null
  readonly middle: Point | null
  readonly version: number
  /** Two numbers for each count: the number of the profile times 64, plus the place; and merchants. */
  readonly counts: Uint32Array
  /** Two numbers for each of its terms: the number of the terms, and merchants. */
  readonly byTerms: Uint32Array
}

export interface City {
  readonly country: string
  /** Of the spellings in the data, the first in order. */
  readonly name: string
  readonly folded: string
}

/** What decides which wallets can pay. Many profiles have the same terms. */
export type Terms = Pick<Profile, 'country' | 'currency' | 'acquirer' | 'entryModes' | 'status'>

/** Merchants with the same key can be paid by the same wallets. */
export const termsKey = ({ country, currency, acquirer, entryModes, status }: Terms): string =>
  [country, currency, acquirer, status, ...entryModes.toSorted()].join('|')

/** Profiles, terms and cities are numbered from 0, in the order in which they are added. */
export class CountCube {
  readonly profiles: Profile[] = []
  /** The key of each profile. */
  readonly keys: ProfileKey[] = []
  /** The number of each profile's terms. */
  readonly termsOf: number[] = []
  /** By what sums are divided. */
  readonly dimensions: Readonly<Record<DimensionName, Dimension>> = {
    COUNTRY: new Dimension(({ country }) => [country]),
    MCC: new Dimension(({ mcc }) => [mcc]),
    SCENARIO: new Dimension(({ scenario }) => [scenario]),
    QR_PRODUCT: new Dimension(({ qrProducts }) => qrProducts),
    ONLINE: new Dimension(({ online }) => (online ? ['ONLINE'] : [])),
  }
  readonly terms: Terms[] = []
  /** Numbers of the terms of each country. */
  readonly termsByCountry = new Map<string, number[]>()
  /** Merchants of each profile, in all spots. */
  readonly totals: number[] = []
  /** Merchants of each terms, in all spots. */
  readonly termsTotals: number[] = []
  readonly cities: City[] = []
  readonly spots = new Map<SpotId, Spot>()
  readonly #spotNumbers = new Map<SpotId, number>()
  readonly #spotIds: SpotId[] = []
  /** The number of the city of each spot, by number of the spot. */
  readonly cityOfSpot: number[] = []
  /** By id, in order of id. */
  products: ReadonlyMap<QrProductId, QrProduct> = new Map()
  /** Increases with every change, so that answers can be memoized until then. */
  version = 0
  /** Time of the last change of a count. */
  asOf: Date

  readonly #profileNumbers = new Map<ProfileKey, number>()
  readonly #termsNumbers = new Map<string, number>()
  readonly #cityNumbers = new Map<string, number>()
  readonly #texts = new SharedTexts()
  /** The spots of each city. */
  readonly #spotsOfCity: SpotId[][] = []
  readonly #spotsOfRegion = new Map<Hexagon, readonly SpotId[]>()
  #citySums: CitySums | null = null

  /** Words of names that are part of the profiles. */
  readonly commonWords: CommonWords

  constructor(loadedAt: Date, commonWords: CommonWords = new Set()) {
    this.asOf = loadedAt
    this.commonWords = commonWords
  }

  /** The merchants of one acquirer, whatever their status. */
  merchantsOf(acquirer: ParticipantId): number {
    return this.profiles.reduce((sum, each, n) => sum + (each.acquirer === acquirer ? this.totals[n]! : 0), 0)
  }

  hasProfile(profile: ProfileKey): boolean {
    return this.#profileNumbers.has(profile)
  }

  addProfile(key: ProfileKey, profile: Profile): void {
    if (this.hasProfile(key)) return
    this.#profileNumbers.set(key, this.profiles.length)
    this.profiles.push(this.#texts.shareIn(profile))
    this.keys.push(key)
    for (const dimension of Object.values(this.dimensions)) dimension.add(profile)
    this.totals.push(0)
    this.termsOf.push(numberOf(this.#termsNumbers, termsKey(profile), () => this.#addTerms(profile)))
  }

  /**
   * Replaces a spot, unless the cube has a later version of it. `counts` are as in `Spot`; the cube has their
   * profiles.
   */
  put(record: Omit<SpotRecord, 'counts'> & { readonly counts: Uint32Array }): void {
    const previous = this.spots.get(record.id)
    if (previous && previous.version >= record.version) return
    const city = this.#cityOf(record.country, record.city)
    const place = previous ?? placeOf(record)
    if (!previous) {
      this.#spotNumbers.set(record.id, this.#spotIds.push(record.id) - 1)
      this.cityOfSpot.push(city)
      this.#spotsOfCity[city]!.push(record.id)
      const { region } = place
      if (region !== null) this.#spotsOfRegion.set(region, [...this.#spotsIn(region), record.id])
    }
    const changes = changesOf(previous?.counts ?? none, record.counts)
    this.spots.set(record.id, {
      city,
      region: place.region,
      middle: place.middle,
      version: record.version,
      counts: record.counts,
      byTerms: this.#byTerms(previous?.byTerms ?? none, changes),
    })
    this.#change(city, changes)
    if (this.spots.size === 1 || record.at > this.asOf) this.asOf = record.at
    this.version++
  }

  /** The spots of the cities for which `isSelected` returns true. */
  spotsOf(isSelected: (city: number) => boolean): Spot[] {
    return this.#spotsOfCity.flatMap((ids, city) =>
      isSelected(city) ? ids.map((id) => this.spots.get(id)!) : [],
    )
  }

  /**
   * Merchants with selected profiles in a square metre around a point, as if those of its hexagon were spread
   * evenly: a guess. Null when none is within `meters`: then no spot that is at most that far has one.
   * `selected` has a flag per profile.
   */
  guessDensity(point: Point, meters: number, selected: Uint8Array): number | null {
    const fine = fineHexagonAt(point)
    const place = placeInRegion(fine)
    let merchants = 0
    for (const id of this.#spotsIn(hexagonAround(fine, regionResolution))) {
      const { counts } = this.spots.get(id)!
      for (let at = 0; at < counts.length; at += 2) {
        const key = counts[at]!
        if ((key & (placesMax - 1)) === place && selected[key >>> placeBits]) merchants += counts[at + 1]!
      }
    }
    return merchants > 0 || this.#hasNear(point, meters, selected) ? merchants / fineSquareMeters : null
  }

  #spotsIn(region: Hexagon): readonly SpotId[] {
    return this.#spotsOfRegion.get(region) ?? []
  }

  #hasNear(point: Point, meters: number, selected: Uint8Array): boolean {
    for (const { middle, counts } of this.spots.values()) {
      if (!middle || !areWithin(point, middle, meters + regionReachMeters)) continue
      for (let at = 0; at < counts.length; at += 2) if (selected[counts[at]! >>> placeBits]) return true
    }
    return false
  }

  /** The sums by city of profiles and of terms; computed at the first use, and kept current since then. */
  get citySums(): CitySums {
    return (this.#citySums ??= atOnce(this.#sumByCity()))
  }

  /** Computes `citySums` in steps. The cube must not change meanwhile. */
  *prepareCitySums(): Steps<void> {
    this.#citySums ??= yield* this.#sumByCity()
  }

  /** Merchants of spots or profiles that the cube lacks are dropped. */
  *findIn(rows: Iterable<Buffer>): Steps<FoundMerchants> {
    const found: number[] = []
    for (const row of rows) {
      const { spot, place, profile } = readFoundKey(row)
      const spotNumber = this.#spotNumbers.get(spot)
      const number = this.#profileNumbers.get(profile)
      if (spotNumber !== undefined && number !== undefined) found.push(spotNumber, number * placesMax + place)
      yield
    }
    return Uint32Array.from(found)
  }

  /** Spots that have the found merchants alone. */
  *spotsFrom(found: FoundMerchants): Steps<Spot[]> {
    const sorted = new Float64Array(found.length / 2)
    for (let n = 0; n < sorted.length; n++) sorted[n] = found[2 * n]! * 2 ** 32 + found[2 * n + 1]!
    sorted.sort()
    yield
    const spots: Spot[] = []
    for (let at = 0; at < sorted.length;) {
      const number = Math.floor(sorted[at]! / 2 ** 32)
      const counts: number[] = []
      for (; Math.floor(sorted[at]! / 2 ** 32) === number; at++) {
        const key = sorted[at]! % 2 ** 32
        if (counts.at(-2) === key) counts[counts.length - 1]! += 1
        else counts.push(key, 1)
      }
      spots.push({
        ...this.spots.get(this.#spotIds[number]!)!,
        counts: Uint32Array.from(counts),
        byTerms: this.#byTerms(none, counts),
      })
      yield
    }
    return spots
  }

  numberOfProfile(profile: ProfileKey): number | undefined {
    return this.#profileNumbers.get(profile)
  }

  #addTerms(terms: Terms): number {
    const count = this.terms.push(terms)
    this.termsTotals.push(0)
    const ofCountry = this.termsByCountry.get(terms.country)
    if (ofCountry) ofCountry.push(count - 1)
    else this.termsByCountry.set(terms.country, [count - 1])
    return count
  }

  /** Adds `changes`, which are as counts of a spot, to sums by terms. */
  #byTerms(before: Uint32Array, changes: ArrayLike<number>): Uint32Array {
    const sums = new Map<number, number>()
    for (let at = 0; at < before.length; at += 2) sums.set(before[at]!, before[at + 1]!)
    for (let at = 0; at < changes.length; at += 2) {
      const terms = this.termsOf[changes[at]! >>> placeBits]!
      sums.set(terms, (sums.get(terms) ?? 0) + changes[at + 1]!)
    }
    return Uint32Array.from([...sums].flat())
  }

  #cityOf(country: string, name: string): number {
    const add = () => {
      this.#spotsOfCity.push([])
      return this.cities.push({ country, name, folded: fold(name) })
    }
    const number = numberOf(this.#cityNumbers, cityKey(country, name), add)
    const city = this.cities[number]!
    if (name < city.name) this.cities[number] = { ...city, name }
    return number
  }

  /** `changes` are as counts of a spot. */
  #change(city: number, changes: ArrayLike<number>): void {
    for (let at = 0; at < changes.length; at += 2) {
      const profile = changes[at]! >>> placeBits
      const terms = this.termsOf[profile]!
      const by = changes[at + 1]!
      this.totals[profile]! += by
      this.termsTotals[terms]! += by
      this.#citySums?.byProfile.add(profile, city, by)
      this.#citySums?.byTerms.add(terms, city, by)
    }
  }

  *#sumByCity(): Steps<CitySums> {
    const ofCity = (field: 'counts' | 'byTerms') => (city: number) =>
      this.#spotsOfCity[city]!.map((id) => this.spots.get(id)![field])
    const cities = this.cities.length
    return {
      byProfile: yield* CityCounts.sum(this.profiles.length, placeBits, cities, ofCity('counts')),
      byTerms: yield* CityCounts.sum(this.terms.length, 0, cities, ofCity('byTerms')),
    }
  }
}

const none = new Uint32Array()

const placeOf = ({ region: id }: SpotHead): Pick<Spot, 'region' | 'middle'> => {
  const region = id === null ? null : bitsOf(id)
  return { region, middle: region === null ? null : middleOf(region, regionResolution) }
}

/**
 * What `after` adds to `before`: as counts, with negative numbers. Most counts are the same at the same
 * index.
 */
function changesOf(before: Uint32Array, after: Uint32Array): ArrayLike<number> {
  if (before.length === 0) return after
  const isSame = (a: number, b: number) => before[a] === after[b] && before[a + 1] === after[b + 1]
  const length = Math.min(before.length, after.length)
  let from = 0
  while (from < length && isSame(from, from)) from += 2
  let rest = 0
  while (rest < length - from && isSame(before.length - rest - 2, after.length - rest - 2)) rest += 2
  const negated = before.subarray(from, before.length - rest)
  return [
    ...Array.from(negated, (value, at) => (at % 2 === 0 ? value : -value)),
    ...after.subarray(from, after.length - rest),
  ]
}

type DimensionName = 'COUNTRY' | 'MCC' | 'SCENARIO' | 'QR_PRODUCT' | 'ONLINE'

/** The keys of each profile in one dimension. Many profiles have the same. */
class Dimension {
  readonly #keysOf: (profile: Profile) => readonly string[]
  readonly #numbers = new Map<string, number>()
  readonly #keys: (readonly string[])[] = []
  readonly #numberOf: number[] = []

  constructor(keysOf: (profile: Profile) => readonly string[]) {
    this.#keysOf = keysOf
  }

  /** Adds the next profile. */
  add(profile: Profile): void {
    const keys = this.#keysOf(profile)
    this.#numberOf.push(numberOf(this.#numbers, keys.join('|'), () => this.#keys.push(keys)))
  }

  /** Sums by key what there is by number of the profile; keys without any are left out. */
  sumsOf(byProfile: Uint32Array): Map<string, number> {
    const byNumber = new Float64Array(this.#keys.length)
    for (let n = 0; n < byProfile.length; n++) byNumber[this.#numberOf[n]!]! += byProfile[n]!
    const sums = new Map<string, number>()
    byNumber.forEach((merchants, n) => {
      if (merchants === 0) return
      for (const key of this.#keys[n]!) sums.set(key, (sums.get(key) ?? 0) + merchants)
    })
    return sums
  }
}

export interface CitySums {
  readonly byProfile: CityCounts
  readonly byTerms: CityCounts
}

/**
 * Tens of thousands of profiles have some hundred texts and lists in common. As they are read from MongoDB,
 * each would have its own.
 */
class SharedTexts {
  readonly #texts = new Map<string, string>()
  readonly #lists = new Map<string, readonly string[]>()

  shareIn(profile: Profile): Profile {
    const text = <Text extends string>(value: Text) => sharedIn(this.#texts, value, value) as Text
    const list = <Text extends string>(values: readonly Text[]) =>
      sharedIn(this.#lists, values.join('|'), values) as readonly Text[]
    const { country, acquirer, currency, mcc, scenario, online, status, entryModes, qrProducts } = profile
    return {
      country: text(country),
      acquirer: text(acquirer),
      currency: text(currency),
      mcc: text(mcc),
      scenario: text(scenario),
      online,
      status: text(status),
      entryModes: list(entryModes),
      qrProducts: list(qrProducts),
      ...(profile.commonWords && { commonWords: list(profile.commonWords) }),
    }
  }
}

function sharedIn<Value>(known: Map<string, Value>, key: string, value: Value): Value {
  const shared = known.get(key)
  if (shared !== undefined) return shared
  known.set(key, value)
  return value
}

/** The number of `key`. A new key is added by `add`, which returns how many there are then. */
function numberOf<Key>(numbers: Map<Key, number>, key: Key, add: () => number): number {
  let number = numbers.get(key)
  if (number === undefined) numbers.set(key, (number = add() - 1))
  return number
}
