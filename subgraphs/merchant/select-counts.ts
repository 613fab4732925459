// Which counts of the cube a filter selects.

import type { ParticipantId } from '../../schema/values/id.ts'
import type { CountCube, FoundMerchants, Terms } from './count-cube.ts'
import { placeBits, type Profile, type ProfileKey } from './count-key.ts'
import type { MerchantFilter } from './merchant-filter.ts'

/**
 * Selects profiles in two steps: their terms, of which there are few, and what else a filter may select by.
 * Merchants that take no payments are never selected.
 */
export interface ProfileSelection {
  /** A flag per terms of the cube: 1 when a profile with these terms may be selected. */
  readonly terms: Uint8Array
  /** True when the terms alone select: every profile with selected terms is selected. */
  readonly byTermsAlone: boolean
  /** A flag per profile of the cube; computed when it is used, also for profiles that come later. */
  readonly profiles: Uint8Array
}

/**
 * `payable` has a flag per terms of the cube; null for all. A profile needs one word of each of
 * `commonWords`.
 */
export function selectProfiles(
  cube: CountCube,
  filter: MerchantFilter,
  payable: Uint8Array | null = null,
  commonWords: readonly WantedWord[] = [],
): ProfileSelection {
  const terms = selectTerms(cube, filter, payable)
  const { mccs, scenarios, online, qrProducts } = filter
  const byTermsAlone =
    mccs === null && scenarios === null && online === null && qrProducts === null && commonWords.length === 0
  let flags = new Uint8Array()
  return {
    terms,
    byTermsAlone,
    get profiles() {
      const known = flags.length
      if (known === cube.profiles.length) return flags
      const more = new Uint8Array(cube.profiles.length)
      more.set(flags)
      flags = more
      for (let n = known; n < flags.length; n++) {
        if (!terms[cube.termsOf[n]!]) continue
        if (byTermsAlone || matches(cube.profiles[n]!, filter, commonWords)) flags[n] = 1
      }
      return flags
    },
  }
}

/** The common words that begin with a word of a search: a profile must have one of them. */
export type WantedWord = ReadonlySet<string>

/** What a search finds. */
export interface SearchCounts {
  /** The profiles that have one of each of these words match; null when no profile does. */
  readonly common: readonly WantedWord[] | null
  /** Further merchants that match. */
  readonly rare: FoundMerchants
}

function selectTerms(
  { terms, termsByCountry, cities: all }: CountCube,
  { countries: given, cities, acquirers, entryModes }: MerchantFilter,
  payable: Uint8Array | null,
): Uint8Array {
  const selected = new Uint8Array(terms.length)
  const countries =
    given ?? (cities && new Set(all.filter(({ folded }) => cities.has(folded)).map(({ country }) => country)))
  const select = (n: number): void => {
    const one: Terms = terms[n]!
    if (one.status !== 'ACTIVE' || (payable && !payable[n])) return
    if ((acquirers?.has(one.acquirer) ?? true) && hasAny(entryModes, one.entryModes)) selected[n] = 1
  }
  if (countries) for (const country of countries) termsByCountry.get(country)?.forEach(select)
  else for (let n = 0; n < terms.length; n++) select(n)
  return selected
}

/** A flag per city of the cube: 1 when the filter matches; null when the filter has no cities. */
export const selectCities = (cube: CountCube, { cities }: MerchantFilter): Uint8Array | null =>
  cities && Uint8Array.from(cube.cities, ({ folded }) => (cities.has(folded) ? 1 : 0))

/**
 * Every match has one of these profiles, and one of these acquirers; null when there are too many to help a
 * query.
 */
export interface QueryHints {
  readonly profiles: readonly ProfileKey[] | null
  readonly acquirers: readonly ParticipantId[] | null
}

/** MongoDB merges this many ranges of an index in order. */
export const rangesMax = 100

/**
 * Narrows a query by the counts: rare combinations of common values are found by their profiles, others by
 * the acquirers that have them. `found` is what the search of the filter has found; without it, all words are
 * left to the query. Null when no merchant matches.
 */
export function hintsOf(
  cube: CountCube,
  filter: MerchantFilter,
  found: SearchCounts | null = null,
): QueryHints | null {
  const selected = profilesOf(cube, filter, found)
  const profiles = profilesWithMerchants(cube, selected)
    .take(rangesMax + 1)
    .toArray()
  if (profiles.length === 0) return null
  if (profiles.length <= rangesMax) return { profiles: profiles.map((n) => cube.keys[n]!), acquirers: null }
  const acquirers = acquirersOf(cube, selected)
  return { profiles: null, acquirers: acquirers.length <= rangesMax ? acquirers : null }
}

/** Numbers of the selected profiles that have merchants; `selected` has a flag per profile. */
export function* profilesWithMerchants({ totals }: CountCube, selected: Uint8Array): Generator<number, void> {
  for (let n = 0; n < selected.length; n++) if (selected[n] && totals[n]) yield n
}

/** The acquirers of the selected profiles that have merchants. */
export function acquirersOf(cube: CountCube, selected: Uint8Array): ParticipantId[] {
  const found = new Set<ParticipantId>()
  for (const n of profilesWithMerchants(cube, selected)) found.add(cube.profiles[n]!.acquirer)
  return [...found]
}

/** A flag per profile of the cube: 1 when a merchant that matches may have it. */
function profilesOf(cube: CountCube, filter: MerchantFilter, found: SearchCounts | null): Uint8Array {
  const { profiles: selected } = selectProfiles(cube, filter)
  if (!found) return selected
  const flags = found.common
    ? selectProfiles(cube, filter, null, found.common).profiles
    : new Uint8Array(selected.length)
  for (let at = 0; at < found.rare.length; at += 2) {
    const n = found.rare[at + 1]! >>> placeBits
    if (selected[n]) flags[n] = 1
  }
  return flags
}

const matches = (profile: Profile, filter: MerchantFilter, commonWords: readonly WantedWord[]): boolean =>
  (filter.mccs?.has(profile.mcc) ?? true) &&
  (filter.scenarios?.has(profile.scenario) ?? true) &&
  (filter.online === null || filter.online === profile.online) &&
  hasAny(filter.qrProducts, profile.qrProducts) &&
  commonWords.every((wanted) => hasAny(wanted, profile.commonWords ?? []))

function hasAny(wanted: ReadonlySet<string> | null, values: readonly string[]): boolean {
  if (wanted === null) return true
  for (const value of values) if (wanted.has(value)) return true
  return false
}
