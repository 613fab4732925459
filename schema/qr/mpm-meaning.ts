// The meaning of the fields of a merchant-presented code; mpm-rules.ts checks them.

import { isCountry } from './country.ts'
import { currencyNumber, currencyOf } from './currency.ts'
import type { QrFault } from './error.ts'
import type { QrField } from './field.ts'
import { isAdditionalTemplate, isMerchantAccount, isUnreserved } from './mpm-rules.ts'
import { additionalTags, localTags } from './mpm.ts'
import type {
  AdditionalData,
  LocalText,
  MpmCode,
  PointOfInitiation,
  Template,
  Tip,
  UnionPayAccount,
} from './mpm.ts'
import { schemeOf } from './scheme.ts'
import { toRecord } from './table.ts'

/** Reads a code from its fields. A value that does not have the form of its field is null. */
export function toCode(fields: readonly QrField[], warnings: readonly QrFault[]): MpmCode {
  const value = valuesOf(fields)
  const merchantAccounts = fields.filter((field) => isMerchantAccount(field.tag)).map(toTemplate)
  const currency = readCurrency(value('53'))
  const country = readCountry(value('58'))
  return {
    mode: 'MPM',
    payloadFormat: value('00'),
    pointOfInitiation: readPointOfInitiation(value('01')),
    scheme: schemeOf(merchantAccounts, country),
    merchantAccounts,
    unionPay: readUnionPay(value('15')),
    mcc: digits(value('52'), 4),
    currency,
    currencyNumeric: (currency && currencyNumber(currency)) ?? digits(value('53'), 3),
    amount: readAmount(value('54')),
    tip: readTip(value('55'), value('56'), value('57')),
    country,
    merchantName: value('59'),
    merchantCity: value('60'),
    postalCode: value('61'),
    local: readLocal(fields),
    additionalData: readAdditionalData(fields),
    unreserved: fields.filter((field) => isUnreserved(field.tag)).map(toTemplate),
    fields,
    warnings,
  }
}

/** Values by id: the first value of an id that occurs twice, null for an empty one. */
function valuesOf(fields: readonly QrField[]): (tag: string) => string | null {
  return (tag) => fields.find((field) => field.tag === tag)?.value || null
}

function toTemplate(field: QrField): Template {
  const kind = field.fields.length > 0 ? 'TEMPLATE' : 'PRIMITIVE'
  return { ...field, kind, guid: valuesOf(field.fields)('00') }
}

const digits = (value: string | null, length: number) =>
  value?.length === length && /^\d+$/.test(value) ? value : null

function readPointOfInitiation(value: string | null): PointOfInitiation | null {
  return value === '11' ? 'STATIC' : value === '12' ? 'DYNAMIC' : null
}

/** Some issuers write the letters instead of the number. */
function readCurrency(value: string | null): string | null {
  if (!value) return null
  return currencyOf(value) ?? (currencyNumber(value) ? value : null)
}

function readCountry(value: string | null): string | null {
  const code = value?.toUpperCase() ?? ''
  return isCountry(code) ? code : null
}

/**
 * A plain decimal above zero: ".5" is "0.5" and "5." is "5". Null for anything else: "1,000" may be a
 * thousand or one.
 */
function readAmount(value: string | null): string | null {
  const [, whole = '', part = ''] = /^(\d*)\.?(\d*)$/.exec(value ?? '') ?? []
  if (!/[1-9]/.test(whole + part)) return null
  return (whole || '0') + (part && `.${part}`)
}

function readTip(indicator: string | null, fixed: string | null, percent: string | null): Tip | null {
  if (indicator === '01') return { kind: 'PROMPT', value: null }
  const kind = indicator === '02' ? 'FIXED' : indicator === '03' ? 'PERCENT' : null
  const value = readAmount(kind === 'FIXED' ? fixed : percent)
  return kind && value ? { kind, value } : null
}

function readUnionPay(value: string | null): UnionPayAccount | null {
  const [, acquirerIin, forwardingIin, merchantId] = /^(\d{8})(\d{8})(.{15})$/u.exec(value ?? '') ?? []
  return merchantId
    ? { acquirerIin: acquirerIin!, forwardingIin: forwardingIin!, merchantId: merchantId.trimEnd() }
    : null
}

function readLocal(fields: readonly QrField[]): LocalText | null {
  const inner = fields.find((field) => field.tag === '64')?.fields
  return inner?.length ? toRecord(localTags, valuesOf(inner)) : null
}

function readAdditionalData(fields: readonly QrField[]): AdditionalData | null {
  const inner = fields.find((field) => field.tag === '62')?.fields
  if (!inner?.length) return null
  const templates = inner.filter((field) => isAdditionalTemplate(field.tag)).map(toTemplate)
  return { ...toRecord(additionalTags, valuesOf(inner)), templates }
}
