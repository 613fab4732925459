// A merchant, and the rules about one. No MongoDB, no GraphQL.

import { countryByCode } from '../../schema/values/country.ts'
import type { Currency } from '../../schema/values/currency.ts'
import { mccByCode, type Scenario } from '../../schema/values/mcc.ts'
import { isRefusal, refuse, type Refusal } from '../../schema/values/problems.ts'
import type { EntryMode } from '../../schema/values/entry-mode.ts'
import type { MerchantId, ParticipantId, QrProductId } from '../../schema/values/id.ts'

export type { Scenario }

export interface Merchant {
  /** The acquirer's id, a dot, and `mid`. */
  readonly id: MerchantId
  /** Id of the acquirer. */
  readonly acquirer: ParticipantId
  /** The acquirer's own number, at most 15 characters. */
  readonly mid: string
  readonly name: string
  readonly localName: string | null
  readonly status: 'ACTIVE' | 'SUSPENDED' | 'CLOSED'
  /** ISO 3166-1 alpha-2. */
  readonly country: string
  readonly city: string
  /** WGS 84 degrees; null for merchants that only sell online. */
  readonly location: { readonly lat: number; readonly lng: number } | null
  /** ISO 18245, four digits. */
  readonly mcc: string
  readonly scenario: Scenario
  readonly online: boolean
  readonly currency: Currency
  readonly entryModes: readonly EntryMode[]
  /** Ids of QR products. */
  readonly qrProducts: readonly string[]
}

export interface QrProduct {
  readonly id: QrProductId
  readonly name: string
  readonly country: string
  readonly acceptsForeignWallets: boolean
}

/** Scenes of use, as people call them. */
export const scenarios: Readonly<Record<Scenario, string>> = {
  TRANSPORT: 'Transport',
  DINING: 'Dining',
  RETAIL: 'Retail',
  LODGING: 'Lodging',
  ATTRACTIONS: 'Attractions',
  HEALTHCARE: 'Healthcare',
  EDUCATION: 'Education',
  ONLINE: 'Online',
}

export const isScenario = (name: string): name is Scenario => Object.hasOwn(scenarios, name)

/** A merchant as its acquirer describes it; null and undefined are the same. */
export interface MerchantInput {
  readonly mid: string
  readonly name: string
  readonly localName?: string | null
  readonly mcc: string
  readonly scenario?: string | null
  readonly country: string
  readonly city: string
  readonly location?: { readonly lat: number; readonly lng: number } | null
  readonly online?: boolean | null
  readonly entryModes?: readonly EntryMode[] | null
  readonly qrProducts?: readonly string[] | null
}

const nameMax = 80
const cityMax = 60
const qrProductsMax = 20

/** The merchant that `input` describes, ACTIVE, or the first thing that is wrong with it. */
export function describeMerchant(
  input: MerchantInput,
  acquirer: { readonly id: string; readonly country: string },
  knownProducts: ReadonlyMap<string, unknown>,
): Merchant | Refusal {
  const { mid, country: code, online } = input
  const [name, localName, city] = [input.name.trim(), input.localName?.trim() || null, input.city.trim()]
  const mcc = mccByCode(input.mcc)
  const country = countryByCode(code)
  const location = input.location ?? null
  const entryModes = [...new Set(input.entryModes ?? (['MPM_STATIC', 'MPM_DYNAMIC'] as const))]
  const qrProducts = [...new Set(input.qrProducts)]
  const unknown = qrProducts.find((id) => !knownProducts.has(id))

  if (!/^[A-Za-z0-9-]{1,15}$/.test(mid)) return bad('mid', mid, 'is not 1–15 letters, digits or dashes')
  if (!isWritten(name, nameMax)) return bad('name', name, `is not 1–${nameMax} printable characters`)
  if (!isLatin(name)) return bad('name', name, 'is not in Latin letters: use `localName` for others')
  if (localName !== null && !isWritten(localName, nameMax)) {
    return bad('localName', localName, `is not 1–${nameMax} printable characters`)
  }
  if (!mcc) return bad('mcc', input.mcc, 'is not a category that the hub knows')
  const scenario = input.scenario ?? mcc.scenario
  if (!isScenario(scenario)) return bad('scenario', scenario, 'is not a scenario')
  if (!country)
    return refuse('UNKNOWN_COUNTRY', `"${clip(code)}" is not a country that the hub knows`, ['country'])
  if (country.code !== acquirer.country) {
    return refuse('FORBIDDEN', `${acquirer.id} serves merchants in ${acquirer.country}, not in ${code}`, [
      'country',
    ])
  }
  if (!isWritten(city, cityMax) || !isLatin(city)) {
    return bad('city', city, `is not 1–${cityMax} printable characters in Latin letters`)
  }
  if (!location && !online) return refuse('BAD_VALUE', '`location` is needed unless `online`', ['location'])
  if (location && !(Math.abs(location.lat) <= 90 && Math.abs(location.lng) <= 180)) {
    return bad('location', `${location.lat}, ${location.lng}`, 'is not on the Earth')
  }
  if (entryModes.length === 0)
    return refuse('BAD_VALUE', '`entryModes` is empty: leave it out', ['entryModes'])
  if (qrProducts.length > qrProductsMax) {
    return refuse('TOO_MANY', `\`qrProducts\` takes at most ${qrProductsMax}`, ['qrProducts'])
  }
  if (unknown !== undefined) return bad('qrProducts', unknown, 'is not a QR product that the hub knows')
  return {
    id: `${acquirer.id}.${mid}`,
    acquirer: acquirer.id,
    mid,
    name,
    localName,
    status: 'ACTIVE',
    country: code,
    city,
    location: location && { lat: location.lat, lng: location.lng },
    mcc: mcc.code,
    scenario,
    online: online ?? false,
    currency: country.currency,
    entryModes,
    qrProducts,
  }
}

/** A row of a registration that was refused, by its place from 0. */
export interface RejectedRow {
  readonly index: number
  readonly code: Refusal['code']
  readonly message: string
}

/** Sorts the rows of one registration into merchants and refusals. A number that occurs again is refused. */
export function describeMerchants(
  rows: readonly MerchantInput[],
  acquirer: { readonly id: string; readonly country: string },
  knownProducts: ReadonlyMap<string, unknown>,
): { readonly merchants: Merchant[]; readonly rejected: RejectedRow[] } {
  const merchants = new Map<string, Merchant>()
  const rejected: RejectedRow[] = []
  for (const [index, row] of rows.entries()) {
    const described = describeMerchant(row, acquirer, knownProducts)
    if (isRefusal(described)) rejected.push({ index, code: described.code, message: described.message })
    else if (!merchants.has(described.id)) merchants.set(described.id, described)
    else
      rejected.push({ index, code: 'ALREADY_EXISTS', message: `mid "${row.mid}" occurs in an earlier row` })
  }
  return { merchants: [...merchants.values()], rejected }
}

function bad(field: string, value: string, what: string): Refusal {
  return refuse('BAD_VALUE', `${field} "${clip(value)}" ${what}`, [field])
}

const isWritten = (text: string, max: number): boolean =>
  text.length >= 1 && text.length <= max && text.isWellFormed() && !/\p{C}/u.test(text)

/** No letter of another script, and at least one letter or digit. */
const isLatin = (text: string): boolean =>
  /[\p{L}\p{N}]/u.test(text) && !/(?!\p{Script=Latin})\p{L}/u.test(text)

const clip = (text: string): string => (text.length > 40 ? `${text.slice(0, 40)}…` : text)
