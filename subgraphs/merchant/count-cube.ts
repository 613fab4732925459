// The count cube: the counts of merchants by spot, place and profile, in memory. No MongoDB, no GraphQL.
//
// A spot is part of a city. It has a count for each profile (all that a merchant is counted by) in each of
// its hexagons, in 8 bytes. So a filter selects profiles and cities, and every answer is a sum over arrays of
// integers. Sums by terms, of which there are few, answer most questions without the counts themselves.

import type { ParticipantId, QrProductId } from '../../schema/values/id.ts'
import type { CommonWords } from './common-words.ts'
import { cityKey, type Profile, type ProfileKey, type SpotHead, type SpotId } from './count-key.ts'
import { bitsOf, middleOf, regionResolution, type Hexagon } from './hexagon.ts'
import type { QrProduct } from './merchant.ts'
import type { Point } from './point.ts'
import { fold } from './search-words.ts'

/** A spot as MongoDB stores it. */
export interface SpotRecord extends SpotHead {
  /** Increases with every change. */
  readonly version: number
  /** Time of the last change. */
  readonly at: Date
  /** Merchants by entry: two digits of the place, then the profile. */
  readonly counts: Readonly<Record<string, number>>
}

/** How many merchants have `profile` at `place` of a spot. */
export interface FoundCount {
  readonly spot: SpotId
  readonly place: number
  readonly profile: ProfileKey
  readonly merchants: number
}

/** Places of a spot. */
export const placesMax = 64

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
  readonly terms: Terms[] = []
  /** Numbers of the terms of each country. */
  readonly termsByCountry = new Map<string, number[]>()
  /** Merchants of each profile, in all spots. */
  readonly totals: number[] = []
  /** Merchants of each terms, in all spots. */
  readonly termsTotals: number[] = []
  readonly cities: City[] = []
  readonly spots = new Map<SpotId, Spot>()
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
    const spot = this.#spotOf(record, previous?.middle)
    if (previous) this.#addTotals(previous, -1)
    this.#addTotals(spot, 1)
    this.spots.set(record.id, spot)
    if (this.spots.size === 1 || record.at > this.asOf) this.asOf = record.at
    this.version++
  }

  /**
   * Spots with the given counts in place of their own. Counts of spots or profiles that the cube lacks are
   * dropped.
   */
  spotsFrom(found: Iterable<FoundCount>): Spot[] {
    const countsOf = new Map<Spot, number[]>()
    for (const { spot: id, place, profile, merchants } of found) {
      const spot = this.spots.get(id)
      const number = this.#profileNumbers.get(profile)
      if (!spot || number === undefined) continue
      const counts = countsOf.get(spot)
      if (counts) counts.push(number * placesMax + place, merchants)
      else countsOf.set(spot, [number * placesMax + place, merchants])
    }
    return Array.from(countsOf, ([spot, counts]) => ({ ...spot, ...this.#sums(Uint32Array.from(counts)) }))
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

  #spotOf(record: Parameters<CountCube['put']>[0], middle: Point | null | undefined): Spot {
    const { country, city, region: id, version, counts } = record
    const region = id === null ? null : bitsOf(id)
    return {
      city: this.#cityOf(country, city),
      region,
      middle: middle ?? (region === null ? null : middleOf(region, regionResolution)),
      version,
      ...this.#sums(counts),
    }
  }

  #sums(counts: Uint32Array): Pick<Spot, 'counts' | 'byTerms'> {
    const sums = new Map<number, number>()
    for (let at = 0; at < counts.length; at += 2) {
      const terms = this.termsOf[Math.floor(counts[at]! / placesMax)]!
      sums.set(terms, (sums.get(terms) ?? 0) + counts[at + 1]!)
    }
    const byTerms = new Uint32Array(2 * sums.size)
    let at = 0
    for (const [terms, merchants] of sums) {
      byTerms[at++] = terms
      byTerms[at++] = merchants
    }
    return { counts, byTerms }
  }

  #cityOf(country: string, name: string): number {
    const add = () => this.cities.push({ country, name, folded: fold(name) })
    const number = numberOf(this.#cityNumbers, cityKey(country, name), add)
    const city = this.cities[number]!
    if (name < city.name) this.cities[number] = { ...city, name }
    return number
  }

  #addTotals({ counts, byTerms }: Spot, sign: 1 | -1): void {
    for (let at = 0; at < counts.length; at += 2) {
      this.totals[Math.floor(counts[at]! / placesMax)]! += sign * counts[at + 1]!
    }
    for (let at = 0; at < byTerms.length; at += 2) this.termsTotals[byTerms[at]!]! += sign * byTerms[at + 1]!
  }
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
