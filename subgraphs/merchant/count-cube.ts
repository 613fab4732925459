// The kept counts in memory, small enough to add up for every question: spots × profiles. No MongoDB, no GraphQL.
//
// A spot (part of a city) holds a count for each profile (what a merchant can be counted by) and each of its hexagons that
// has any. So a filter is a choice of profiles and cities, and every answer a sum over whole-number arrays. Questions that
// do not ask where are answered from the profiles' totals alone. Two and a half million merchants of the data set make
// 21,000 profiles and 1.5 million counts of 12 bytes.

import { bitsOf, middleOf, regionResolution, type Hexagon } from './hexagon.ts'
import type { QrProduct } from './merchant.ts'
import type { Point } from './point.ts'
import { cityKey, splitEntry, type Profile, type SpotHead } from './count-key.ts'
import { fold } from './search-words.ts'

/** A spot as it is kept. */
export interface SpotRecord extends SpotHead {
  /** Counts up with every change. */
  readonly version: number
  /** When it was last changed. */
  readonly at: Date
  /** Merchants by entry: place and profile. */
  readonly counts: Readonly<Record<string, number>>
}

/** A spot as it is added up. Cities and profiles go by their numbers in the cube. */
export interface Spot {
  readonly city: number
  readonly region: Hexagon | null
  readonly middle: Point | null
  readonly version: number
  /** Place, profile, merchants; and again. */
  readonly rows: Int32Array
}

export interface City {
  readonly country: string
  /** As it was first written; where parts of the city differ, the first in order. */
  readonly name: string
  readonly folded: string
}

/** What decides which wallets can pay. Many profiles share one. */
export type Terms = Pick<Profile, 'country' | 'currency' | 'acquirer' | 'entryModes' | 'status'>

/** Two merchants with the same key are payable by the same wallets. */
export const termsKey = ({ country, currency, acquirer, entryModes, status }: Terms): string =>
  [country, currency, acquirer, status, ...entryModes.toSorted()].join('|')

export class CountCube {
  readonly profiles: Profile[] = []
  /** By profile: its key. */
  readonly keys: string[] = []
  /** By profile: which of `terms` it has. */
  readonly termsOf: number[] = []
  readonly terms: Terms[] = []
  /** By profile: merchants everywhere. */
  readonly totals: number[] = []
  readonly cities: City[] = []
  readonly spots = new Map<string, Spot>()
  /** By id, in order of id. */
  products: ReadonlyMap<string, QrProduct> = new Map()
  /** Counts up with every change, so that answers can be kept as long as nothing changes. */
  version = 0
  /** When a count was last changed. */
  asOf: Date

  readonly #profileNumbers = new Map<string, number>()
  readonly #termsNumbers = new Map<string, number>()
  readonly #cityNumbers = new Map<string, number>()

  constructor(loadedAt: Date) {
    this.asOf = loadedAt
  }

  knows(profile: string): boolean {
    return this.#profileNumbers.has(profile)
  }

  addProfile(key: string, profile: Profile): void {
    if (this.knows(key)) return
    this.#profileNumbers.set(key, this.profiles.length)
    this.profiles.push(profile)
    this.keys.push(key)
    this.totals.push(0)
    this.termsOf.push(numberOf(this.#termsNumbers, termsKey(profile), () => this.terms.push(profile)))
  }

  /** Takes in a spot unless a later state of it is there already. Its profiles must be known. */
  put(record: SpotRecord): void {
    const before = this.spots.get(record.id)
    if (before && before.version >= record.version) return
    const spot = this.#spotOf(record, before?.middle)
    if (before) this.#addTotals(before, -1)
    this.#addTotals(spot, 1)
    this.spots.set(record.id, spot)
    if (this.spots.size === 1 || record.at > this.asOf) this.asOf = record.at
    this.version++
  }

  /** Rows of counts that were made elsewhere, as spots of this cube; entries that it does not know are left out. */
  spotsFrom(entries: Iterable<{ spot: string; place: number; profile: string; merchants: number }>): Spot[] {
    const rows = new Map<Spot, number[]>()
    for (const { spot: id, place, profile, merchants } of entries) {
      const spot = this.spots.get(id)
      const number = this.#profileNumbers.get(profile)
      if (!spot || number === undefined) continue
      const known = rows.get(spot)
      if (known) known.push(place, number, merchants)
      else rows.set(spot, [place, number, merchants])
    }
    return Array.from(rows, ([spot, values]) => ({ ...spot, rows: Int32Array.from(values) }))
  }

  #spotOf(
    { country, city, region: id, version, counts }: SpotRecord,
    middle: Point | null | undefined,
  ): Spot {
    const rows: number[] = []
    for (const entry in counts) {
      const merchants = counts[entry]!
      if (merchants === 0) continue
      const { place, profile } = splitEntry(entry)
      const number = this.#profileNumbers.get(profile)
      if (number === undefined) throw new TypeError(`a count has profile ${profile}, which is not known`)
      rows.push(place, number, merchants)
    }
    const region = id === null ? null : bitsOf(id)
    return {
      city: this.#cityOf(country, city),
      region,
      middle: middle ?? (region === null ? null : middleOf(region, regionResolution)),
      version,
      rows: Int32Array.from(rows),
    }
  }

  #cityOf(country: string, name: string): number {
    const add = () => this.cities.push({ country, name, folded: fold(name) })
    const city = numberOf(this.#cityNumbers, cityKey(country, name), add)
    const known = this.cities[city]!
    if (name < known.name) this.cities[city] = { ...known, name }
    return city
  }

  #addTotals({ rows }: Spot, sign: 1 | -1): void {
    for (let at = 0; at < rows.length; at += 3) this.totals[rows[at + 1]!]! += sign * rows[at + 2]!
  }
}

/** The number of `key`; a new one is made by `add`, which says how many there are then. */
function numberOf(numbers: Map<string, number>, key: string, add: () => number): number {
  let number = numbers.get(key)
  if (number === undefined) numbers.set(key, (number = add() - 1))
  return number
}
