// Decodes a scanned QR code for the graph, and finds its merchant.

import {
  bare,
  QrError,
  readCode,
  type MpmCode,
  type QrCode,
  type QrFault,
  type QrField,
  type QrProfile,
} from '../../schema/qr/index.ts'
import { countryByCode, type Country } from '../../schema/values/country.ts'
import { digitsOf, isCurrency } from '../../schema/values/currency.ts'
import type { MerchantCodeId, MerchantId } from '../../schema/values/id.ts'
import { parseMoney, type Money } from '../../schema/values/money.ts'
import { isRefusal, refuse, type Refusal } from '../../schema/values/problems.ts'
import type { Loader } from '../platform/async/batching.ts'
import type { Registry } from '../shared/registry.ts'
import { categoryOf } from '../shared/values.ts'
import { claimOf, type CodeKind, type MerchantCode } from './code.ts'
import type { Merchant } from './merchant.ts'

export interface DecodedField {
  readonly tag: string
  readonly value: string
  /** Null for fields that are not templates. */
  readonly fields: readonly DecodedField[] | null
}

export interface DecodedCode {
  readonly __typename: 'QrCode'
  readonly mode: QrCode['mode']
  readonly scheme: string | null
  readonly pointOfInitiation: CodeKind | null
  readonly warnings: readonly QrFault[]
  /** What the code states about money and the hub cannot read exactly; a payment by the code is refused. */
  readonly unreadable: readonly QrFault[]
  /** ISO 4217 letters, also of a currency that the hub does not support. */
  readonly currency: string | null
  readonly amount: Money | null
  readonly tip: {
    readonly kind: string
    readonly amount: Money | null
    readonly percent: string | null
  } | null
  readonly additionalData: MpmCode['additionalData']
  readonly printedMerchant: PrintedMerchant | null
  readonly merchant: Merchant | null
  readonly expiresAt: Date | null
  readonly expired: boolean
  readonly fields: readonly DecodedField[]
}

interface PrintedMerchant {
  readonly name: string | null
  readonly city: string | null
  readonly country: Country | null
  readonly mcc: { readonly code: string; readonly description: string } | null
}

export interface QrInvalid extends Refusal {
  readonly __typename: 'QrInvalid'
  readonly fault: string
  readonly tag: string | null
  readonly offset: number
}

/** Characters; no code in use has more. */
const payloadMax = 4_096

export interface DecodeDependencies {
  readonly registry: Registry
  readonly merchants: Loader<MerchantId, Merchant>
  readonly codes: Loader<MerchantCodeId, MerchantCode>
  readonly now: () => Date
}

/** Decodes `payload` and finds its merchant. Rejects only when a loader does. */
export async function decodeQr(
  payload: string,
  profile: QrProfile,
  { registry, merchants, codes, now }: DecodeDependencies,
): Promise<DecodedCode | QrInvalid> {
  const code = read(payload, profile)
  if ('kind' in code) return code
  const blank = { ...noContent, __typename: 'QrCode', mode: code.mode, scheme: code.scheme } as const
  if (code.mode === 'URL') return blank
  const fields = code.fields.map(fieldOf)
  if (code.mode === 'CPM') return { ...blank, warnings: code.warnings, fields }

  const claim = claimOf(code, registry.participantByIin)
  const issued = claim.code === null ? null : await codes.load(claim.code)
  // A code that names a dynamic code of the hub must be exactly that code: a forged or altered one has no
  // merchant.
  const isGenuine =
    claim.code === null || (issued?.payload === bare(payload).text && issued.merchant === claim.merchant)
  const expiresAt = (isGenuine && issued?.expiresAt) || null
  return {
    ...blank,
    ...contentOf(code),
    merchant: isGenuine && claim.merchant !== null ? await merchants.load(claim.merchant) : null,
    expiresAt,
    expired: expiresAt !== null && now() >= expiresAt,
    fields,
  }
}

function read(payload: string, profile: QrProfile): QrCode | QrInvalid {
  if (payload.length > payloadMax) {
    const message = `the payload has ${payload.length} characters: send at most ${payloadMax}`
    return invalid({ code: 'TOO_LONG', tag: null, offset: payloadMax, message })
  }
  try {
    return readCode(payload, profile)
  } catch (error) {
    if (error instanceof QrError) return invalid(error)
    throw error
  }
}

const invalid = ({ code, tag, offset, message }: QrFault): QrInvalid => ({
  ...refuse('QR_INVALID', message, ['payload']),
  __typename: 'QrInvalid',
  fault: code,
  tag,
  offset,
})

/** The content of codes that are not merchant-presented. */
const noContent = {
  pointOfInitiation: null,
  warnings: [],
  unreadable: [],
  currency: null,
  amount: null,
  tip: null,
  additionalData: null,
  printedMerchant: null,
  merchant: null,
  expiresAt: null,
  expired: false,
  fields: [],
} as const

function contentOf(code: MpmCode) {
  const { pointOfInitiation, warnings, currency, tip, additionalData } = code
  const unreadable = unreadableIn(code)
  return {
    pointOfInitiation,
    warnings: [...warnings, ...unreadable.filter((fault) => !isListed(fault, warnings))],
    unreadable,
    currency,
    amount: amountOf(code.amount, currency),
    tip: tip && {
      kind: tip.kind,
      amount: tip.kind === 'FIXED' ? amountOf(tip.value, currency) : null,
      percent: tip.kind === 'PERCENT' ? tip.value : null,
    },
    additionalData,
    printedMerchant: printedMerchantOf(code),
  }
}

const isListed = ({ code, tag }: QrFault, faults: readonly QrFault[]): boolean =>
  faults.some((fault) => fault.code === code && fault.tag === tag)

/** Adds to the faults of the code what the hub cannot hold: an unsupported currency, a too large amount. */
function unreadableIn({ amount, tip, currency, fields, unreadable }: MpmCode): readonly QrFault[] {
  if (unreadable.length > 0 || currency === null) return unreadable
  const fee = tip?.kind === 'FIXED' ? tip.value : null
  const tag = [
    { tag: '54', text: amount },
    { tag: '56', text: fee },
  ].find(({ text }) => text !== null && amountOf(text, currency) === null)?.tag
  if (tag === undefined) return unreadable
  const [at, what] = isCurrency(currency)
    ? [tag, `is larger than the hub supports in ${currency}`]
    : ['53', `is ${currency}, which the hub does not support`]
  const offset = fields.find((field) => field.tag === at)?.offset ?? 0
  return [{ code: 'BAD_VALUE', tag: at, offset, message: `field ${at} ${what} (at character ${offset})` }]
}

/**
 * Null for a currency that the hub does not support or a malformed amount. Drops zeros beyond its digits: JPY
 * "700.00" is 700.
 */
function amountOf(text: string | null, currency: string | null): Money | null {
  if (text === null || currency === null || !isCurrency(currency)) return null
  const [whole = '', fraction = ''] = text.split('.')
  const digits = fraction.replace(/0{1,99}$/, '').padEnd(digitsOf(currency), '0')
  const amount = parseMoney({ amount: digits ? `${whole}.${digits}` : whole, currency }, [])
  return isRefusal(amount) ? null : amount
}

function printedMerchantOf({ merchantName, merchantCity, country, mcc }: MpmCode): PrintedMerchant | null {
  if (merchantName === null && merchantCity === null && country === null && mcc === null) return null
  return {
    name: merchantName,
    city: merchantCity,
    country: country === null ? null : countryByCode(country),
    mcc: mcc === null ? null : categoryOf(mcc),
  }
}

const fieldOf = ({ tag, value, fields }: QrField): DecodedField => ({
  tag,
  value,
  fields: fields.length > 0 ? fields.map(fieldOf) : null,
})
