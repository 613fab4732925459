// The filter of merchants: reads what a client sends, or refuses it.

import { countryByCode } from '../../schema/values/country.ts'
import type { EntryMode } from '../../schema/values/entry-mode.ts'
import type { ParticipantId, QrProductId } from '../../schema/values/id.ts'
import { isRefusal, refuse, type Refusal } from '../../schema/values/problems.ts'
import { quoteInput, unknownCountry } from '../../schema/values/unknown.ts'
import { isScenario } from './merchant.ts'
import { fold, searchWords, wordLengthMax } from './search-words.ts'

type List<Entry extends string = string> = readonly Entry[] | null | undefined

export interface MerchantFilterInput {
  readonly countries?: List
  readonly cities?: List
  readonly mccs?: List
  readonly scenarios?: List
  readonly qrProducts?: List<QrProductId>
  readonly acquirers?: List<ParticipantId>
  readonly entryModes?: readonly EntryMode[] | null
  readonly online?: boolean | null
  readonly search?: string | null
}

/** A merchant must match every field that is not null, and in a set any entry. */
export interface MerchantFilter {
  readonly countries: ReadonlySet<string> | null
  /** Folded. */
  readonly cities: ReadonlySet<string> | null
  readonly mccs: ReadonlySet<string> | null
  readonly scenarios: ReadonlySet<string> | null
  readonly qrProducts: ReadonlySet<QrProductId> | null
  readonly acquirers: ReadonlySet<ParticipantId> | null
  readonly entryModes: ReadonlySet<string> | null
  readonly online: boolean | null
  /** Folded words. For each of them, a name must have a word that begins with it. */
  readonly search: readonly string[] | null
}

const entriesMax = 500

/** An empty list filters nothing. Refuses with BAD_VALUE, UNKNOWN_COUNTRY or TOO_MANY. */
export function readMerchantFilter(where: MerchantFilterInput | null | undefined): MerchantFilter | Refusal {
  const { countries, cities, mccs, scenarios, qrProducts, acquirers, entryModes, online, search } =
    where ?? {}
  const lists = { countries, cities, mccs, scenarios, qrProducts, acquirers, entryModes }
  for (const [name, list] of Object.entries(lists)) {
    if (list && list.length > entriesMax) {
      return refuse('TOO_MANY', `\`${name}\` has ${list.length} entries: send at most ${entriesMax}`, [
        'where',
        name,
      ])
    }
  }
  const country = countries?.find((code) => !countryByCode(code))
  if (country !== undefined) return unknownCountry(country, ['where', 'countries'])
  const mcc = mccs?.find((code) => !/^\d{4}$/.test(code))
  if (mcc !== undefined) {
    return refuse('BAD_VALUE', `a category code has four digits, not ${quoteInput(mcc)}`, ['where', 'mccs'])
  }
  const scenario = scenarios?.find((name) => !isScenario(name))
  if (scenario !== undefined) {
    return refuse('BAD_VALUE', `${quoteInput(scenario)} is not a scenario`, ['where', 'scenarios'])
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
    : refuse('BAD_VALUE', `the search ${quoteInput(text)} has no letter or digit`, path)
}

const setOf = <Entry extends string>(list: List<Entry>): ReadonlySet<Entry> | null =>
  list && list.length > 0 ? new Set(list) : null
