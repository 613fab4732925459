// Reads merchant-presented codes: EMVCo QR Code Specification, Merchant-Presented Mode 1.1.

import { crcText } from './crc.ts'
import { faultAt, QrError } from './error.ts'
import type { QrFault, Report } from './error.ts'
import { characters, quote, splitLevel } from './field.ts'
import type { Counting, OpenField, QrField } from './field.ts'
import { toCode } from './mpm-meaning.ts'
import { checkCode, isAdditionalTemplate, isTemplate } from './mpm-rules.ts'
import type { MpmCode, QrProfile } from './mpm.ts'
import { checkSize } from './payload.ts'

/**
 * Reads a merchant-presented code. Both profiles refuse a text without field structure, without a checksum at
 * its end, or with a wrong checksum; the checksum may be in either case.
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
  const warnings: QrFault[] = []
  const report: Report =
    profile === 'LENIENT'
      ? (fault) => void warnings.push(fault)
      : (fault) => {
          throw new QrError(fault)
        }
  const { text, offset } = trimmed(payload, report)
  const fields = readRoot(text, offset, report)
  checkCrc(text, fields.at(-1)!)
  readTemplates(fields, report)
  const end = offset + characters(text)
  checkCode(fields, end, report)
  const code = toCode(fields, end)
  if (profile === 'LENIENT')
    for (const fault of code.unreadable) if (!includes(warnings, fault)) report(fault)
  return { ...code, warnings }
}

const includes = (faults: readonly QrFault[], { code, tag }: QrFault) =>
  faults.some((fault) => fault.code === code && fault.tag === tag)

/** The payload without white space before and after it, and the offset of its first character. */
function trimmed(payload: string, report: Report): { text: string; offset: number } {
  checkSize(payload)
  const text = payload.trim()
  if (!/^\d{4}/.test(text)) {
    throw new QrError(
      faultAt(
        0,
        'NOT_A_QR_CODE',
        null,
        'the payload does not start with an id and a length, such as "000201"',
      ),
    )
  }
  if (text.length === payload.length) return { text, offset: 0 }
  const offset = payload.indexOf(text)
  report(
    faultAt(
      offset > 0 ? 0 : characters(text),
      'STRAY_SPACE',
      null,
      'there is white space around the payload',
    ),
  )
  return { text, offset }
}

/** Reads the top-level fields; the last one is the checksum. */
function readRoot(text: string, offset: number, report: Report): OpenField[] {
  const fields = readLevel(text, offset, '', (found) => found.at(-1)?.tag === '63', report)
  if (!Array.isArray(fields)) throw new QrError(fields)
  const crc = fields.findIndex((field) => field.tag === '63')
  if (crc === -1) {
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
