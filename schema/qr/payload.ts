// Checks that apply to payloads of every kind.

import { faultAt, QrError } from './error.ts'

/** In UTF-16 units. The capacity of the largest QR code: version 40-L, digits only (ISO/IEC 18004). */
const sizeMax = 7089

/** Throws `QrError` for a text that is longer than any QR code. */
export function checkSize(payload: string): void {
  if (payload.length <= sizeMax) return
  const what = `the payload has ${payload.length} characters, a QR code holds at most ${sizeMax}`
  throw new QrError(faultAt(sizeMax, 'TOO_LONG', null, what))
}

const invisible = /[\s\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}]/u

/**
 * The payload without white space, control characters and invisible characters before and after it, which
 * scanners and clipboards add. `start` is the index of its first unit. Linear in the number of such
 * characters.
 */
export function bare(payload: string): { readonly text: string; readonly start: number } {
  let start = 0
  let end = payload.length
  while (start < end && isInvisible(payload, start)) start += unitsAt(payload, start)
  while (start < end && isInvisible(payload, lastIndex(payload, end))) end = lastIndex(payload, end)
  return { text: payload.slice(start, end), start }
}

const isInvisible = (text: string, at: number): boolean =>
  invisible.test(String.fromCodePoint(text.codePointAt(at)!))

const unitsAt = (text: string, at: number): number => (text.codePointAt(at)! > 0xffff ? 2 : 1)

/** The index of the last character before `end`; some have two units. */
const lastIndex = (text: string, end: number): number =>
  end >= 2 && unitsAt(text, end - 2) === 2 ? end - 2 : end - 1
