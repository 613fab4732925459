// Countries and regions that the hub supports (ISO 3166-1), with the currency of prices there.

import type { Currency } from './currency.ts'

export interface Country {
  readonly code: string
  readonly name: string
  readonly currency: Currency
}

const table: readonly (readonly [string, string, Currency])[] = [
  ['AE', 'United Arab Emirates', 'AED'],
  ['AR', 'Argentina', 'ARS'],
  ['AU', 'Australia', 'AUD'],
  ['BD', 'Bangladesh', 'BDT'],
  ['BH', 'Bahrain', 'BHD'],
  ['BN', 'Brunei', 'BND'],
  ['BR', 'Brazil', 'BRL'],
  ['CA', 'Canada', 'CAD'],
  ['CH', 'Switzerland', 'CHF'],
  ['CL', 'Chile', 'CLP'],
  ['CN', 'China', 'CNY'],
  ['CO', 'Colombia', 'COP'],
  ['DE', 'Germany', 'EUR'],
  ['EG', 'Egypt', 'EGP'],
  ['ES', 'Spain', 'EUR'],
  ['FR', 'France', 'EUR'],
  ['GB', 'United Kingdom', 'GBP'],
  ['GE', 'Georgia', 'GEL'],
  ['HK', 'Hong Kong', 'HKD'],
  ['ID', 'Indonesia', 'IDR'],
  ['IN', 'India', 'INR'],
  ['IT', 'Italy', 'EUR'],
  ['JO', 'Jordan', 'JOD'],
  ['JP', 'Japan', 'JPY'],
  ['KH', 'Cambodia', 'KHR'],
  ['KR', 'South Korea', 'KRW'],
  ['KW', 'Kuwait', 'KWD'],
  ['KZ', 'Kazakhstan', 'KZT'],
  ['LA', 'Laos', 'LAK'],
  ['LK', 'Sri Lanka', 'LKR'],
  ['MM', 'Myanmar', 'MMK'],
  ['MN', 'Mongolia', 'MNT'],
  ['MO', 'Macao', 'MOP'],
  ['MX', 'Mexico', 'MXN'],
  ['MY', 'Malaysia', 'MYR'],
  ['NL', 'Netherlands', 'EUR'],
  ['NO', 'Norway', 'NOK'],
  ['NP', 'Nepal', 'NPR'],
  ['NZ', 'New Zealand', 'NZD'],
  ['OM', 'Oman', 'OMR'],
  ['PA', 'Panama', 'PAB'],
  ['PE', 'Peru', 'PEN'],
  ['PH', 'Philippines', 'PHP'],
  ['PK', 'Pakistan', 'PKR'],
  ['QA', 'Qatar', 'QAR'],
  ['RU', 'Russia', 'RUB'],
  ['SA', 'Saudi Arabia', 'SAR'],
  ['SE', 'Sweden', 'SEK'],
  ['SG', 'Singapore', 'SGD'],
  ['TH', 'Thailand', 'THB'],
  ['TR', 'Türkiye', 'TRY'],
  ['TW', 'Taiwan', 'TWD'],
  ['US', 'United States', 'USD'],
  ['UZ', 'Uzbekistan', 'UZS'],
  ['VN', 'Vietnam', 'VND'],
  ['ZA', 'South Africa', 'ZAR'],
]

const byCode = new Map<string, Country>(
  table.map(([code, name, currency]) => [code, { code, name, currency }]),
)

/** The country with this alpha-2 code in capitals; null when the hub does not support it. */
export const countryByCode = (code: string): Country | null => byCode.get(code) ?? null

/** All supported countries, by code. */
export const countries: readonly Country[] = [...byCode.values()]
