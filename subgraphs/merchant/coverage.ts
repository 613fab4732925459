// Coverage: how many merchants there are, and where, as sums over the count cube.

import type { QrProductId } from '../../schema/values/id.ts'
import { refuse, type Refusal } from '../../schema/values/problems.ts'
import { categoryOf, countryOf } from '../shared/values.ts'
import type { CountCube, Spot } from './count-cube.ts'
import type { Profile } from './count-key.ts'
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
  /** The city of its largest group of merchants, in English. */
  readonly place: string
}

/** Which counts of a cube are summed. */
export interface CountSelection {
  /** A flag per profile of the cube. */
  readonly profiles: Uint8Array
  /** A flag per city of the cube; null for all cities. */
  readonly cities: Uint8Array | null
  /** Spots to sum in place of the cube's own, such as those of a search; null for the cube's own. */
  readonly spots: readonly Spot[] | null
}

const cellsMax = 5_000
const sharesMax = 500

/** The coverage of one selection. Sums are computed at their first use and stay the same afterwards. */
export class Coverage {
  readonly asOf: Date
  readonly #cube: CountCube
  readonly #selection: CountSelection
  #byProfile: Int32Array | null = null
  #byCity: Int32Array | null = null

  constructor(cube: CountCube, selection: CountSelection) {
    this.#cube = cube
    this.#selection = selection
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

  /** Selected merchants whose profile matches. */
  count(matches: (profile: Profile) => boolean): number {
    const { profiles } = this.#cube
    return this.#profiles().reduce((sum, merchants, n) => sum + (matches(profiles[n]!) ? merchants : 0), 0)
  }

  /** The largest shares first, equal ones by key, at most `first`. Refuses with BAD_PAGE. */
  breakdown(by: CoverageDimension, first: number): CoverageShare[] | Refusal {
    if (!Number.isInteger(first) || first < 1 || first > sharesMax) {
      return refuse('BAD_PAGE', `\`first\` is 1–${sharesMax}, not ${first}`, ['first'])
    }
    const shares = by === 'CITY' ? this.#cityShares() : this.#profileShares(by)
    return shares.toSorted((a, b) => b.merchants - a.merchants || (a.key < b.key ? -1 : 1)).slice(0, first)
  }

  /**
   * Hexagons with at least one merchant whose middle is within the bounds or less than a side outside,
   * largest counts first. The zoom determines their size; more than 5,000 are replaced by larger hexagons.
   * Refuses with BAD_VALUE.
   */
  cells(bounds: Bounds, zoom: number): CoverageCell[] | Refusal {
    const refusal = checkView(bounds, zoom)
    if (refusal) return refusal
    for (let resolution = resolutionFor(zoom); ; resolution--) {
      const cells = this.#cellsAt(bounds, resolution)
      if (cells) return cells.toSorted((a, b) => b.merchants - a.merchants || (a.id < b.id ? -1 : 1))
    }
  }

  /**
   * Merchants by number of the profile. Without cities or spots in the selection, the cube has these sums
   * already.
   */
  #profiles(): Int32Array {
    if (this.#byProfile) return this.#byProfile
    const { totals } = this.#cube
    const { profiles, cities, spots } = this.#selection
    const sums = (this.#byProfile = new Int32Array(profiles.length))
    if (!cities && !spots) {
      for (let n = 0; n < sums.length; n++) if (profiles[n]) sums[n] = totals[n]!
      return sums
    }
    for (const spot of this.#spots()) {
      const count = spot.counts()
      while (count.next()) if (profiles[count.profile]) sums[count.profile]! += count.merchants
    }
    return sums
  }

  /** Merchants by number of the city. */
  #cities(): Int32Array {
    if (this.#byCity) return this.#byCity
    const { profiles } = this.#selection
    const sums = (this.#byCity = new Int32Array(this.#cube.cities.length))
    for (const spot of this.#spots()) {
      const count = spot.counts()
      while (count.next()) if (profiles[count.profile]) sums[spot.city]! += count.merchants
    }
    return sums
  }

  *#spots(): Iterable<Spot> {
    const { cities, spots } = this.#selection
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
    return this.#cube.products.get(key as QrProductId)?.name ?? key
  }

  /** Null when there are more than 5,000. The world has 122 hexagons of resolution 0. */
  #cellsAt(bounds: Bounds, resolution: number): CoverageCell[] | null {
    const { profiles } = this.#selection
    const sums = new Map<Hexagon, number>()
    const groups = new Map<Hexagon, { merchants: number; city: number }>()
    const places = new Int32Array(64)
    for (const spot of this.#spots()) {
      const { region, middle } = spot
      if (region === null || !middle) continue
      // A region may overlap a hexagon whose middle is on view, while its own middle is a width of that
      // hexagon outside.
      if (!isNear(middle, bounds, Math.min(resolution, regionResolution), 3)) continue
      sumByPlace(spot, profiles, places)
      for (let place = 0; place < places.length; place++) {
        const merchants = places[place]!
        if (merchants === 0) continue
        const hexagon = hexagonAround(fineHexagonIn(region, place), resolution)
        sums.set(hexagon, (sums.get(hexagon) ?? 0) + merchants)
        const group = groups.get(hexagon)
        if (!group) groups.set(hexagon, { merchants, city: spot.city })
        else if (merchants > group.merchants) Object.assign(group, { merchants, city: spot.city })
      }
    }
    const cells: CoverageCell[] = []
    for (const [hexagon, merchants] of sums) {
      const center = middleOf(hexagon, resolution)
      if (!isNear(center, bounds, resolution, 1)) continue
      const place = this.#cube.cities[groups.get(hexagon)!.city]!.name
      if (cells.push({ id: hexagonId(hexagon, resolution), center, merchants, place }) > cellsMax) return null
    }
    return cells
  }
}

/** Sums the selected merchants of a spot by place. */
function sumByPlace(spot: Spot, profiles: Uint8Array, places: Int32Array): void {
  places.fill(0)
  const count = spot.counts()
  while (count.next()) if (profiles[count.profile]) places[count.place]! += count.merchants
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
    return refuse('BAD_VALUE', '`south` and `north` are −90 to 90, and `south` is at most `north`', [
      'bounds',
    ])
  }
  if (!Number.isInteger(zoom) || zoom < 0 || zoom > 20) return refuse('BAD_VALUE', '`zoom` is 0–20', ['zoom'])
  return null
}
