// The letters, numbers and digits of ISO 4217: all currencies and funds in use, and recently retired ones
// that printed codes still use. `Intl` is wrong here: it follows use, such as 0 digits for IDR.

import { countries } from 'countries-list'
import { currencies } from 'countries-list/currencies'

interface CurrencyRow {
  readonly numeric: string
  readonly decimals: number
  readonly withdrawn?: boolean
}

const retired: readonly [string, CurrencyRow][] = [
  ['BGN', { numeric: '975', decimals: 2 }],
  ['HRK', { numeric: '191', decimals: 2 }],
]

const ofCountries = new Set<string>(Object.values(countries).flatMap(({ currency }) => currency))
/** Metals, units of account and the code for tests: no country pays with them. */
const isNoMoney = (code: string): boolean => code.startsWith('X') && !ofCountries.has(code)

const byLetters = new Map<string, CurrencyRow>([
  ...Object.entries<CurrencyRow>(currencies).filter(
    ([code, { withdrawn }]) => !withdrawn && !isNoMoney(code),
  ),
  ...retired,
])
const byNumber = new Map([...byLetters].map(([code, { numeric }]) => [numeric, code]))

/** Returns "THB" for "764"; null when ISO 4217 has no such number. */
export const currencyOf = (numeric: string): string | null => byNumber.get(numeric) ?? null

/** Returns "764" for "THB"; null when ISO 4217 has no such code. */
export const currencyNumber = (code: string): string | null => byLetters.get(code)?.numeric ?? null

/** Digits after the point of a currency: JPY 0, CNY 2, KWD 3; 2 for a code that ISO 4217 does not have. */
export const currencyDigits = (code: string): number => byLetters.get(code)?.decimals ?? 2
