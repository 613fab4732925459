// How many merchants there are, and where: sums over the kept counts.

import { refuse, type Refusal } from '../../schema/values/problems.ts'
import { categoryOf, countryOf } from '../shared/values.ts'
import type { CountCube, Spot } from './count-cube.ts'
import {
  fineHexagonIn,
  hexagonAround,
  hexagonId,
  isNear,
  middleOf,
  regionResolution,
  resolutionFor,
  type Bounds,
  type Hexagon,
} from './hexagon.ts'
import { scenarios } from './merchant.ts'
import type { Point } from './point.ts'
import type { Profile } from './count-key.ts'

export type CoverageDimension = 'COUNTRY' | 'CITY' | 'MCC' | 'SCENARIO' | 'QR_PRODUCT'

export interface CoverageShare {
  readonly key: string
  readonly label: string
  readonly merchants: number
}

export interface CoverageCell {
  /** H3 index. */
  readonly id: string
  readonly center: Point
  readonly merchants: number
}

/** What is added up. */
export interface Choice {
  /** By number: 1 for the profiles that count. */
  readonly profiles: Uint8Array
  /** By number: 1 for the cities that count; null when all do. */
  readonly cities: Uint8Array | null
  /** Only these counts, such as those found by a search; null for all. */
  readonly spots: readonly Spot[] | null
}

const cellsMax = 5_000
const sharesMax = 500

/** The answers to one choice. Each is added up when it is first asked for, and stays as it is then. */
export class Coverage {
  readonly asOf: Date
  readonly #cube: CountCube
  readonly #choice: Choice
  #byProfile: Int32Array | null = null
  #byCity: Int32Array | null = null

  constructor(cube: CountCube, choice: Choice) {
    this.#cube = cube
    this.#choice = choice
    this.asOf = cube.asOf
  }

  get merchants(): number {
    return this.#profiles().reduce((sum, merchants) => sum + merchants, 0)
  }

  get onlineMerchants(): number {
    const { profiles } = this.#cube
    return this.#profiles().reduce((sum, merchants, n) => sum + (profiles[n]!.online ? merchants : 0), 0)
  }

  get cities(): number {
    return this.#cities().reduce((cities, merchants) => cities + (merchants > 0 ? 1 : 0), 0)
  }

  /** Merchants that `counts` takes in, on top of the choice. */
  count(counts: (profile: Profile) => boolean): number {
    const { profiles } = this.#cube
    return this.#profiles().reduce((sum, merchants, n) => sum + (counts(profiles[n]!) ? merchants : 0), 0)
  }

  /** The largest shares first, equal ones by key; refuses with BAD_PAGE. */
  breakdown(by: CoverageDimension, first: number): CoverageShare[] | Refusal {
    if (!Number.isInteger(first) || first < 1 || first > sharesMax) {
      return refuse('BAD_PAGE', `\`first\` is 1–${sharesMax}, not ${first}`, ['first'])
    }
    const shares = by === 'CITY' ? this.#cityShares() : this.#profileShares(by)
    return shares.toSorted((a, b) => b.merchants - a.merchants || (a.key < b.key ? -1 : 1)).slice(0, first)
  }

  /**
   * Hexagons with at least one merchant whose middle is in the bounds or less than a side outside, largest counts first.
   * Their size follows the zoom; larger ones are taken when there would be more than 5,000. Refuses with BAD_VALUE.
   */
  cells(bounds: Bounds, zoom: number): CoverageCell[] | Refusal {
    const refusal = checkView(bounds, zoom)
    if (refusal) return refusal
    for (let resolution = resolutionFor(zoom); ; resolution--) {
      const cells = this.#cellsAt(bounds, resolution)
      if (cells) return cells.toSorted((a, b) => b.merchants - a.merchants || (a.id < b.id ? -1 : 1))
    }
  }

  /** Without a place in the choice, the totals are the answer already. */
  #profiles(): Int32Array {
    if (this.#byProfile) return this.#byProfile
    const { totals } = this.#cube
    const { profiles, cities, spots } = this.#choice
    const sums = (this.#byProfile = new Int32Array(profiles.length))
    if (!cities && !spots) {
      for (let n = 0; n < sums.length; n++) if (profiles[n]) sums[n] = totals[n]!
      return sums
    }
    for (const { rows } of this.#spots()) {
      for (let at = 0; at < rows.length; at += 3) {
        const profile = rows[at + 1]!
        if (profiles[profile]) sums[profile]! += rows[at + 2]!
      }
    }
    return sums
  }

  #cities(): Int32Array {
    if (this.#byCity) return this.#byCity
    const { profiles } = this.#choice
    const sums = (this.#byCity = new Int32Array(this.#cube.cities.length))
    for (const { city, rows } of this.#spots()) {
      for (let at = 0; at < rows.length; at += 3) if (profiles[rows[at + 1]!]) sums[city]! += rows[at + 2]!
    }
    return sums
  }

  *#spots(): Iterable<Spot> {
    const { cities, spots } = this.#choice
    for (const spot of spots ?? this.#cube.spots.values()) if (!cities || cities[spot.city]) yield spot
  }

  #cityShares(): CoverageShare[] {
    const merchantsOf = this.#cities()
    return this.#cube.cities.flatMap(({ country, name }, n) => {
      const merchants = merchantsOf[n] ?? 0
      if (merchants === 0) return []
      return [{ key: `${country}:${name}`, label: `${name}, ${countryOf(country).name}`, merchants }]
    })
  }

  #profileShares(by: Exclude<CoverageDimension, 'CITY'>): CoverageShare[] {
    const sums = new Map<string, number>()
    this.#profiles().forEach((merchants, n) => {
      if (merchants === 0) return
      for (const key of keysOf(this.#cube.profiles[n]!, by)) sums.set(key, (sums.get(key) ?? 0) + merchants)
    })
    return Array.from(sums, ([key, merchants]) => ({ key, label: this.#labelOf(by, key), merchants }))
  }

  #labelOf(by: CoverageDimension, key: string): string {
    if (by === 'COUNTRY') return countryOf(key).name
    if (by === 'MCC') return categoryOf(key).description
    if (by === 'SCENARIO') return scenarios[key as Profile['scenario']]
    return this.#cube.products.get(key)?.name ?? key
  }

  /** Null when there are too many; of the coarsest hexagons, the world has 122. */
  #cellsAt(bounds: Bounds, resolution: number): CoverageCell[] | null {
    const { profiles } = this.#choice
    const sums = new Map<Hexagon, number>()
    const places = new Int32Array(64)
    for (const { region, middle, rows } of this.#spots()) {
      // A region may reach into a hexagon whose middle is on view while its own is up to that hexagon's width outside.
      if (region === null || !middle || !isNear(middle, bounds, Math.min(resolution, regionResolution), 3))
        continue
      places.fill(0)
      for (let at = 0; at < rows.length; at += 3) {
        if (profiles[rows[at + 1]!]) places[rows[at]!]! += rows[at + 2]!
      }
      for (let place = 0; place < places.length; place++) {
        if (places[place] === 0) continue
        const hexagon = hexagonAround(fineHexagonIn(region, place), resolution)
        sums.set(hexagon, (sums.get(hexagon) ?? 0) + places[place]!)
      }
    }
    const cells: CoverageCell[] = []
    for (const [hexagon, merchants] of sums) {
      const center = middleOf(hexagon, resolution)
      if (!isNear(center, bounds, resolution, 1)) continue
      if (cells.push({ id: hexagonId(hexagon, resolution), center, merchants }) > cellsMax) return null
    }
    return cells
  }
}

function keysOf(profile: Profile, by: Exclude<CoverageDimension, 'CITY'>): readonly string[] {
  if (by === 'COUNTRY') return [profile.country]
  if (by === 'MCC') return [profile.mcc]
  return by === 'SCENARIO' ? [profile.scenario] : profile.qrProducts
}

function checkView({ west, south, east, north }: Bounds, zoom: number): Refusal | null {
  const lngsOk = [west, east].every((lng) => Math.abs(lng) <= 180)
  const latsOk = [south, north].every((lat) => Math.abs(lat) <= 90)
  if (!lngsOk) return refuse('BAD_VALUE', '`west` and `east` are −180 to 180', ['bounds'])
  if (!latsOk || south > north) {
    return refuse('BAD_VALUE', '`south` and `north` are −90 to 90, `south` not above `north`', ['bounds'])
  }
  if (!Number.isInteger(zoom) || zoom < 0 || zoom > 20) return refuse('BAD_VALUE', '`zoom` is 0–20', ['zoom'])
  return null
}
