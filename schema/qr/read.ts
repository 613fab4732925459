// Reads a payment code of any kind.

import { decodeCpm } from './cpm-decode.ts'
import { cpmStart } from './cpm.ts'
import type { CpmCode } from './cpm.ts'
import { decodeMpm } from './mpm-decode.ts'
import type { MpmCode, QrProfile } from './mpm.ts'
import { bare } from './payload.ts'
import { decodeUrl, isUrl } from './url.ts'
import type { UrlCode } from './url.ts'

/** A payment code of any kind. */
export type QrCode = MpmCode | CpmCode | UrlCode

/**
 * Reads a code; its start decides the kind. `profile` applies to merchant-presented codes. Throws only
 * `QrError`.
 */
export function readCode(text: string, profile: QrProfile): QrCode {
  if (bare(text).text.startsWith(cpmStart)) return decodeCpm(text)
  return isUrl(text) ? decodeUrl(text) : decodeMpm(text, profile)
}
