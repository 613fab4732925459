// Writes merchant-presented codes: EMVCo QR Code Specification, Merchant-Presented Mode 1.1.

import { crcText } from './crc.ts'
import { currencyNumber } from './currency.ts'
import { checkSame } from './encode.ts'
import { faultAt, QrError } from './error.ts'
import { characters, pathOf } from './field.ts'
import { decodeMpm } from './mpm-decode.ts'
import { additionalTags, localTags } from './mpm.ts'
import type { FieldInput, MpmInput, Tip, UnionPayAccount } from './mpm.ts'
import { toFields } from './table.ts'

/**
 * Writes a static or dynamic code: `code.fields` in their order if present, otherwise all values in the order
 * of their ids. `decodeMpm` under `STRICT` reads the same content again, and a decoded code is written as it
 * was.
 *
 * Throws `QrError` for input that `STRICT` refuses, and for values that would be read differently.
 */
export function encodeMpm(code: MpmInput): string {
  const payload = encodeFields(code.fields ?? fieldsOf(code))
  const merchantAccounts = code.merchantAccounts && toAccounts(code.merchantAccounts, code.unionPay)
  checkSame(decodeMpm(payload, 'STRICT'), {
    ...code,
    merchantAccounts,
    fields: undefined,
    unreadable: undefined,
    warnings: undefined,
  })
  return payload
}

/**
 * Writes fields in their order, and the checksum after them. A field 63 in the input is replaced; a correct
 * one keeps its case. No other rule applies, so that codes that deviate can be written too.
 *
 * Throws `QrError` for an id that is not two digits, a value over 99 characters, and text that is not
 * Unicode.
 */
export function encodeFields(fields: readonly FieldInput[]): string {
  const withoutCrc = fields.filter((field) => field.tag !== '63')
  const text = `${writeFields(withoutCrc, '')}6304`
  const crc = crcText(text)
  const value = fields.find((field) => field.tag === '63')?.value
  return text + (value?.toUpperCase() === crc ? value : crc)
}

const writeFields = (fields: readonly FieldInput[], path: string): string =>
  fields.map((field) => writeField(field, path)).join('')

function writeField(field: FieldInput, path: string): string {
  const tag = pathOf(path, field.tag)
  const value = field.fields?.length ? writeFields(field.fields, tag) : (field.value ?? '')
  const length = characters(value)
  if (!/^\d\d$/.test(field.tag)) refuse('BAD_FIELD', tag, 'has an id that is not two digits')
  if (length > 99) refuse('TOO_LONG', tag, `has ${length} characters, at most 99 fit`)
  if (!value.isWellFormed()) refuse('BAD_VALUE', tag, 'is not Unicode text')
  return `${field.tag}${String(length).padStart(2, '0')}${value}`
}

function refuse(code: QrError['code'], tag: string, what: string): never {
  throw new QrError(faultAt(0, code, tag, `field ${tag} ${what}`))
}

function fieldsOf(code: MpmInput): FieldInput[] {
  return [
    ...primitive('00', code.payloadFormat ?? '01'),
    ...primitive('01', code.pointOfInitiation && (code.pointOfInitiation === 'STATIC' ? '11' : '12')),
    ...toAccounts(code.merchantAccounts ?? [], code.unionPay),
    ...primitive('52', code.mcc),
    ...primitive(
      '53',
      code.currency ? (currencyNumber(code.currency) ?? code.currency) : code.currencyNumeric,
    ),
    ...primitive('54', code.amount),
    ...toTip(code.tip),
    ...primitive('58', code.country),
    ...primitive('59', code.merchantName),
    ...primitive('60', code.merchantCity),
    ...primitive('61', code.postalCode),
    ...template('62', [
      ...toFields(additionalTags, code.additionalData),
      ...(code.additionalData?.templates ?? []),
    ]),
    ...template('64', toFields(localTags, code.local)),
    ...(code.unreserved ?? []),
  ]
}

/** No field for null, undefined and "". */
const primitive = (tag: string, value: string | null | undefined): FieldInput[] =>
  value ? [{ tag, value }] : []

const template = (tag: string, fields: FieldInput[]): FieldInput[] =>
  fields.length > 0 ? [{ tag, fields }] : []

function toAccounts(
  accounts: readonly FieldInput[],
  unionPay: UnionPayAccount | null | undefined,
): FieldInput[] {
  if (!unionPay || accounts.some((account) => account.tag === '15')) return [...accounts]
  const value = unionPay.acquirerIin + unionPay.forwardingIin + unionPay.merchantId.padEnd(15)
  return [...accounts, { tag: '15', value }].toSorted((a, b) => Number(a.tag) - Number(b.tag))
}

function toTip(tip: Tip | null | undefined): FieldInput[] {
  if (!tip) return []
  if (tip.kind === 'PROMPT') return primitive('55', '01')
  return tip.kind === 'FIXED'
    ? [...primitive('55', '02'), ...primitive('56', tip.value)]
    : [...primitive('55', '03'), ...primitive('57', tip.value)]
}
