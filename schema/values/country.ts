// Countries and regions that the hub supports (ISO 3166-1), with the currency of prices there.

import { countries as all, type TCountryCode } from 'countries-list'
import { isCurrency, type Currency } from './currency.ts'

export interface Country {
  readonly code: string
  readonly name: string
  readonly currency: Currency
}

const supported: readonly TCountryCode[] = [
  'AE', 'AR', 'AU', 'BD', 'BH', 'BN', 'BR', 'CA', 'CH', 'CL', 'CN', 'CO', 'DE', 'EG', 'ES', 'FR', 'GB', 'GE', 'HK',
  'ID', 'IN', 'IT', 'JO', 'JP', 'KH', 'KR', 'KW', 'KZ', 'LA', 'LK', 'MM', 'MN', 'MO', 'MX', 'MY', 'NL', 'NO', 'NP',
  'NZ', 'OM', 'PA', 'PE', 'PH', 'PK', 'QA', 'RU', 'SA', 'SE', 'SG', 'TH', 'TR', 'TW', 'US', 'UZ', 'VN', 'ZA',
] // prettier-ignore

function countryOf(code: TCountryCode): Country {
  const { name, currency: currencies } = all[code]
  // The first of several is the one of prices: PAB and USD in Panama.
  const [currency = ''] = currencies
  if (isCurrency(currency)) return { code, name, currency }
  throw new TypeError(`prices in ${name} are in ${currency}, which the hub does not support`)
}

const byCode = new Map<string, Country>(supported.map((code) => [code, countryOf(code)]))

/** The country with this alpha-2 code in capitals; null when the hub does not support it. */
export const countryByCode = (code: string): Country | null => byCode.get(code) ?? null

/** All supported countries, by code. */
export const countries: readonly Country[] = [...byCode.values()]
