// The syntax of merchant-presented codes: fields of id, length and value. The meaning of fields is in
// mpm-meaning.ts.

import { faultAt } from './error.ts'
import type { QrFault } from './error.ts'

/** One data object of a code. */
export interface QrField {
  /** Two digits; in a consumer-presented code, hexadecimal. */
  readonly tag: string
  readonly value: string
  /** The start of the field, in characters from the start of the payload. */
  readonly offset: number
  /** The fields inside `value`, in order; empty when it is plain text. */
  readonly fields: readonly QrField[]
}

/** A field whose inner fields are not read yet. */
export type OpenField = QrField & { fields: readonly QrField[] }

/** The unit of a length. The specification counts characters; some issuers count the other two. */
export type Counting = 'characters' | 'UTF-16 units' | 'UTF-8 bytes'

const none: readonly QrField[] = []
const surrogate = /[\uD800-\uDFFF]/

/** The number of characters of `text`. A character is a Unicode code point: "😀" has one, "ស្មី" four. */
export const characters = (text: string): number =>
  surrogate.test(text) ? Array.from(text).length : text.length

/**
 * Splits one level into its fields, in order, or returns the first syntax error. `offset` is the level's
 * first character in the payload, `path` the field that contains the level ("" at the top).
 *
 * A field is id (2 digits), length (2 digits) and value; there are no separators. The length counts
 * characters, which are Unicode code points.
 *
 * Source: EMVCo QR Code Specification, Merchant-Presented Mode 1.1, "Data Organization".
 */
export function splitLevel(
  text: string,
  offset: number,
  path: string,
  counting: Counting,
): OpenField[] | QrFault {
  const fields: OpenField[] = []
  const isDirect = counting === 'UTF-16 units' || (counting === 'characters' && !surrogate.test(text))
  let at = 0
  let character = offset
  while (at < text.length) {
    const length = digitsAt(text, at + 2)
    if (length < 0 || digitsAt(text, at) < 0) return badStart(text.slice(at, at + 4), character, path)
    const tag = text.slice(at, at + 2)
    const start = at + 4
    const end = isDirect ? start + length : skip(text, start, length, counting)
    if (end > text.length)
      return cutShort(pathOf(path, tag), length, characters(text.slice(start)), character)
    const value = text.slice(start, end)
    fields.push({ tag, value, offset: character, fields: none })
    character += 4 + (isDirect && counting === 'characters' ? length : characters(value))
    at = end
  }
  return fields
}

/** The path of a field: "62.05" for "05" inside "62", "05" at the top. */
export const pathOf = (parent: string, tag: string): string => (parent ? `${parent}.${tag}` : tag)

/** The two digits at index `at` as a number; -1 if there are not two digits. */
function digitsAt(text: string, at: number): number {
  const tens = text.charCodeAt(at) - 48
  const ones = text.charCodeAt(at + 1) - 48
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : -1
}

/**
 * The index after `length` characters or bytes; Infinity if `text` is shorter or the index is inside a
 * character.
 */
function skip(text: string, from: number, length: number, counting: Counting): number {
  let at = from
  let left = length
  while (left > 0 && at < text.length) {
    const point = text.codePointAt(at)!
    left -= counting === 'characters' ? 1 : bytesOf(point)
    at += point > 0xffff ? 2 : 1
  }
  return left === 0 ? at : Infinity
}

const bytesOf = (point: number) => (point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4)

function badStart(start: string, offset: number, path: string): QrFault {
  const where = path ? ` in field ${path}` : ''
  return start.length < 4
    ? faultAt(offset, 'TRUNCATED', path || null, `the payload${where} is cut short after ${quote(start)}`)
    : faultAt(offset, 'BAD_FIELD', path || null, `${quote(start)}${where} is not an id and a length`)
}

function cutShort(tag: string, length: number, left: number, offset: number): QrFault {
  return faultAt(offset, 'TRUNCATED', tag, `field ${tag} is cut short: ${left} of ${length} characters`)
}

/** `value` in quotes, for messages. */
export const quote = (value: string): string => JSON.stringify(value)
