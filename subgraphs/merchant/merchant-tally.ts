// The counts of merchants while a data set is imported: four bytes a merchant, in a form that threads can
// exchange.

import {
  entryOf,
  type CountKey,
  type Profile,
  type ProfileKey,
  type SpotHead,
  type SpotId,
} from './count-key.ts'

/** The counts of one thread. Entries are a profile’s index in `profiles` times 64, plus the place. */
export interface TallyParts {
  readonly profiles: readonly (readonly [ProfileKey, Profile])[]
  readonly spots: readonly { readonly spot: SpotHead; readonly entries: Uint32Array }[]
}

/** The counts of one spot, by entry. */
export interface SpotCounts {
  readonly spot: SpotHead
  readonly counts: Readonly<Record<string, number>>
}

const placesMax = 64

export class MerchantTally {
  readonly #spots = new Map<SpotId, { readonly spot: SpotHead; entries: Uint32Array; length: number }>()
  readonly #profileNumbers = new Map<ProfileKey, number>()
  readonly #profiles: (readonly [ProfileKey, Profile])[] = []

  add({ spot, place, profile }: CountKey, profiles: ReadonlyMap<ProfileKey, Profile>): void {
    this.#push(spot, this.#numberOf(profile, profiles) * placesMax + place)
  }

  parts(): TallyParts {
    return {
      profiles: this.#profiles,
      spots: Array.from(this.#spots.values(), ({ spot, entries, length }) => ({
        spot,
        entries: entries.slice(0, length),
      })),
    }
  }

  addParts({ profiles, spots }: TallyParts): void {
    const known = new Map(profiles)
    const numbers = profiles.map(([key]) => this.#numberOf(key, known))
    for (const { spot, entries } of spots) {
      for (const entry of entries) {
        this.#push(spot, numbers[Math.floor(entry / placesMax)]! * placesMax + (entry % placesMax))
      }
    }
  }

  get profiles(): readonly (readonly [ProfileKey, Profile])[] {
    return this.#profiles
  }

  /** The counts of each spot. Each is released when the next one is read. */
  *takeSpots(): Iterable<SpotCounts> {
    for (const [id, { spot, entries, length }] of this.#spots) {
      const counts: Record<string, number> = {}
      const sorted = entries.subarray(0, length).toSorted()
      for (let at = 0; at < length;) {
        const entry = sorted[at]!
        const start = at
        while (sorted[at] === entry && at < length) at += 1
        counts[entryOf(entry % placesMax, this.#profiles[Math.floor(entry / placesMax)]![0])] = at - start
      }
      this.#spots.delete(id)
      yield { spot, counts }
    }
  }

  #numberOf(key: ProfileKey, profiles: ReadonlyMap<ProfileKey, Profile>): number {
    let number = this.#profileNumbers.get(key)
    if (number === undefined) {
      number = this.#profiles.push([key, profiles.get(key)!]) - 1
      this.#profileNumbers.set(key, number)
    }
    return number
  }

  #push(spot: SpotHead, entry: number): void {
    let known = this.#spots.get(spot.id)
    if (!known) this.#spots.set(spot.id, (known = { spot, entries: new Uint32Array(8), length: 0 }))
    if (known.length === known.entries.length) {
      const larger = new Uint32Array(known.length * 2)
      larger.set(known.entries)
      known.entries = larger
    }
    known.entries[known.length++] = entry
  }
}
