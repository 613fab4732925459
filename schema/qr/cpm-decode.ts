// Reads consumer-presented codes: EMVCo QR Code Specification, Consumer-Presented Mode 1.1. Card numbers are
// withheld here.

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
import { toRecord } from './table.ts'

/** The disclosed values by tag. */
type Disclosed = (tag: string) => string | null

/**
 * Reads a consumer-presented code, without white space before and after it.
 *
 * Of card numbers and tracks (5A, 57), only the last four digits are read. The result lists the paths of
 * these objects, of cardholder names and of unknown objects in `withheld`, and never contains their values.
 * The payload may contain a card number: do not store or log it.
 *
 * These codes have no checksum. So a code without its last objects is not recognised as damaged.
 *
 * Throws only `QrError`, whose message never contains a value.
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
      const { disclosed, chip, inner } = readTemplate(field, applicationTags, '63', withheld)
      const aid = disclosed('4F') ?? refuse('MISSING_TAG', '61.4F', 'is missing', field.byte)
      applications.push({ ...toRecord(applicationTags, disclosed), aid, chip })
      return toField(field, '', inner)
    }
    if (field.tag === '62') {
      const { disclosed, chip, inner } = readTemplate(field, dataTags, '64', withheld)
      common = { ...toRecord(dataTags, disclosed), chip }
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
  if (bytes.toString('base64') !== text) refuse('TRUNCATED', null, 'is not complete base64', bytes.length)
  return bytes
}

/** Splits one level. Only applications may occur more than once. */
function split(bytes: Uint8Array, byte: number, path: string): BerField[] {
  const fields = splitBer(bytes, byte, path)
  if (!Array.isArray(fields)) throw new QrError(fields)
  const seen = new Set<string>()
  for (const field of fields) {
    if (seen.has(field.tag))
      refuse('DUPLICATE_TAG', pathOf(path, field.tag), 'occurs more than once', field.byte)
    if (field.tag !== '61') seen.add(field.tag)
  }
  return fields
}

function readVersion(field: BerField): QrField {
  const isVersion = field.tag === '85' && Buffer.from(field.value).toString('latin1') === cpmVersion
  if (!isVersion) refuse('BAD_VALUE', '85', `is not ${cpmVersion}`, 0)
  return toField(field, cpmVersion, [])
}

/** Reads template 61 or 62, and the transparent template `chipTag` if it is in it. */
function readTemplate(
  template: BerField,
  tags: Readonly<Record<string, string>>,
  chipTag: string,
  withheld: string[],
) {
  const all = split(template.value, template.valueByte, template.tag)
  const chip = all.find((field) => field.tag === chipTag)
  const disclosed = readObjects(
    all.filter((field) => field !== chip),
    tags,
    template.tag,
    withheld,
  )
  const chipPath = pathOf(template.tag, chipTag)
  const chipAll = chip ? split(chip.value, chip.valueByte, chipPath) : []
  const chipDisclosed = readObjects(chipAll, chipTags, chipPath, withheld)
  const chipInner = chipAll.map((field) => toField(field, chipDisclosed(field.tag) ?? '', []))
  const inner = all.map((field) =>
    toField(field, disclosed(field.tag) ?? '', field === chip ? chipInner : []),
  )
  return { disclosed, chip: chip ? toRecord(chipTags, chipDisclosed) : null, inner }
}

/** Discloses the objects of `tags`, and withholds all others. */
function readObjects(
  fields: readonly BerField[],
  tags: Readonly<Record<string, string>>,
  path: string,
  withheld: string[],
): Disclosed {
  const values = new Map<string, string>()
  const mayBeDisclosed = new Set(Object.values(tags))
  for (const field of fields) {
    const value = mayBeDisclosed.has(field.tag) ? readValue(field, path) : null
    if (value === null) withheld.push(pathOf(path, field.tag))
    else values.set(field.tag, value)
  }
  const lastFour = values.get('9F25') ?? lastFourOf(fields)
  if (lastFour) values.set('9F25', lastFour)
  return (tag) => values.get(tag) ?? null
}

/** The value as text; null for free text with a run of 12 digits, which may be a card number. */
function readValue({ value, byte, tag }: BerField, path: string): string | null {
  const [format, min, max] = forms[tag]!
  const fieldPath = pathOf(path, tag)
  if (value.length < min || value.length > max)
    refuse('BAD_LENGTH', fieldPath, `has ${value.length} bytes instead of ${sizeText(min, max)}`, byte)
  if (format === 'text') {
    const text = Buffer.from(value).toString('latin1')
    if (!/^[\x20-\x7E]+$/.test(text)) refuse('BAD_VALUE', fieldPath, 'is not printable ASCII', byte)
    return tag !== '9F24' && /\d{12}/.test(text) ? null : text
  }
  const digits = hex(value)
  if (format === 'digits' && !(tag === '9F19' ? /^0\d{11}$/ : /^\d+$/).test(digits))
    refuse('BAD_VALUE', fieldPath, 'does not consist of digits', byte)
  return tag === '9F19' ? digits.slice(1) : digits // 11 digits in 6 bytes
}

/** The last four digits of the card number in 5A, or in 57 before its separator. */
function lastFourOf(fields: readonly BerField[]): string | null {
  const card = fields.find((field) => field.tag === '5A') ?? fields.find((field) => field.tag === '57')
  return (card && /^\d{4,15}(\d{4})(?=[DF]|$)/.exec(hex(card.value))?.[1]) ?? null
}

const sizeText = (min: number, max: number): string => (min === max ? String(min) : `${min} to ${max}`)

function toField(field: BerField, value: string, fields: readonly QrField[]): QrField {
  return { tag: field.tag, value, offset: characterOf(field.byte), fields }
}

function refuse(code: QrErrorCode, tag: string | null, what: string, byte: number): never {
  throw new QrError(berFault(code, tag, what, byte))
}
