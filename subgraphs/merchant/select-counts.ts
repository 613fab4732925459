// Which counts of the cube a filter selects.

import type { ParticipantId } from '../../schema/values/id.ts'
import type { CountCube } from './count-cube.ts'
import type { Profile, ProfileKey } from './count-key.ts'
import type { MerchantFilter } from './merchant-filter.ts'

/**
 * A flag per profile of the cube: 1 when the filter matches. Merchants that take no payments are never
 * selected.
 */
export function selectProfiles(
  cube: CountCube,
  filter: MerchantFilter,
  isPayable: (terms: number) => boolean = () => true,
): Uint8Array {
  const payable = cube.terms.map((_, terms) => isPayable(terms))
  const selected = new Uint8Array(cube.profiles.length)
  for (const [n, profile] of cube.profiles.entries()) {
    if (profile.status === 'ACTIVE' && payable[cube.termsOf[n]!] && matches(profile, filter)) selected[n] = 1
  }
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
const rangesMax = 100

/**
 * Narrows a query by the counts: rare combinations of common values are found by their profiles, others by
 * the acquirers that have them. Null when no merchant matches.
 */
export function hintsOf(cube: CountCube, filter: MerchantFilter): QueryHints | null {
  const profiles: ProfileKey[] = []
  const acquirers = new Set<ParticipantId>()
  selectProfiles(cube, filter).forEach((selected, n) => {
    if (!selected || !cube.totals[n]) return
    profiles.push(cube.keys[n]!)
    acquirers.add(cube.profiles[n]!.acquirer)
  })
  if (profiles.length === 0) return null
  if (profiles.length <= rangesMax) return { profiles, acquirers: null }
  return { profiles: null, acquirers: acquirers.size <= rangesMax ? [...acquirers] : null }
}

function matches(profile: Profile, filter: MerchantFilter): boolean {
  return (
    (filter.countries?.has(profile.country) ?? true) &&
    (filter.acquirers?.has(profile.acquirer) ?? true) &&
    (filter.mccs?.has(profile.mcc) ?? true) &&
    (filter.scenarios?.has(profile.scenario) ?? true) &&
    (filter.online === null || filter.online === profile.online) &&
    hasAny(filter.entryModes, profile.entryModes) &&
    hasAny(filter.qrProducts, profile.qrProducts)
  )
}

const hasAny = (wanted: ReadonlySet<string> | null, values: readonly string[]): boolean =>
  wanted === null || values.some((value) => wanted.has(value))
