// Which merchants a client asks for: reads the filter, and says which of the kept counts it takes in.

import { countryByCode } from '../../schema/values/country.ts'
import { isRefusal, refuse, type Refusal } from '../../schema/values/problems.ts'
import type { CountCube } from './count-cube.ts'
import { isScenario } from './merchant.ts'
import type { Profile } from './count-key.ts'
import type { EntryMode } from '../../schema/values/entry-mode.ts'
import { fold, searchWords, wordLengthMax } from './search-words.ts'
import type { ParticipantId } from '../../schema/values/id.ts'

type List = readonly string[] | null | undefined

export interface MerchantFilterInput {
  readonly countries?: List
  readonly cities?: List
  readonly mccs?: List
  readonly scenarios?: List
  readonly qrProducts?: List
  readonly acquirers?: List
  readonly entryModes?: readonly EntryMode[] | null
  readonly online?: boolean | null
  readonly search?: string | null
}

/** Null where anything will do. */
export interface MerchantFilter {
  readonly countries: ReadonlySet<string> | null
  /** Folded. */
  readonly cities: ReadonlySet<string> | null
  readonly mccs: ReadonlySet<string> | null
  readonly scenarios: ReadonlySet<string> | null
  readonly qrProducts: ReadonlySet<string> | null
  readonly acquirers: ReadonlySet<ParticipantId> | null
  readonly entryModes: ReadonlySet<string> | null
  readonly online: boolean | null
  /** Folded words; a name must have, for each of them, a word that begins with it. */
  readonly search: readonly string[] | null
}

const entriesMax = 500

/** Empty lists ask for nothing in particular. Refuses with BAD_VALUE, UNKNOWN_COUNTRY or TOO_MANY. */
export function readMerchantFilter(where: MerchantFilterInput | null | undefined): MerchantFilter | Refusal {
  const { countries, cities, mccs, scenarios, qrProducts, acquirers, entryModes, online, search } =
    where ?? {}
  const lists = { countries, cities, mccs, scenarios, qrProducts, acquirers, entryModes }
  for (const [name, list] of Object.entries(lists)) {
    if (list && list.length > entriesMax) {
      return refuse('TOO_MANY', `\`${name}\` takes at most ${entriesMax} entries`, ['where', name])
    }
  }
  const country = countries?.find((code) => !countryByCode(code))
  if (country !== undefined) {
    return refuse('UNKNOWN_COUNTRY', `"${clip(country)}" is not a country that the hub knows`, [
      'where',
      'countries',
    ])
  }
  const mcc = mccs?.find((code) => !/^\d{4}$/.test(code))
  if (mcc !== undefined) return refuse('BAD_VALUE', `"${clip(mcc)}" is not four digits`, ['where', 'mccs'])
  const scenario = scenarios?.find((name) => !isScenario(name))
  if (scenario !== undefined) {
    return refuse('BAD_VALUE', `"${clip(scenario)}" is not a scenario`, ['where', 'scenarios'])
  }
  const words = readSearch(search)
  if (isRefusal(words)) return words
  return {
    countries: setOf(countries),
    cities: setOf(cities?.map(fold)),
    mccs: setOf(mccs),
    scenarios: setOf(scenarios),
    qrProducts: setOf(qrProducts),
    acquirers: setOf(acquirers),
    entryModes: setOf(entryModes),
    online: online ?? null,
    search: words,
  }
}

/** By number: 1 for profiles that the filter takes in. Merchants that take no payments are neither counted nor listed. */
export function chooseProfiles(
  cube: CountCube,
  filter: MerchantFilter,
  isPayable: (terms: number) => boolean = () => true,
): Uint8Array {
  const payable = cube.terms.map((_, terms) => isPayable(terms))
  const chosen = new Uint8Array(cube.profiles.length)
  for (const [n, profile] of cube.profiles.entries()) {
    if (profile.status === 'ACTIVE' && payable[cube.termsOf[n]!] && matches(profile, filter)) chosen[n] = 1
  }
  return chosen
}

/** By number: 1 for cities that the filter takes in; null when any will do. */
export const chooseCities = (cube: CountCube, { cities }: MerchantFilter): Uint8Array | null =>
  cities && Uint8Array.from(cube.cities, ({ folded }) => (cities.has(folded) ? 1 : 0))

/** Profiles or acquirers outside of which nothing matches; null where that would say nothing. */
export interface Hints {
  readonly profiles: readonly string[] | null
  readonly acquirers: readonly ParticipantId[] | null
}

/** MongoDB merges this many ranges of an index in order. */
const profilesMax = 100

/**
 * What the kept counts know of the merchants that match: rare combinations of common things are found by their profiles,
 * others by the acquirers that have them. Null when nothing matches.
 */
export function hintsOf(cube: CountCube, filter: MerchantFilter): Hints | null {
  const profiles: string[] = []
  const acquirers = new Set<string>()
  chooseProfiles(cube, filter).forEach((chosen, n) => {
    if (!chosen || !cube.totals[n]) return
    profiles.push(cube.keys[n]!)
    acquirers.add(cube.profiles[n]!.acquirer)
  })
  if (profiles.length === 0) return null
  if (profiles.length <= profilesMax) return { profiles, acquirers: null }
  return { profiles: null, acquirers: acquirers.size <= profilesMax ? [...acquirers] : null }
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

const hasAny = (wanted: ReadonlySet<string> | null, there: readonly string[]): boolean =>
  wanted === null || there.some((one) => wanted.has(one))

function readSearch(search: string | null | undefined): readonly string[] | null | Refusal {
  if (search === null || search === undefined) return null
  const text = search.trim()
  const path = ['where', 'search']
  if (text.length < 2 || text.length > wordLengthMax) {
    return refuse('BAD_VALUE', `a search has 2–${wordLengthMax} characters`, path)
  }
  const words = searchWords(text)
  return words.length > 0
    ? words
    : refuse('BAD_VALUE', `"${text}" has no letter or digit to search for`, path)
}

const setOf = (list: List): ReadonlySet<string> | null => (list && list.length > 0 ? new Set(list) : null)

const clip = (text: string): string => text.slice(0, 40)
