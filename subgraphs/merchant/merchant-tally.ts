// The counts of merchants while a data set is imported: four bytes a merchant, in a form that threads can
// exchange without a copy.

import {
  entryOf,
  placesMax,
  type CountKey,
  type Profile,
  type ProfileKey,
  type SpotHead,
  type SpotId,
} from './count-key.ts'

/** The counts of one thread, one entry for each merchant. */
export interface TallyParts {
  readonly profiles: readonly (readonly [ProfileKey, Profile])[]
  /** Each with the end of its entries, which begin where those of the previous one end. */
  readonly spots: readonly { readonly spot: SpotHead; readonly end: number }[]
  /** A profile’s index in `profiles` times 64, plus the place. */
  readonly entries: Uint32Array<ArrayBuffer>
}

/** The counts of one spot, by entry. */
export interface SpotCounts {
  readonly spot: SpotHead
  readonly counts: ReadonlyMap<string, number>
}

/** Counts merchants. */
export class MerchantTally {
  readonly #spots = new Map<SpotId, { readonly spot: SpotHead; entries: Uint32Array; length: number }>()
  readonly #profiles = new ProfileList()
  #merchants = 0

  add({ spot, place, profile }: CountKey, profiles: ReadonlyMap<ProfileKey, Profile>): void {
    const entry = this.#profiles.numberOf(profile, () => profiles.get(profile)!) * placesMax + place
    let known = this.#spots.get(spot.id)
    if (!known) this.#spots.set(spot.id, (known = { spot, entries: new Uint32Array(8), length: 0 }))
    if (known.length === known.entries.length) {
      const larger = new Uint32Array(known.length * 2)
      larger.set(known.entries)
      known.entries = larger
    }
    known.entries[known.length++] = entry
    this.#merchants++
  }

  /** Returns the counts, and begins again without any. */
  take(): TallyParts {
    const entries = new Uint32Array(this.#merchants)
    let end = 0
    const spots = Array.from(this.#spots, ([id, { spot, entries: own, length }]) => {
      entries.set(own.subarray(0, length), end)
      this.#spots.delete(id)
      return { spot, end: (end += length) }
    })
    this.#merchants = 0
    return { profiles: this.#profiles.list, spots, entries }
  }
}

/** The counts of several threads together. */
export class JoinedTally {
  readonly #spots = new Map<SpotId, { readonly spot: SpotHead; readonly entries: Uint32Array[] }>()
  readonly #profiles = new ProfileList()

  /** Changes the entries of the parts, which are not copied. */
  constructor(parts: readonly TallyParts[]) {
    for (const { profiles, spots, entries } of parts) {
      const numbers = profiles.map(([key, profile]) => this.#profiles.numberOf(key, () => profile))
      for (const [n, entry] of entries.entries()) {
        entries[n] = numbers[Math.floor(entry / placesMax)]! * placesMax + (entry % placesMax)
      }
      let start = 0
      for (const { spot, end } of spots) {
        const own = entries.subarray(start, end)
        const known = this.#spots.get(spot.id)
        if (known) known.entries.push(own)
        else this.#spots.set(spot.id, { spot, entries: [own] })
        start = end
      }
    }
  }

  get profiles(): TallyParts['profiles'] {
    return this.#profiles.list
  }

  *spots(): Iterable<SpotCounts> {
    for (const { spot, entries } of this.#spots.values()) {
      const counts = new Map<string, number>()
      const sorted = joined(entries).toSorted()
      for (let at = 0; at < sorted.length;) {
        const entry = sorted[at]!
        const start = at
        while (sorted[at] === entry) at += 1
        const [profile] = this.#profiles.list[Math.floor(entry / placesMax)]!
        counts.set(entryOf(entry % placesMax, profile), at - start)
      }
      yield { spot, counts }
    }
  }
}

/** Profiles, numbered in the order in which they are seen. */
class ProfileList {
  readonly list: (readonly [ProfileKey, Profile])[] = []
  readonly #numbers = new Map<ProfileKey, number>()

  numberOf(key: ProfileKey, profile: () => Profile): number {
    let number = this.#numbers.get(key)
    if (number === undefined) this.#numbers.set(key, (number = this.list.push([key, profile()]) - 1))
    return number
  }
}

function joined(parts: readonly Uint32Array[]): Uint32Array {
  const all = new Uint32Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}
