// Reads merchant-presented codes: EMVCo QR Code Specification, Merchant-Presented Mode 1.1.

import { crcText } from './crc.ts'
import { boundWarnings, faultAt, QrError } from './error.ts'
import type { QrFault, Report } from './error.ts'
import { characters, quote, splitLevel } from './field.ts'
import type { Counting, OpenField, QrField } from './field.ts'
import { toCode } from './mpm-meaning.ts'
import { checkCode, isAdditionalTemplate, isPaymentCode, isTemplate } from './mpm-rules.ts'
import type { MpmCode, QrProfile } from './mpm.ts'
import { bare, checkSize } from './payload.ts'

/**
 * Reads a merchant-presented code. Both profiles refuse a text without field structure, without a checksum at
 * its end, or with a wrong checksum, and fields of something else than a payment; the checksum may be in
 * either case.
 *
 * `STRICT` also refuses every deviation from EMVCo MPM 1.1. `LENIENT` lists deviations as warnings. It reads
 * the first field of an id that occurs twice. An amount of zero, or one that is not a plain decimal, is null.
 * `unreadable` lists what the code states about money and cannot be read exactly, under both profiles.
 *
 * Lengths and offsets count characters, which are Unicode code points. Where that fails, `LENIENT` tries
 * UTF-16 units and then UTF-8 bytes, and uses a count that fits exactly.
 *
 * Throws only `QrError`.
 */
export function decodeMpm(payload: string, profile: QrProfile): MpmCode {
  const faults: QrFault[] = []
  const report: Report =
    profile === 'LENIENT'
      ? (fault) => void faults.push(fault)
      : (fault) => {
          throw new QrError(fault)
        }
  const { text, offset } = trimmed(payload, report)
  const fields = readRoot(text, offset, report)
  checkCrc(text, fields.at(-1)!)
  if (!isPaymentCode(fields)) refuseText('the fields of the payload are not those of a payment code', offset)
  readTemplates(fields, report)
  const end = offset + characters(text)
  checkCode(fields, end, report)
  const code = toCode(fields, end)
  return { ...code, warnings: profile === 'LENIENT' ? toWarnings(faults, code.unreadable) : [] }
}

/** The bounded list of warnings; every unreadable value is in it, once. */
function toWarnings(faults: QrFault[], unreadable: readonly QrFault[]): readonly QrFault[] {
  const kept = unreadable.map((fault) => {
    const reported = faults.find(({ code, tag }) => code === fault.code && tag === fault.tag)
    if (!reported) faults.push(fault)
    return reported ?? fault
  })
  return boundWarnings(faults, new Set(kept))
}

function refuseText(what: string, offset: number): never {
  throw new QrError(faultAt(offset, 'NOT_A_QR_CODE', null, what))
}

/** The payload without invisible characters before and after it, and the offset of its first character. */
function trimmed(payload: string, report: Report): { text: string; offset: number } {
  checkSize(payload)
  const { text, start } = bare(payload)
  const offset = characters(payload.slice(0, start))
  if (!/^\d{4}/.test(text)) {
    refuseText('the payload does not start with an id and a length, such as "000201"', 0)
  }
  if (text.length === payload.length) return { text, offset }
  const at = start > 0 ? 0 : characters(text)
  report(faultAt(at, 'STRAY_SPACE', null, 'there are invisible characters around the payload'))
  return { text, offset }
}

/** The start of every known code. Other digits without field structure are no damaged code. */
const usualStart = /^(?:0002|01021[12])/

/** Reads the top-level fields; the last one is the checksum. */
function readRoot(text: string, offset: number, report: Report): OpenField[] {
  const fields = readLevel(text, offset, '', (found) => found.at(-1)?.tag === '63', report)
  if (!Array.isArray(fields)) {
    if (!usualStart.test(text)) refuseText('the payload does not consist of fields', offset)
    throw new QrError(fields)
  }
  const crc = fields.findIndex((field) => field.tag === '63')
  if (crc === -1) {
    if (!usualStart.test(text) && !isPaymentCode(fields)) {
      refuseText('the fields of the payload are not those of a payment code', offset)
    }
    const end = offset + characters(text)
    throw new QrError(faultAt(end, 'MISSING_TAG', '63', 'field 63 (checksum) is missing'))
  }
  const after = fields[crc + 1]
  if (after) {
    const what = `field ${after.tag} comes after the checksum, which does not cover it`
    throw new QrError(faultAt(after.offset, 'MISPLACED_TAG', '63', what))
  }
  return fields
}

/**
 * Splits one level by characters or, if that fails, by other units. A fault is that of the count by
 * characters.
 */
function readLevel(
  text: string,
  offset: number,
  path: string,
  isWhole: (fields: readonly QrField[]) => boolean,
  report: Report,
): OpenField[] | QrFault {
  const byCharacters = splitLevel(text, offset, path, 'characters')
  if (Array.isArray(byCharacters) && isWhole(byCharacters)) return byCharacters
  for (const counting of ['UTF-16 units', 'UTF-8 bytes'] satisfies Counting[]) {
    const byUnits = splitLevel(text, offset, path, counting)
    if (!Array.isArray(byUnits) || !isWhole(byUnits)) continue
    const where = path ? `in field ${path}` : 'in the payload'
    report(faultAt(offset, 'WRONG_COUNT', path || null, `lengths ${where} count ${counting}, not characters`))
    return byUnits
  }
  return byCharacters
}

function checkCrc(text: string, { value, offset }: QrField): void {
  const expected = crcText(text.slice(0, text.length - value.length))
  if (value.toUpperCase() === expected) return
  const what = `field 63 (checksum) is ${quote(value)} instead of "${expected}"`
  throw new QrError(faultAt(offset, 'CRC_MISMATCH', '63', what))
}

/** Reads the inner fields of every template. */
function readTemplates(fields: readonly OpenField[], report: Report): void {
  for (const field of fields) {
    if (!isTemplate(field.tag)) continue
    const inner = readLevel(field.value, field.offset + 4, field.tag, () => true, report)
    if (Array.isArray(inner)) {
      field.fields = inner
      if (field.tag === '62') readAdditionalTemplates(inner)
    } else {
      const message = `field ${field.tag} is not a template: ${inner.message}`
      report({ code: 'NOT_A_TEMPLATE', tag: field.tag, offset: inner.offset, message })
    }
  }
}

function readAdditionalTemplates(fields: readonly OpenField[]): void {
  for (const field of fields) {
    if (!isAdditionalTemplate(field.tag)) continue
    const inner = splitLevel(field.value, field.offset + 4, `62.${field.tag}`, 'characters')
    if (Array.isArray(inner)) field.fields = inner
  }
}
