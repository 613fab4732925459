// The count cube: the counts of merchants by spot, place and profile, in memory. No MongoDB, no GraphQL.
//
// A spot is part of a city. It has a count for each profile (all that a merchant is counted by) in each of
// its hexagons. So a filter selects profiles and cities, and every answer is a sum over arrays of integers. A
// question without a city or a map is answered from the totals of the profiles alone. The 2.5 million
// merchants of the data set make 21,000 profiles and 1.5 million counts of 12 bytes.

import type { QrProductId } from '../../schema/values/id.ts'
import type { CommonWords } from './common-words.ts'
import {
  cityKey,
  splitEntry,
  type Profile,
  type ProfileKey,
  type SpotHead,
  type SpotId,
} from './count-key.ts'
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
  /** Merchants by entry: place and profile; see `splitEntry`. */
  readonly counts: Readonly<Record<string, number>>
}

/** How many merchants have `profile` at `place` of a spot. */
export interface FoundCount {
  readonly spot: SpotId
  readonly place: number
  readonly profile: ProfileKey
  readonly merchants: number
}

/** Words of one count: place, number of the profile, merchants. */
const countWidth = 3

/** A view of one count of a spot. `next` moves the view to the following count. */
class SpotCount {
  readonly #words: Int32Array
  #at = -countWidth

  constructor(words: Int32Array) {
    this.#words = words
  }

  /** Moves to the next count; false after the last one. */
  next(): boolean {
    this.#at += countWidth
    return this.#at < this.#words.length
  }

  get place(): number {
    return this.#words[this.#at]!
  }

  /** The number of the profile in the cube. */
  get profile(): number {
    return this.#words[this.#at + 1]!
  }

  get merchants(): number {
    return this.#words[this.#at + 2]!
  }
}

/** A spot in the cube. */
export class Spot {
  /** The number of the city in the cube. */
  readonly city: number
  readonly region: Hexagon | null
  readonly middle: Point | null
  readonly version: number
  readonly #words: Int32Array

  /** `words` has three numbers for each count: place, number of the profile, merchants. */
  constructor(head: Pick<Spot, 'city' | 'region' | 'middle' | 'version'>, words: readonly number[]) {
    this.city = head.city
    this.region = head.region
    this.middle = head.middle
    this.version = head.version
    this.#words = Int32Array.from(words)
  }

  /**
   * A walk over all counts, without an object per count:
   *
   *     const count = spot.counts()
   *     while (count.next()) total += count.merchants
   */
  counts(): SpotCount {
    return new SpotCount(this.#words)
  }
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
  /** Merchants of each profile, in all spots. */
  readonly totals: number[] = []
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

  /** Words of names that are part of the profiles. */
  readonly commonWords: CommonWords

  constructor(loadedAt: Date, commonWords: CommonWords = new Set()) {
    this.asOf = loadedAt
    this.commonWords = commonWords
  }

  hasProfile(profile: ProfileKey): boolean {
    return this.#profileNumbers.has(profile)
  }

  addProfile(key: ProfileKey, profile: Profile): void {
    if (this.hasProfile(key)) return
    this.#profileNumbers.set(key, this.profiles.length)
    this.profiles.push(profile)
    this.keys.push(key)
    this.totals.push(0)
    this.termsOf.push(numberOf(this.#termsNumbers, termsKey(profile), () => this.terms.push(profile)))
  }

  /**
   * Replaces a spot, unless the cube has a later version of it. Throws a TypeError when a profile is missing
   * in the cube.
   */
  put(record: SpotRecord): void {
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
    const wordsOf = new Map<Spot, number[]>()
    for (const { spot: id, place, profile, merchants } of found) {
      const spot = this.spots.get(id)
      const number = this.#profileNumbers.get(profile)
      if (!spot || number === undefined) continue
      const words = wordsOf.get(spot)
      if (words) words.push(place, number, merchants)
      else wordsOf.set(spot, [place, number, merchants])
    }
    return Array.from(wordsOf, ([spot, words]) => new Spot(spot, words))
  }

  #spotOf(record: SpotRecord, middle: Point | null | undefined): Spot {
    const { country, city, region: id, version, counts } = record
    const words: number[] = []
    for (const entry in counts) {
      const merchants = counts[entry]!
      if (merchants === 0) continue
      const { place, profile } = splitEntry(entry)
      const number = this.#profileNumbers.get(profile)
      if (number === undefined) throw new TypeError(`the cube has no profile ${profile}`)
      words.push(place, number, merchants)
    }
    const region = id === null ? null : bitsOf(id)
    const head = {
      city: this.#cityOf(country, city),
      region,
      middle: middle ?? (region === null ? null : middleOf(region, regionResolution)),
      version,
    }
    return new Spot(head, words)
  }

  #cityOf(country: string, name: string): number {
    const add = () => this.cities.push({ country, name, folded: fold(name) })
    const number = numberOf(this.#cityNumbers, cityKey(country, name), add)
    const city = this.cities[number]!
    if (name < city.name) this.cities[number] = { ...city, name }
    return number
  }

  #addTotals(spot: Spot, sign: 1 | -1): void {
    const count = spot.counts()
    while (count.next()) this.totals[count.profile]! += sign * count.merchants
  }
}

/** The number of `key`. A new key is added by `add`, which returns how many there are then. */
function numberOf<Key>(numbers: Map<Key, number>, key: Key, add: () => number): number {
  let number = numbers.get(key)
  if (number === undefined) numbers.set(key, (number = add() - 1))
  return number
}
