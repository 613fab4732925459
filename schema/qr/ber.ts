// The syntax of consumer-presented codes, BER-TLV: bytes of tag, length and value. The meaning of tags is in
// cpm.ts.

import { faultAt } from './error.ts'
import type { QrErrorCode, QrFault } from './error.ts'
import { pathOf } from './field.ts'

/** One data object. */
export interface BerField {
  /** Hexadecimal capitals, such as "4F" or "9F26". */
  readonly tag: string
  readonly value: Uint8Array
  /** The start of the object and of its value, in bytes from the start of the payload. */
  readonly byte: number
  readonly valueByte: number
}

/** In bytes; EMV has tags of one and two. */
const tagMax = 4

/**
 * Splits one level into its data objects, in order, or returns the first syntax error. `byte` is the offset
 * of the level in the payload, `path` its parent. Lengths have one to three bytes and tags one to four; the
 * indefinite form is refused.
 *
 * Source: EMV 4.3 Book 3, Annex B.
 */
export function splitBer(bytes: Uint8Array, byte: number, path: string): BerField[] | QrFault {
  const fields: BerField[] = []
  let at = 0
  while (at < bytes.length) {
    const sizeAt = at + tagLength(bytes, at)
    if (sizeAt - at > tagMax) return berFault('BAD_FIELD', path || null, 'has an unsupported tag', byte + at)
    const tag = hex(bytes.subarray(at, sizeAt))
    const size = bytes[sizeAt] ?? 0
    const start = sizeAt + 1 + (size > 0x80 ? size - 0x80 : 0)
    const length = size < 0x80 ? size : Number(`0x0${hex(bytes.subarray(sizeAt + 1, start))}`)
    const end = start + length
    if (size === 0x80 || size > 0x82) {
      return berFault('BAD_LENGTH', pathOf(path, tag), 'has an unsupported length', byte + at)
    }
    if (sizeAt >= bytes.length || end > bytes.length) {
      return berFault('TRUNCATED', pathOf(path, tag), 'is cut short', byte + at)
    }
    fields.push({ tag, value: bytes.subarray(start, end), byte: byte + at, valueByte: byte + start })
    at = end
  }
  return fields
}

/**
 * In bytes. If the five low bits of the first byte are set, more bytes follow: up to one without its highest
 * bit.
 */
function tagLength(bytes: Uint8Array, at: number): number {
  if ((bytes[at]! & 0x1f) !== 0x1f) return 1
  let length = 2
  while ((bytes[at + length - 1] ?? 0) & 0x80) length++
  return length
}

/** Encodes one data object. */
export function berField(tag: string, value: Uint8Array): Uint8Array {
  const { length } = value
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from(tag, 'hex'), Uint8Array.from(size), value])
}

/** Bytes as hexadecimal capitals. */
export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex').toUpperCase()

/** The base64 character in which byte `byte` starts; each character has six bits. */
export const characterOf = (byte: number): number => Math.floor((byte * 8) / 6)

/** A fault of object `tag`, which starts at byte `byte`. */
export const berFault = (code: QrErrorCode, tag: string | null, what: string, byte: number): QrFault =>
  faultAt(characterOf(byte), code, tag, `${tag ? `object ${tag}` : 'the payload'} ${what}`)
