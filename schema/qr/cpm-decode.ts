// Reads consumer-presented codes: EMVCo QR Code Specification, Consumer-Presented Mode 1.1. No card number gets past here.

import { berFault, characterOf, hex, splitBer } from './ber.ts'
import type { BerField } from './ber.ts'
import { applicationTags, chipTags, cpmStart, cpmVersion, dataTags, forms } from './cpm.ts'
import type { CpmApplication, CpmCode, CpmData } from './cpm.ts'
import { QrError } from './error.ts'
import type { QrErrorCode } from './error.ts'
import { pathOf } from './field.ts'
import type { QrField } from './field.ts'
import { checkSize } from './payload.ts'
import { schemeOfApplication } from './scheme.ts'
import { lookUp } from './table.ts'

type Told = (tag: string) => string | null

/**
 * Reads a consumer-presented code; white space around it does not count. Card numbers and tracks (5A, 57) are read
 * for their last four digits only; they, cardholder names and unknown objects are named in `withheld` and told
 * nowhere. The payload itself may hold a card number: do not store or log it.
 *
 * Unlike merchant-presented codes these have no checksum, so a code that lacks whole objects at its end is not
 * recognised as damaged.
 *
 * Throws `QrError` and nothing else; its message never holds a value.
 */
export function decodeCpm(payload: string): CpmCode {
  const bytes = bytesOf(payload)
  const root = split(bytes, 0, '')
  const withheld: string[] = []
  const applications: CpmApplication[] = []
  let common: CpmData | null = null
  const fields = root.map((field, index): QrField => {
    if (index === 0) return readVersion(field)
    if (field.tag === '61') {
      const { told, chip, inner } = readTemplate(field, applicationTags, '63', withheld)
      const aid = told('4F') ?? refuse('MISSING_TAG', '61.4F', 'is missing', field.byte)
      applications.push({ ...lookUp(applicationTags, told), aid, chip })
      return toField(field, '', inner)
    }
    if (field.tag === '62') {
      const { told, chip, inner } = readTemplate(field, dataTags, '64', withheld)
      common = { ...lookUp(dataTags, told), chip }
      return toField(field, '', inner)
    }
    withheld.push(field.tag)
    return toField(field, '', [])
  })
  if (applications.length === 0) refuse('MISSING_TAG', '61', 'is missing', bytes.length)
  const scheme = applications.map(({ aid }) => schemeOfApplication(aid)).find(Boolean) ?? null
  return { mode: 'CPM', scheme, applications, common, withheld, fields }
}

function bytesOf(payload: string): Uint8Array {
  checkSize(payload)
  const text = payload.trim()
  if (!text.startsWith(cpmStart)) refuse('NOT_A_QR_CODE', null, `does not start with ${cpmStart}`, 0)
  const bytes = Buffer.from(text, 'base64')
  if (bytes.toString('base64') !== text) refuse('TRUNCATED', null, 'is not whole base64', bytes.length)
  return bytes
}

/** One level; only applications may occur more than once. */
function split(bytes: Uint8Array, byte: number, path: string): BerField[] {
  const fields = splitBer(bytes, byte, path)
  if (!Array.isArray(fields)) throw new QrError(fields)
  const seen = new Set<string>()
  for (const field of fields) {
    if (seen.has(field.tag)) refuse('DUPLICATE_TAG', pathOf(path, field.tag), 'occurs again', field.byte)
    if (field.tag !== '61') seen.add(field.tag)
  }
  return fields
}

function readVersion(field: BerField): QrField {
  const isVersion = field.tag === '85' && Buffer.from(field.value).toString('latin1') === cpmVersion
  if (!isVersion) refuse('BAD_VALUE', '85', `is not ${cpmVersion}`, 0)
  return toField(field, cpmVersion, [])
}

/** Reads template 61 or 62, with the transparent template `chipTag` that may be in it. */
function readTemplate(
  template: BerField,
  tags: Readonly<Record<string, string>>,
  chipTag: string,
  withheld: string[],
) {
  const all = split(template.value, template.valueByte, template.tag)
  const chip = all.find((field) => field.tag === chipTag)
  const told = readObjects(
    all.filter((field) => field !== chip),
    tags,
    template.tag,
    withheld,
  )
  const chipPath = pathOf(template.tag, chipTag)
  const chipAll = chip ? split(chip.value, chip.valueByte, chipPath) : []
  const chipTold = readObjects(chipAll, chipTags, chipPath, withheld)
  const chipInner = chipAll.map((field) => toField(field, chipTold(field.tag) ?? '', []))
  const inner = all.map((field) => toField(field, told(field.tag) ?? '', field === chip ? chipInner : []))
  return { told, chip: chip ? lookUp(chipTags, chipTold) : null, inner }
}

/** Tells the objects of `tags` by tag, and withholds everything else. */
function readObjects(
  fields: readonly BerField[],
  tags: Readonly<Record<string, string>>,
  path: string,
  withheld: string[],
): Told {
  const values = new Map<string, string>()
  const mayBeTold = new Set(Object.values(tags))
  for (const field of fields) {
    const value = mayBeTold.has(field.tag) ? readValue(field, path) : null
    if (value === null) withheld.push(pathOf(path, field.tag))
    else values.set(field.tag, value)
  }
  const lastFour = values.get('9F25') ?? lastFourOf(fields)
  if (lastFour) values.set('9F25', lastFour)
  return (tag) => values.get(tag) ?? null
}

/** The value as text. Null for free text with digits enough for a card number. */
function readValue({ value, byte, tag }: BerField, path: string): string | null {
  const [format, min, max] = forms[tag]!
  const place = pathOf(path, tag)
  if (value.length < min || value.length > max) refuse('BAD_LENGTH', place, 'has a wrong length', byte)
  if (format === 'text') {
    const text = Buffer.from(value).toString('latin1')
    if (!/^[\x20-\x7E]+$/.test(text)) refuse('BAD_VALUE', place, 'is not printable ASCII', byte)
    return tag !== '9F24' && /\d{12}/.test(text) ? null : text
  }
  const digits = hex(value)
  if (format === 'digits' && !(tag === '9F19' ? /^0\d{11}$/ : /^\d+$/).test(digits))
    refuse('BAD_VALUE', place, 'is not made of digits', byte)
  return tag === '9F19' ? digits.slice(1) : digits // 11 digits in 6 bytes
}

/** The last four digits of the card number in 5A, or before the separator in 57. */
function lastFourOf(fields: readonly BerField[]): string | null {
  const card = fields.find((field) => field.tag === '5A') ?? fields.find((field) => field.tag === '57')
  return (card && /^\d{4,15}(\d{4})(?=[DF]|$)/.exec(hex(card.value))?.[1]) ?? null
}

function toField(field: BerField, value: string, fields: readonly QrField[]): QrField {
  return { tag: field.tag, value, offset: characterOf(field.byte), fields }
}

function refuse(code: QrErrorCode, tag: string | null, what: string, byte: number): never {
  throw new QrError(berFault(code, tag, what, byte))
}
