// Reads names of a closed set and country codes, for the filters and inputs of every subgraph.

import { countryByCode } from '../../schema/values/country.ts'
import { refuse, type Refusal } from '../../schema/values/problems.ts'
import { quoteInput, unknownCountry } from '../../schema/values/unknown.ts'

/** Reads `text` as one of the keys of `known`. Refuses with BAD_VALUE at `path`. */
export function readName<Name extends string>(
  text: string,
  known: Readonly<Record<Name, unknown>>,
  path: readonly string[],
): Name | Refusal {
  if (Object.hasOwn(known, text)) return text as Name
  return refuse('BAD_VALUE', `${quoteInput(text)} is not one of ${Object.keys(known).join(', ')}`, path)
}

/** Reads a list of names; null when it is empty or left out, which does not restrict anything. */
export function readNames<Name extends string>(
  texts: readonly string[] | null | undefined,
  known: Readonly<Record<Name, unknown>>,
  path: readonly string[],
): ReadonlySet<Name> | null | Refusal {
  if (!texts || texts.length === 0) return null
  const names = new Set<Name>()
  for (const [n, text] of texts.entries()) {
    const name = readName(text, known, [...path, String(n)])
    if (typeof name !== 'string') return name
    names.add(name)
  }
  return names
}

/** Reads a list of country codes; null when it is empty or left out. Refuses with UNKNOWN_COUNTRY. */
export function readCountries(
  codes: readonly string[] | null | undefined,
  path: readonly string[],
): ReadonlySet<string> | null | Refusal {
  if (!codes || codes.length === 0) return null
  const unknown = codes.findIndex((code) => !countryByCode(code))
  if (unknown < 0) return new Set(codes)
  return unknownCountry(codes[unknown]!, [...path, String(unknown)])
}
