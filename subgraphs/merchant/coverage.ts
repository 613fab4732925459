// Coverage: how many merchants there are, and where, as sums over the count cube.

import type { QrProductId } from '../../schema/values/id.ts'
import { refuse, type Refusal } from '../../schema/values/problems.ts'
import type { LoopTime } from '../platform/async/loop-time.ts'
import { sharedResult } from '../platform/async/shared-result.ts'
import { atOnce, inSlices, type Steps } from '../platform/async/slices.ts'
import { categoryOf, countryOf } from '../shared/values.ts'
import type { CountCube, FoundMerchants, Spot } from './count-cube.ts'
import { placeBits, placesMax, type Profile } from './count-key.ts'
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
  /** Merchants to sum in place of the counts of the cube, such as those of a search; null for these. */
  readonly found: FoundMerchants | null
}

/** The spots of a few cities have fewer counts than all profiles. */
const isFew = (cities: Uint8Array | null): boolean =>
  cities !== null && cities.reduce((few, isSelected) => few + isSelected, 0) <= 10

const cellsMax = 5_000
const sharesMax = 500

/**
 * The coverage of one selection. Its sums are computed when they are first used, all of them of one
 * version of the cube.
 */
export class Coverage {
  readonly #cube: CountCube
  readonly #selections: readonly CountSelection[]
  /** The version of the cube that the sums are of. */
  #version = -1
  #asOf: Date
  #merchants = 0
  #needsProfiles = false
  #needsCities = false
  #byProfile: Uint32Array | null = null
  #byCity: Uint32Array | null = null
  /** The sums that are being computed. */
  readonly #computing = new Map<string, Promise<unknown>>()

  /** No merchant may be in two of the selections: their sums are added. */
  constructor(cube: CountCube, ...selections: readonly CountSelection[]) {
    this.#cube = cube
    this.#selections = selections
    this.#asOf = cube.asOf
  }

  get asOf(): Date {
    return this.#asOf
  }

  get merchants(): number {
    if (!this.#isByTermsAlone) this.#needsProfiles = true
    this.#computeNeeded()
    return this.#merchants
  }

  get onlineMerchants(): number {
    return this.#cube.dimensions.ONLINE.sumsOf(this.#profiles()).get('ONLINE') ?? 0
  }

  get cities(): number {
    let cities = 0
    for (const merchants of this.#cities()) if (merchants > 0) cities++
    return cities
  }

  /**
   * Computes what a breakdown needs, or `merchants` when there is none: in a slice, together with what
   * other fields of the same answer need. Without it, the first use computes it at once, in some
   * milliseconds for the whole cube. Counts as the `loopTime` of one of the operations that wait for it.
   */
  async prepare(by: CoverageDimension | null, loopTime?: LoopTime): Promise<void> {
    if (by === 'CITY') this.#needsCities = true
    else if (by !== null || !this.#isByTermsAlone) this.#needsProfiles = true
    // All fields of an answer begin before the first of them continues.
    await Promise.resolve()
    // Deleted before a call that waits for it continues: that call may need more, and computes it then.
    const compute = () => inSlices(this.#stepsOfNeeded(), loopTime).finally(() => this.#computing.clear())
    while (!this.#hasNeeded) await sharedResult(this.#computing, 'sums', compute)
  }

  /** All sums are one step, so that they are of one moment. */
  *#stepsOfNeeded(): Steps<void> {
    yield
    this.#computeNeeded()
  }

  get #hasNeeded(): boolean {
    const has = this.#version >= 0 && (this.#byProfile !== null || !this.#needsProfiles)
    return has && (this.#byCity !== null || !this.#needsCities)
  }

  #computeNeeded(): void {
    if (this.#hasNeeded) return
    if (this.#version !== this.#cube.version) this.#byProfile = this.#byCity = null
    this.#version = this.#cube.version
    this.#asOf = this.#cube.asOf
    if (this.#needsProfiles) this.#byProfile ??= this.#sumProfiles()
    if (this.#needsCities) this.#byCity ??= this.#sumCities()
    this.#merchants = this.#byProfile
      ? this.#byProfile.reduce((sum, merchants) => sum + merchants, 0)
      : this.#sumTerms()
  }

  /** True when the totals of the terms are enough for the number of merchants. */
  get #isByTermsAlone(): boolean {
    return this.#selections.every(({ cities, found, profiles }) => !cities && !found && profiles.byTermsAlone)
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
    const shares = by === 'CITY' ? this.#cityShares(first) : this.#profileShares(by)
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
  #profiles(): Uint32Array {
    this.#needsProfiles = true
    this.#computeNeeded()
    return this.#byProfile!
  }

  /** Merchants by number of the city. */
  #cities(): Uint32Array {
    this.#needsCities = true
    this.#computeNeeded()
    return this.#byCity!
  }

  #sumTerms(): number {
    const { termsTotals } = this.#cube
    let sum = 0
    for (const { profiles } of this.#selections) {
      profiles.terms.forEach((selected, n) => void (selected && (sum += termsTotals[n]!)))
    }
    return sum
  }

  #sumProfiles(): Uint32Array {
    const { totals, citySums } = this.#cube
    const sums = new Uint32Array(totals.length)
    for (const selection of this.#selections) {
      const {
        cities,
        found,
        profiles: { profiles: selected },
      } = selection
      if (found) {
        this.#eachFound(found, selection, (_, profile) => void (sums[profile]! += 1))
        continue
      }
      if (isFew(cities)) {
        for (const spot of this.#cube.spotsOf(this.#isSelected(selection))) addByProfile(spot, selected, sums)
        continue
      }
      for (let n = 0; n < selected.length; n++) {
        if (selected[n]) sums[n]! += cities ? citySums.byProfile.sumOf(n, cities) : totals[n]!
      }
    }
    return sums
  }

  #sumCities(): Uint32Array {
    const { citySums } = this.#cube
    const sums = new Uint32Array(this.#cube.cities.length)
    for (const selection of this.#selections) {
      const { cities, found, profiles } = selection
      if (found) this.#eachFound(found, selection, (city) => void (sums[city]! += 1))
      else if (profiles.byTermsAlone) citySums.byTerms.sumInto(sums, profiles.terms, cities)
      else citySums.byProfile.sumInto(sums, profiles.profiles, cities)
    }
    return sums
  }

  #eachFound(
    found: FoundMerchants,
    selection: CountSelection,
    add: (city: number, profile: number) => void,
  ): void {
    const isSelected = this.#isSelected(selection)
    const { profiles } = selection.profiles
    for (let at = 0; at < found.length; at += 2) {
      const profile = found[at + 1]! >>> placeBits
      if (!profiles[profile]) continue
      const city = this.#cube.cityOfSpot[found[at]!]!
      if (isSelected(city)) add(city, profile)
    }
  }

  *#spotsOf(selection: CountSelection): Steps<readonly Spot[]> {
    const isSelected = this.#isSelected(selection)
    const { found } = selection
    if (!found) return this.#cube.spotsOf(isSelected)
    return (yield* this.#cube.spotsFrom(found)).filter(({ city }) => isSelected(city))
  }

  #isSelected({ cities, countries }: CountSelection): (city: number) => boolean {
    const { cities: names } = this.#cube
    return (city) => (!cities || cities[city] === 1) && (countries?.has(names[city]!.country) ?? true)
  }

  /** The `first` largest, and those that are equal to the last of them. */
  #cityShares(first: number): CoverageShare[] {
    const merchantsOf = this.#cities()
    const least = merchantsOf.toSorted().at(-first) ?? 0
    return this.#cube.cities.flatMap(({ country, name }, n) => {
      const merchants = merchantsOf[n] ?? 0
      if (merchants === 0 || merchants < least) return []
      return [{ key: `${country}:${name}`, label: `${name}, ${countryOf(country).name}`, merchants }]
    })
  }

  #profileShares(by: Exclude<CoverageDimension, 'CITY'>): CoverageShare[] {
    const sums = this.#cube.dimensions[by].sumsOf(this.#profiles())
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
      for (const spot of yield* this.#spotsOf(selection)) {
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

function addByProfile({ counts }: Spot, selected: Uint8Array, sums: Uint32Array): void {
  for (let at = 0; at < counts.length; at += 2) {
    const profile = counts[at]! >>> placeBits
    if (selected[profile]) sums[profile]! += counts[at + 1]!
  }
}

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
  const places = new Uint32Array(placesMax)
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
