// The meaning of the fields of a merchant-presented code; mpm-rules.ts checks them.

import { isCountry } from './country.ts'
import type { QrField } from './field.ts'
import { isAdditionalTemplate, isMerchantAccount, isUnreserved } from './mpm-rules.ts'
import { additionalTags, localTags } from './mpm.ts'
import type {
  AdditionalData,
  LocalText,
  MpmCode,
  PointOfInitiation,
  Template,
  UnionPayAccount,
} from './mpm.ts'
import { readMoney } from './mpm-money.ts'
import { schemeOf } from './scheme.ts'
import { toRecord } from './table.ts'

/**
 * Reads a code from its fields. A value that does not have the form of its field is null. `end` is the end of
 * the payload, in characters.
 */
export function toCode(fields: readonly QrField[], end: number): Omit<MpmCode, 'warnings'> {
  const value = valuesOf(fields)
  const merchantAccounts = fields.filter((field) => isMerchantAccount(field.tag)).map(toTemplate)
  const country = readCountry(value('58'))
  return {
    mode: 'MPM',
    payloadFormat: value('00'),
    pointOfInitiation: readPointOfInitiation(value('01')),
    scheme: schemeOf(merchantAccounts, country),
    merchantAccounts,
    unionPay: readUnionPay(value('15')),
    mcc: digits(value('52'), 4),
    ...readMoney(fields, end),
    country,
    merchantName: value('59'),
    merchantCity: value('60'),
    postalCode: value('61'),
    local: readLocal(fields),
    additionalData: readAdditionalData(fields),
    unreserved: fields.filter((field) => isUnreserved(field.tag)).map(toTemplate),
    fields,
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

function readCountry(value: string | null): string | null {
  const code = value && /^[a-z]{2}$/i.test(value) ? value.toUpperCase() : ''
  return isCountry(code) ? code : null
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
