// Reads consumer-presented codes: EMVCo QR Code Specification, Consumer-Presented Mode 1.1. Card numbers are
// withheld here.

import { berFault, characterOf, hex, splitBer } from './ber.ts'
import type { BerField } from './ber.ts'
import { applicationTags, chipTags, cpmStart, cpmVersion, dataTags, forms } from './cpm.ts'
import type { CpmApplication, CpmChip, CpmCode, CpmData } from './cpm.ts'
import { boundWarnings, QrError } from './error.ts'
import type { QrErrorCode, QrFault } from './error.ts'
import { pathOf } from './field.ts'
import type { QrField } from './field.ts'
import { bare, checkSize } from './payload.ts'
import { schemeOfApplication } from './scheme.ts'
import { toRecord } from './table.ts'

/** The template of an application or of the common data. */
interface Level {
  /** Tags of the objects whose values are disclosed. */
  readonly disclosed: ReadonlySet<string>
  /** The transparent template inside. */
  readonly chipTag: string
}

const application: Level = { disclosed: new Set(Object.values(applicationTags)), chipTag: '63' }
const commonData: Level = { disclosed: new Set(Object.values(dataTags)), chipTag: '64' }
const chipObjects: ReadonlySet<string> = new Set(Object.values(chipTags))

/** The disclosed values by tag. */
type Disclosed = (tag: string) => string | null

/** What reading collects beside the content. */
interface Notes {
  readonly withheld: string[]
  readonly warnings: QrFault[]
}

/** A template that was read. */
interface ReadTemplate {
  readonly disclosed: Disclosed
  readonly chip: CpmChip | null
  readonly inner: readonly QrField[]
}

/**
 * Reads a consumer-presented code, without white space and invisible characters before and after it.
 *
 * An application that cannot be used is skipped with a warning if another one can be used. An object that
 * occurs twice, or both in an application and in the common data, is refused.
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
  const root = orThrow(split(bytes, 0, ''))
  const notes: Notes = { withheld: [], warnings: [] }
  const applications: CpmApplication[] = []
  let common: CpmData | null = null
  const fields = root.map((field, index): QrField => {
    if (index === 0) return readVersion(field)
    if (field.tag === '61') {
      const read = readUsable(field, notes)
      if (read) applications.push(toApplication(read))
      return toField(field, '', read?.inner ?? [])
    }
    if (field.tag === '62') {
      const { disclosed, chip, inner } = orThrow(readTemplate(field, commonData, notes))
      common = { ...toRecord(dataTags, disclosed), chip }
      return toField(field, '', inner)
    }
    notes.withheld.push(field.tag)
    return toField(field, '', [])
  })
  if (applications.length === 0) throw new QrError(notes.warnings[0] ?? noApplication(bytes.length))
  checkRepeated(fields)
  const scheme = applications.map(({ aid }) => schemeOfApplication(aid)).find(Boolean) ?? null
  const warnings = boundWarnings(notes.warnings, new Set())
  return { mode: 'CPM', scheme, applications, common, withheld: notes.withheld, fields, warnings }
}

const noApplication = (byte: number) => berFault('MISSING_TAG', '61', 'is missing', byte)

function bytesOf(payload: string): Uint8Array {
  checkSize(payload)
  const { text } = bare(payload)
  if (!text.startsWith(cpmStart)) refuse('NOT_A_QR_CODE', null, `does not start with ${cpmStart}`, 0)
  const bytes = Buffer.from(text, 'base64')
  if (bytes.toString('base64') !== text) refuse('TRUNCATED', null, 'is not complete base64', bytes.length)
  return bytes
}

const isFault = (result: object): result is QrFault => 'code' in result

function orThrow<Result extends object>(result: Result | QrFault): Result {
  if (isFault(result)) throw new QrError(result)
  return result
}

/** Splits one level, or returns its first fault. Only applications may occur more than once. */
function split(bytes: Uint8Array, byte: number, path: string): BerField[] | QrFault {
  const fields = splitBer(bytes, byte, path)
  if (!Array.isArray(fields)) return fields
  const seen = new Set<string>()
  for (const field of fields) {
    if (seen.has(field.tag)) {
      return berFault('DUPLICATE_TAG', pathOf(path, field.tag), 'occurs more than once', field.byte)
    }
    if (field.tag !== '61') seen.add(field.tag)
  }
  return fields
}

function readVersion(field: BerField): QrField {
  const isVersion = field.tag === '85' && Buffer.from(field.value).toString('latin1') === cpmVersion
  if (!isVersion) refuse('BAD_VALUE', '85', `is not ${cpmVersion}`, 0)
  return toField(field, cpmVersion, [])
}

/**
 * Reads template 61; null, with a warning, for one that cannot be used. An object that occurs twice is an
 * error of the whole code.
 */
function readUsable(template: BerField, notes: Notes): ReadTemplate | null {
  const own: Notes = { withheld: [], warnings: [] }
  const found = readTemplate(template, application, own)
  const read = !isFault(found) && found.disclosed('4F') === null ? noId(template) : found
  if (isFault(read)) {
    if (read.code === 'DUPLICATE_TAG') throw new QrError(read)
    notes.warnings.push(read)
    notes.withheld.push(template.tag)
    return null
  }
  notes.withheld.push(...own.withheld)
  notes.warnings.push(...own.warnings)
  return read
}

const noId = (template: BerField) => berFault('MISSING_TAG', '61.4F', 'is missing', template.byte)

const toApplication = ({ disclosed, chip }: ReadTemplate): CpmApplication => ({
  ...toRecord(applicationTags, disclosed),
  aid: disclosed('4F')!,
  chip,
})

/** Reads template 61 or 62, and the transparent template in it; or returns its first fault. */
function readTemplate(template: BerField, level: Level, notes: Notes): ReadTemplate | QrFault {
  const all = split(template.value, template.valueByte, template.tag)
  if (isFault(all)) return all
  const chip = all.find((field) => field.tag === level.chipTag)
  const others = all.filter((field) => field !== chip)
  const disclosed = readObjects(others, level, template.tag, notes)
  if (isFault(disclosed)) return disclosed
  const read = chip ? readChip(chip, pathOf(template.tag, chip.tag), notes) : null
  const inner = all.map((field) =>
    toField(field, disclosed(field.tag) ?? '', field === chip ? (read?.inner ?? []) : []),
  )
  return { disclosed, chip: read?.chip ?? null, inner }
}

/**
 * Reads the known objects of a transparent template. Its content belongs to the issuer: it need not be
 * BER-TLV, and neither repeated objects nor their form are faults.
 */
function readChip(template: BerField, path: string, { withheld }: Notes) {
  const all = splitBer(template.value, template.valueByte, path)
  if (!Array.isArray(all)) {
    withheld.push(path)
    return { chip: null, inner: [] }
  }
  const values = new Map<string, string>()
  const inner = all.map((field) => {
    const isReadable = chipObjects.has(field.tag) && !values.has(field.tag) && hasLength(field)
    if (isReadable) values.set(field.tag, hex(field.value))
    else withheld.push(pathOf(path, field.tag))
    return toField(field, isReadable ? hex(field.value) : '', [])
  })
  return { chip: toRecord(chipTags, (tag) => values.get(tag) ?? null), inner }
}

function hasLength({ tag, value }: BerField): boolean {
  const [, min, max] = forms[tag]!
  return value.length >= min && value.length <= max
}

/** Discloses the objects of a level, and withholds all others; or returns the first fault. */
function readObjects(
  fields: readonly BerField[],
  level: Level,
  path: string,
  notes: Notes,
): Disclosed | QrFault {
  const values = new Map<string, string>()
  for (const field of fields) {
    const value = level.disclosed.has(field.tag) ? readValue(field, path) : null
    if (typeof value === 'string') {
      values.set(field.tag, value)
      continue
    }
    // The use of the account reference, 9F24, is outside the specification: its form is a warning only.
    if (value && field.tag !== '9F24') return value
    if (value) notes.warnings.push(value)
    notes.withheld.push(pathOf(path, field.tag))
  }
  const lastFour = values.get('9F25') ?? lastFourOf(fields)
  if (lastFour) values.set('9F25', lastFour)
  return (tag) => values.get(tag) ?? null
}

/**
 * The value as text, or its fault; null for free text with a run of 12 digits, which may be a card number.
 */
function readValue(field: BerField, path: string): string | null | QrFault {
  const { value, byte, tag } = field
  const [format, min, max] = forms[tag]!
  const fault = (code: QrErrorCode, what: string) => berFault(code, pathOf(path, tag), what, byte)
  if (!hasLength(field)) {
    return fault('BAD_LENGTH', `has ${value.length} bytes instead of ${sizeText(min, max)}`)
  }
  if (format === 'text') {
    const text = Buffer.from(value).toString('latin1')
    if (!/^[\x20-\x7E]+$/.test(text)) return fault('BAD_VALUE', 'is not printable ASCII')
    return tag !== '9F24' && /\d{12}/.test(text) ? null : text
  }
  const digits = hex(value)
  if (format === 'digits' && !(tag === '9F19' ? /^0\d{11}$/ : /^\d+$/).test(digits)) {
    return fault('BAD_VALUE', 'does not consist of digits')
  }
  return tag === '9F19' ? digits.slice(1) : digits // 11 digits in 6 bytes
}

/** The last four digits of the card number in 5A, or in 57 before its separator. */
function lastFourOf(fields: readonly BerField[]): string | null {
  const card = fields.find((field) => field.tag === '5A') ?? fields.find((field) => field.tag === '57')
  return (card && /^\d{4,15}(\d{4})(?=[DF]|$)/.exec(hex(card.value))?.[1]) ?? null
}

/** Refuses an object that is both in an application and in the common data: EMVCo CPM 1.1, "Data Objects". */
function checkRepeated(fields: readonly QrField[]): void {
  const inApplications = new Set(
    fields.filter(({ tag }) => tag === '61').flatMap((field) => field.fields.map(({ tag }) => tag)),
  )
  const shared = fields.find(({ tag }) => tag === '62')?.fields.find(({ tag }) => inApplications.has(tag))
  if (!shared) return
  const message = `object 62.${shared.tag} is in template 61 too (at character ${shared.offset})`
  throw new QrError({ code: 'DUPLICATE_TAG', tag: `62.${shared.tag}`, offset: shared.offset, message })
}

const sizeText = (min: number, max: number): string => (min === max ? String(min) : `${min} to ${max}`)

function toField(field: BerField, value: string, fields: readonly QrField[]): QrField {
  return { tag: field.tag, value, offset: characterOf(field.byte), fields }
}

function refuse(code: QrErrorCode, tag: string | null, what: string, byte: number): never {
  throw new QrError(berFault(code, tag, what, byte))
}
