// Any payment code: which kind it is, and then the reader of that kind.

import { cpmStart } from './cpm.ts'
import type { CpmCode } from './cpm.ts'
import { decodeCpm } from './cpm-decode.ts'
import type { MpmCode, QrProfile } from './mpm.ts'
import { decodeMpm } from './mpm-decode.ts'
import { decodeUrl, isUrl } from './url.ts'
import type { UrlCode } from './url.ts'

/** A payment code of any kind. */
export type QrCode = MpmCode | CpmCode | UrlCode

/** Reads a code of whatever kind it starts like. The profile is for merchant-presented codes. Throws `QrError` only. */
export function readCode(text: string, profile: QrProfile): QrCode {
  if (text.trimStart().startsWith(cpmStart)) return decodeCpm(text)
  return isUrl(text) ? decodeUrl(text) : decodeMpm(text, profile)
}
