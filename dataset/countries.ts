// The countries of the data set: their wallets, acquirers, projects and shares. The programme publishes
// totals and some names; their distribution over countries is invented.

import { countryByCode } from '../schema/values/country.ts'
import type { Currency } from '../schema/values/currency.ts'
import type { PartnershipModel } from '../subgraphs/shared/registry.ts'

/** The project with one partner country. */
export interface ProjectPlan {
  /** The part of the id after the country: "napas" in "vn-napas". */
  readonly scheme: string
  readonly name: string
  readonly model: PartnershipModel
  readonly acquirers: number
  /** Share of all merchants outside the mainland. */
  readonly merchantShare: number
  /** Share of the payments of mainland wallets abroad. */
  readonly outboundShare: number
  /** Offset of local time at its shops from UTC, in minutes. */
  readonly offsetMinutes: number
}

export interface CountryPlan {
  readonly code: string
  /** Number of connected wallets. */
  readonly wallets: number
  /** Share of the payments of foreign wallets on the mainland. */
  readonly inboundShare: number
  readonly project: ProjectPlan | null
}

type ProjectRow = readonly [
  scheme: string,
  name: string,
  model: PartnershipModel,
  acquirers: number,
  merchantShare: number,
  outboundShare: number,
  offsetMinutes: number,
]

/** The first ten projects are published; the other nine are illustrative. */
const table: readonly (readonly [
  code: string,
  wallets: number,
  inboundShare: number,
  project?: ProjectRow,
])[] = [
  ['VN', 10, 4, ['napas', 'Vietnam NAPAS', 'G2G', 4, 9, 11, 420]],
  ['ID', 12, 5, ['qris', 'Indonesia QRIS', 'G2G', 4, 30, 10, 420]],
  ['KH', 7, 1.5, ['khqr', 'Cambodia KHQR', 'N2N', 2, 3, 4, 420]],
  ['LA', 5, 1, ['lao-qr', 'Laos LAO QR', 'N2N', 2, 1, 3, 420]],
  ['MY', 13, 13, ['duitnow', 'Malaysia DuitNow', 'N2N', 4, 9, 12, 480]],
  ['SG', 12, 11, ['sgqr', 'Singapore SGQR', 'N2N', 3, 2, 11, 480]],
  ['KR', 12, 12, ['zeropay', 'Korea ZeroPay', 'N2N', 3, 8, 12, 540]],
  ['JP', 10, 8, ['qr', 'Japan QR', 'N2N', 4, 8, 14, 540]],
  ['LK', 5, 0.8, ['lankaqr', 'Sri Lanka LankaQR', 'N2N', 2, 2, 1, 330]],
  ['AR', 2, 0.6, ['qr', 'Argentina QR', 'N2N', 2, 4, 0.5, -180]],
  ['TH', 12, 11, ['qr', 'Thailand QR (illustrative)', 'N2N', 4, 10, 13, 420]],
  ['PH', 9, 3, ['qr', 'Philippines QR (illustrative)', 'N2N', 3, 7, 2, 480]],
  ['NP', 4, 0.8, ['qr', 'Nepal QR (illustrative)', 'N2N', 2, 1.5, 0.6, 345]],
  ['MN', 4, 1.6, ['qr', 'Mongolia QR (illustrative)', 'N2N', 2, 1, 0.6, 480]],
  ['KZ', 4, 1.4, ['qr', 'Kazakhstan QR (illustrative)', 'N2N', 2, 1.5, 0.8, 300]],
  ['UZ', 3, 0.6, ['qr', 'Uzbekistan QR (illustrative)', 'N2N', 1, 1, 0.3, 300]],
  ['PK', 4, 0.8, ['qr', 'Pakistan QR (illustrative)', 'N2N', 1, 2, 0.4, 300]],
  ['BD', 4, 0.8, ['qr', 'Bangladesh QR (illustrative)', 'N2N', 1, 1.5, 0.3, 360]],
  ['AE', 4, 1.6, ['qr', 'United Arab Emirates QR (illustrative)', 'N2N', 2, 1.5, 3, 240]],
  ['HK', 14, 15],
  ['MO', 5, 4],
  ['MM', 3, 0.6],
  ['BN', 2, 0.4],
  ['QA', 2, 0.4],
  ['AU', 3, 1.6],
  ['NZ', 2, 0.6],
  ['GB', 2, 1],
  ['IT', 1, 0.8],
  ['BR', 1, 0.3],
  ['TR', 1, 0.4],
]

/** The 30 countries and regions whose wallets are connected; 19 of them have a project. */
export const partners: readonly CountryPlan[] = table.map(([code, wallets, inboundShare, row]) => ({
  code,
  wallets,
  inboundShare,
  project: row ? projectPlan(...row) : null,
}))

/** The countries with a project; only these have merchants. */
export const projectCountries = partners.filter(
  (partner): partner is CountryPlan & { readonly project: ProjectPlan } => partner.project !== null,
)

export const mainland = { code: 'CN', wallets: 5, acquirers: 12, offsetMinutes: 480 } as const

/** The currency of prices in `country`. Throws for a country that the hub does not support. */
export function currencyIn(country: string): Currency {
  const found = countryByCode(country)
  if (!found) throw new TypeError(`the hub does not support the country ${country}`)
  return found.currency
}

/**
 * Offset of local time at the shops of `country`, in minutes. Throws for a country without shops in the data
 * set.
 */
export function offsetMinutesIn(country: string): number {
  if (country === mainland.code) return mainland.offsetMinutes
  const plan = projectCountries.find(({ code }) => code === country)
  if (!plan) throw new TypeError(`there are no merchants in ${country}`)
  return plan.project.offsetMinutes
}

function projectPlan(...row: ProjectRow): ProjectPlan {
  const [scheme, name, model, acquirers, merchantShare, outboundShare, offsetMinutes] = row
  return { scheme, name, model, acquirers, merchantShare, outboundShare, offsetMinutes }
}
