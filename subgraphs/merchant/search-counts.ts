// Counts the merchants that a search finds: by their profiles where its words are common, and by the index on
// words elsewhere. What neither can answer is refused.

import type { ParticipantId } from '../../schema/values/id.ts'
import { refuse, type Refusal } from '../../schema/values/problems.ts'
import type { CommonWords } from './common-words.ts'
import type { CountCube, FoundMerchants } from './count-cube.ts'
import { placeBits } from './count-key.ts'
import type { MerchantFilter } from './merchant-filter.ts'
import { selectProfiles, type SearchCounts, type WantedWord } from './select-counts.ts'

/** A word of a search, and the common words that begin with it. */
export interface SearchTerm {
  readonly word: string
  readonly common: WantedWord
}

/** Merchants by words of their names that the index has. */
export interface NameSearch {
  /** For each of them, a rare word of a name begins with it. At least one. */
  readonly rare: readonly string[]
  /** For each of them, a word of a name begins with it, rare or common. */
  readonly also: readonly SearchTerm[]
  /** All that may have a match. */
  readonly acquirers: readonly ParticipantId[]
  /** Beginnings of the ids of spots to search; null for all spots. */
  readonly spots: readonly string[] | null
}

export const searchTerms = (words: readonly string[], commonWords: CommonWords): SearchTerm[] =>
  words.map((word) => ({
    word,
    common: new Set(commonWords.values().filter((common) => common.startsWith(word))),
  }))

/**
 * Counts what the search of `filter` finds, within its countries and cities; other conditions are applied by
 * profile. Refuses with SEARCH_TOO_BROAD what `countFound` cannot count.
 */
export async function countSearch(
  cube: CountCube,
  filter: MerchantFilter,
  countFound: (search: NameSearch) => Promise<FoundMerchants | null>,
): Promise<SearchCounts | Refusal> {
  const terms = searchTerms(filter.search!, cube.commonWords)
  const spots = spotsOf(cube, filter)
  const { terms: selected } = selectProfiles(cube, filter)
  const acquirers = [...new Set(cube.terms.flatMap(({ acquirer }, n) => (selected[n] ? acquirer : [])))]
  const rareTerms = terms.filter(({ common }) => common.size === 0)
  if (rareTerms.length > 0) {
    const also = terms.filter(({ common }) => common.size > 0)
    const found = await countFound({ rare: rareTerms.map(({ word }) => word), also, acquirers, spots })
    return found ? { common: null, rare: found } : tooBroad()
  }
  // A merchant matches by its profile alone, or there is a first word that its profile lacks: these sets have
  // no merchant in common.
  const groups = await Promise.all(
    terms.map(async (term, n) => {
      const found = await countFound({ rare: [term.word], also: terms.slice(n + 1), acquirers, spots })
      const isNew = (profile: number) =>
        !hasWord(cube, profile, term) && terms.slice(0, n).every((one) => hasWord(cube, profile, one))
      return found && found.filter((_, at) => isNew(found[at | 1]! >>> placeBits))
    }),
  )
  const found = groups.filter((group) => group !== null)
  if (found.length < groups.length) return tooBroad()
  return { common: terms.map(({ common }) => common), rare: joined(found) }
}

const hasWord = (cube: CountCube, profile: number, { common }: SearchTerm): boolean =>
  cube.profiles[profile]!.commonWords?.some((word) => common.has(word)) ?? false

function joined(parts: readonly FoundMerchants[]): FoundMerchants {
  if (parts.length === 1) return parts[0]!
  return Uint32Array.from(parts.flatMap((part) => [...part]))
}

/** More ranges than this would make the index slower than a range over all spots. */
const spotsMax = 20

/** Beginnings of the ids of the spots that a filter selects; null for all, and for too many. */
export function spotsOf(
  { cities: all }: CountCube,
  { countries, cities }: MerchantFilter,
): readonly string[] | null {
  const inCountry = ({ country }: { readonly country: string }) => countries?.has(country) ?? true
  const spots = cities
    ? all
        .filter((city) => cities.has(city.folded) && inCountry(city))
        .map((city) => `${city.country}|${city.folded}|`)
    : Array.from(countries ?? [], (country) => `${country}|`)
  const isUseful = (cities !== null || countries !== null) && spots.length <= spotsMax
  return isUseful ? spots : null
}

/** The refusal of a search that only a scan could answer. */
export const tooBroad = (): Refusal => refuse('SEARCH_TOO_BROAD', undefined, ['where', 'search'])
