// Coverage: how many merchants there are, and where, as sums over the count cube.

import type { QrProductId } from '../../schema/values/id.ts'
import { refuse, type Refusal } from '../../schema/values/problems.ts'
import type { LoopTime } from '../platform/async/loop-time.ts'
import { sharedResult } from '../platform/async/shared-result.ts'
import { atOnce, inSlices, type Steps } from '../platform/async/slices.ts'
import { categoryOf, countryOf } from '../shared/values.ts'
import { placesMax, type CountCube, type Spot } from './count-cube.ts'
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
import type { ProfileSelection } from './select-counts.ts'

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
  readonly profiles: ProfileSelection
  /** A flag per city of the cube; null for all cities. */
  readonly cities: Uint8Array | null
  /** Only spots of these countries; null for all. */
  readonly countries: ReadonlySet<string> | null
  /** Spots to sum in place of the cube's own, such as those of a search; null for the cube's own. */
  readonly spots: readonly Spot[] | null
}

const cellsMax = 5_000
const sharesMax = 500

/** The coverage of one selection. Sums are computed at their first use and stay the same afterwards. */
export class Coverage {
  readonly asOf: Date
  readonly #cube: CountCube
  readonly #selections: readonly CountSelection[]
  /** A spot never changes, so these are the counts of one moment. */
  readonly #spots = new Map<CountSelection, readonly Spot[]>()
  #byProfile: Float64Array | null = null
  #byCity: Float64Array | null = null
  /** The sums of `prepare`, from when it begins them. */
  readonly #sums = new Map<string, Promise<unknown>>()

  /** No merchant may be in two of the selections: their sums are added. */
  constructor(cube: CountCube, ...selections: readonly CountSelection[]) {
    this.#cube = cube
    this.#selections = selections
    this.asOf = cube.asOf
  }

  get merchants(): number {
    if (!this.#isByTermsAlone) return this.#profiles().reduce((sum, merchants) => sum + merchants, 0)
    const { termsTotals } = this.#cube
    let sum = 0
    for (const { profiles } of this.#selections) {
      profiles.terms.forEach((selected, n) => void (selected && (sum += termsTotals[n]!)))
    }
    return sum
  }

  get onlineMerchants(): number {
    return this.count(({ online }) => online)
  }

  get cities(): number {
    return this.#cities().reduce((cities, merchants) => cities + (merchants > 0 ? 1 : 0), 0)
  }

  /**
   * Computes in slices what a breakdown needs, or `merchants` when there is none. Without it, the first use
   * computes it at once, in some ten milliseconds for the whole cube. Counts as the `loopTime` of one of the
   * operations that wait for it.
   */
  async prepare(by: CoverageDimension | null, loopTime?: LoopTime): Promise<void> {
    const once = (name: string, steps: () => Steps<Float64Array>) =>
      sharedResult(this.#sums, name, () => inSlices(steps(), loopTime))
    if (by === 'CITY') this.#byCity ??= await once('city', () => this.#sumCities())
    else if (by !== null || !this.#isByTermsAlone)
      this.#byProfile ??= await once('profile', () => this.#sumProfiles())
  }

  /** True when the totals of the terms are enough for the number of merchants. */
  get #isByTermsAlone(): boolean {
    return this.#selections.every(({ cities, spots, profiles }) => !cities && !spots && profiles.byTermsAlone)
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
    return atOnce(this.cellSteps(bounds, zoom))
  }

  /** The steps of `cells`. */
  *cellSteps(bounds: Bounds, zoom: number): Steps<CoverageCell[] | Refusal> {
    const refusal = checkView(bounds, zoom)
    if (refusal) return refusal
    for (let resolution = resolutionFor(zoom); ; resolution--) {
      const cells = yield* this.#cellsAt(bounds, resolution)
      if (cells) return cells.toSorted((a, b) => b.merchants - a.merchants || (a.id < b.id ? -1 : 1))
    }
  }

  /** Merchants by number of the profile. */
  #profiles(): Float64Array {
    return (this.#byProfile ??= atOnce(this.#sumProfiles()))
  }

  /** Merchants by number of the city. */
  #cities(): Float64Array {
    return (this.#byCity ??= atOnce(this.#sumCities()))
  }

  *#sumProfiles(): Steps<Float64Array> {
    const { totals } = this.#cube
    const sums = new Float64Array(totals.length)
    for (const selection of this.#selections) {
      const selected = selection.profiles.profiles
      // Without cities or spots in the selection, the cube has these sums already.
      if (!selection.cities && !selection.spots) {
        for (let n = 0; n < selected.length; n++) if (selected[n]) sums[n]! += totals[n]!
        continue
      }
      for (const { counts } of this.#spotsOf(selection)) {
        for (let at = 0; at < counts.length; at += 2) {
          const profile = counts[at]! >>> placeBits
          if (selected[profile]) sums[profile]! += counts[at + 1]!
        }
        yield
      }
    }
    return sums
  }

  *#sumCities(): Steps<Float64Array> {
    const sums = new Float64Array(this.#cube.cities.length)
    for (const selection of this.#selections) {
      for (const spot of this.#spotsOf(selection)) {
        sums[spot.city]! += sumOf(spot, selection.profiles)
        yield
      }
    }
    return sums
  }

  #spotsOf(selection: CountSelection): readonly Spot[] {
    let found = this.#spots.get(selection)
    if (found) return found
    const { cities, countries, spots } = selection
    const { cities: names } = this.#cube
    found = (spots ?? [...this.#cube.spots.values()]).filter(
      ({ city }) => (!cities || cities[city]) && (countries?.has(names[city]!.country) ?? true),
    )
    this.#spots.set(selection, found)
    return found
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
  *#cellsAt(bounds: Bounds, resolution: number): Steps<CoverageCell[] | null> {
    const sums = new Map<Hexagon, number>()
    const groups = new Map<Hexagon, { merchants: number; city: number }>()
    const add = (hexagon: Hexagon, merchants: number, city: number): void => {
      sums.set(hexagon, (sums.get(hexagon) ?? 0) + merchants)
      const group = groups.get(hexagon)
      if (!group) groups.set(hexagon, { merchants, city })
      else if (merchants > group.merchants) Object.assign(group, { merchants, city })
    }
    for (const selection of this.#selections) {
      for (const spot of this.#spotsOf(selection)) {
        // A region may overlap a hexagon whose middle is on view, while its own middle is a width of that
        // hexagon outside.
        const margin = Math.min(resolution, regionResolution)
        if (!spot.middle || !isNear(spot.middle, bounds, margin, 3)) continue
        for (const [fine, merchants] of hexagonsOf(spot, selection.profiles, resolution)) {
          add(hexagonAround(fine, resolution), merchants, spot.city)
        }
        yield
      }
    }
    return yield* this.#cellsOf(sums, groups, bounds, resolution)
  }

  *#cellsOf(
    sums: ReadonlyMap<Hexagon, number>,
    groups: ReadonlyMap<Hexagon, { readonly city: number }>,
    bounds: Bounds,
    resolution: number,
  ): Steps<CoverageCell[] | null> {
    const cells: CoverageCell[] = []
    for (const [hexagon, merchants] of sums) {
      const center = middleOf(hexagon, resolution)
      if (!isNear(center, bounds, resolution, 1)) continue
      const place = this.#cube.cities[groups.get(hexagon)!.city]!.name
      if (cells.push({ id: hexagonId(hexagon, resolution), center, merchants, place }) > cellsMax) return null
      yield
    }
    return cells
  }
}

/** A place takes six bits of a count. */
const placeBits = 6

/** Selected merchants of a spot, from the sums by terms where they are enough. */
function sumOf({ counts, byTerms }: Spot, { terms, byTermsAlone, profiles }: ProfileSelection): number {
  let sum = 0
  if (byTermsAlone) {
    for (let at = 0; at < byTerms.length; at += 2) if (terms[byTerms[at]!]) sum += byTerms[at + 1]!
    return sum
  }
  for (let at = 0; at < counts.length; at += 2) {
    if (profiles[counts[at]! >>> placeBits]) sum += counts[at + 1]!
  }
  return sum
}

/** Selected merchants of a spot by fine hexagon; all in one of them where its region is not divided. */
function hexagonsOf(spot: Spot, selected: ProfileSelection, resolution: number): [Hexagon, number][] {
  const { region, counts } = spot
  if (region === null) return []
  if (resolution <= regionResolution) {
    const merchants = sumOf(spot, selected)
    return merchants > 0 ? [[fineHexagonIn(region, 0), merchants]] : []
  }
  const places = new Float64Array(placesMax)
  const { profiles } = selected
  for (let at = 0; at < counts.length; at += 2) {
    const key = counts[at]!
    if (profiles[key >>> placeBits]) places[key & (placesMax - 1)]! += counts[at + 1]!
  }
  return Array.from(places, (merchants, place): [Hexagon, number] => [
    fineHexagonIn(region, place),
    merchants,
  ]).filter(([, merchants]) => merchants > 0)
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
