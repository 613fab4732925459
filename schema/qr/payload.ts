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
