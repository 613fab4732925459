// The alpha-2 codes of ISO 3166-1.

import { countries } from 'countries-list'

/** Codes that the package has beside those of ISO 3166-1: reserved ones, and one that its users assign. */
const others: ReadonlySet<string> = new Set(['AC', 'TA', 'XK'])
const codes = new Set(Object.keys(countries).filter((code) => !others.has(code)))

/** True for an alpha-2 code of ISO 3166-1 in capitals. */
export const isCountry = (code: string): boolean => codes.has(code)
