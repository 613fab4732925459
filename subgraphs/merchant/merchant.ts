// A merchant, and the rules about one. No MongoDB, no GraphQL.

import { countryByCode } from '../../schema/values/country.ts'
import type { Currency } from '../../schema/values/currency.ts'
import type { EntryMode } from '../../schema/values/entry-mode.ts'
import type { MerchantId, ParticipantId, QrProductId } from '../../schema/values/id.ts'
import { mccByCode, type Scenario } from '../../schema/values/mcc.ts'
import { isRefusal, refuse, type Refusal } from '../../schema/values/problems.ts'
import type { Participant } from '../shared/registry.ts'
import { quoteInput, unknownCountry } from '../../schema/values/unknown.ts'

export type { Scenario }

export type MerchantStatus = 'ACTIVE' | 'SUSPENDED' | 'CLOSED'

export interface Merchant {
  /** The acquirer's id, a dot, and `mid`. */
  readonly id: MerchantId
  readonly acquirer: ParticipantId
  /** The acquirer's own number, at most 15 characters. */
  readonly mid: string
  readonly name: string
  readonly localName: string | null
  readonly status: MerchantStatus
  /** Present while the merchant is SUSPENDED by the operator. */
  readonly suspendedByOperator?: true
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
  readonly qrProducts: readonly QrProductId[]
}

export interface QrProduct {
  readonly id: QrProductId
  readonly name: string
  readonly country: string
  readonly acceptsForeignWallets: boolean
  readonly version: number
}

/** Every scene of use, with its label. */
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

/** An acquirer's description of a merchant; null and undefined mean the same. */
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
  readonly qrProducts?: readonly QrProductId[] | null
}

const nameMax = 80
const cityMax = 60
const qrProductsMax = 20

/** The part of an acquirer that its merchants depend on. */
type Acquirer = Pick<Participant, 'id' | 'country'>

/** The merchant that `input` describes, ACTIVE, or a refusal of the first invalid field. */
export function describeMerchant(
  input: MerchantInput,
  acquirer: Acquirer,
  products: ReadonlyMap<QrProductId, unknown>,
): Merchant | Refusal {
  const identity = readIdentity(input)
  if (isRefusal(identity)) return identity
  const category = readCategory(input)
  if (isRefusal(category)) return category
  const site = readSite(input, acquirer)
  if (isRefusal(site)) return site
  const offer = readOffer(input, products)
  if (isRefusal(offer)) return offer
  return {
    id: merchantIdOf(acquirer.id, identity.mid),
    acquirer: acquirer.id,
    status: 'ACTIVE',
    ...identity,
    ...category,
    ...site,
    ...offer,
  }
}

export const merchantIdOf = (acquirer: ParticipantId, mid: string): MerchantId =>
  `${acquirer}.${mid}` as MerchantId

function readIdentity(input: MerchantInput): Pick<Merchant, 'mid' | 'name' | 'localName'> | Refusal {
  const { mid } = input
  const name = input.name.trim()
  const localName = input.localName?.trim() || null
  if (!/^[A-Za-z0-9-]{1,15}$/.test(mid)) return bad('mid', mid, 'is not 1–15 letters, digits or dashes')
  if (!isWritten(name, nameMax)) return bad('name', name, `is not 1–${nameMax} printable characters`)
  if (!isLatin(name)) return bad('name', name, 'is not in Latin letters: use `localName` for others')
  if (localName !== null && !isWritten(localName, nameMax)) {
    return bad('localName', localName, `is not 1–${nameMax} printable characters`)
  }
  return { mid, name, localName }
}

function readCategory(input: MerchantInput): Pick<Merchant, 'mcc' | 'scenario'> | Refusal {
  const mcc = mccByCode(input.mcc)
  if (!mcc) return bad('mcc', input.mcc, 'is not a category that the hub supports')
  const scenario = input.scenario ?? mcc.scenario
  return isScenario(scenario) ? { mcc: mcc.code, scenario } : bad('scenario', scenario, 'is not a scenario')
}

function readSite(
  input: MerchantInput,
  acquirer: Acquirer,
): Pick<Merchant, 'country' | 'currency' | 'city' | 'location' | 'online'> | Refusal {
  const country = countryByCode(input.country)
  const city = input.city.trim()
  const location = input.location ?? null
  const online = input.online ?? false
  if (!country) return unknownCountry(input.country, ['country'])
  if (country.code !== acquirer.country) {
    const problem = `${acquirer.id} serves merchants in ${acquirer.country}, not in ${country.code}`
    return refuse('FORBIDDEN', problem, ['country'])
  }
  if (!isWritten(city, cityMax) || !isLatin(city)) {
    return bad('city', city, `is not 1–${cityMax} printable characters in Latin letters`)
  }
  if (!location && !online) return refuse('BAD_VALUE', '`location` is needed unless `online`', ['location'])
  if (location && !(Math.abs(location.lat) <= 90 && Math.abs(location.lng) <= 180)) {
    return bad('location', `${location.lat}, ${location.lng}`, 'is not on the Earth')
  }
  return {
    country: country.code,
    currency: country.currency,
    city,
    location: location && { lat: location.lat, lng: location.lng },
    online,
  }
}

function readOffer(
  input: MerchantInput,
  products: ReadonlyMap<QrProductId, unknown>,
): Pick<Merchant, 'entryModes' | 'qrProducts'> | Refusal {
  const entryModes = [...new Set(input.entryModes ?? (['MPM_STATIC', 'MPM_DYNAMIC'] as const))]
  const qrProducts = [...new Set(input.qrProducts)]
  const unknown = qrProducts.find((id) => !products.has(id))
  if (entryModes.length === 0) {
    return refuse('BAD_VALUE', '`entryModes` is empty: omit it', ['entryModes'])
  }
  if (qrProducts.length > qrProductsMax) {
    const problem = `\`qrProducts\` has ${qrProducts.length} entries: send at most ${qrProductsMax}`
    return refuse('TOO_MANY', problem, ['qrProducts'])
  }
  if (unknown !== undefined) return bad('qrProducts', unknown, 'is not a QR product of the hub')
  return { entryModes, qrProducts }
}

/** A refused row of a registration; `index` counts from 0. */
export interface RejectedRow {
  readonly index: number
  readonly code: Refusal['code']
  readonly message: string
}

/**
 * Divides the rows of one registration into merchants and refusals. A second row with the same `mid` is
 * refused.
 */
export function describeMerchants(
  rows: readonly MerchantInput[],
  acquirer: Acquirer,
  products: ReadonlyMap<QrProductId, unknown>,
): { readonly merchants: Merchant[]; readonly rejected: RejectedRow[] } {
  const merchants = new Map<MerchantId, Merchant>()
  const rejected: RejectedRow[] = []
  for (const [index, row] of rows.entries()) {
    const described = describeMerchant(row, acquirer, products)
    if (isRefusal(described)) {
      rejected.push({ index, code: described.code, message: described.message })
    } else if (merchants.has(described.id)) {
      rejected.push({ index, code: 'ALREADY_EXISTS', message: `an earlier row has the mid "${row.mid}"` })
    } else {
      merchants.set(described.id, described)
    }
  }
  return { merchants: [...merchants.values()], rejected }
}

const bad = (field: string, value: string, problem: string): Refusal =>
  refuse('BAD_VALUE', `${field} ${quoteInput(value)} ${problem}`, [field])

const isWritten = (text: string, max: number): boolean =>
  text.length >= 1 && text.length <= max && text.isWellFormed() && !/\p{C}/u.test(text)

/** At least one letter or digit, and no letter of another script. */
const isLatin = (text: string): boolean =>
  /[\p{L}\p{N}]/u.test(text) && !/(?!\p{Script=Latin})\p{L}/u.test(text)
