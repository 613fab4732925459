// Draws codes.

import { correction, generate, mode } from 'lean-qr'
import type { Bitmap2D } from 'lean-qr'
import { faultAt, QrError } from './error.ts'
import type { QrErrorCode } from './error.ts'
import { checkSize } from './payload.ts'

export interface SvgOptions {
  /** The name of the picture for screen readers. */
  readonly title?: string
  /** The part of the picture that may be lost, at least: about 7, 15, 25 or 30 %. */
  readonly errorCorrection?: 'L' | 'M' | 'Q' | 'H'
}

/** Width of the white margin in modules (ISO/IEC 18004). */
const quiet = 4

/** The extended channel interpretation of UTF-8 (AIM ECI assignments). */
const utf8 = 26

/**
 * Draws `payload` as an SVG document that scales: one black path on white, in units of one module. The
 * picture has byte mode only. Text outside ASCII is UTF-8 and announced as such, because readers may assume
 * ISO 8859-1 (ISO/IEC 18004). Source: EMVCo MPM 1.1, 4.12.1.
 *
 * Throws `QrError` when the payload is empty, not Unicode, or too long for a QR code.
 */
export function toSvg(
  payload: string,
  { title = 'QR code', errorCorrection = 'M' }: SvgOptions = {},
): string {
  checkSize(payload)
  const modules = modulesOf(payload, errorCorrection)
  const side = modules.size + 2 * quiet
  const label = escape(title)
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${side} ${side}" role="img" aria-label="${label}" ` +
    `shape-rendering="crispEdges"><title>${label}</title>` +
    `<path fill="#fff" d="M0 0h${side}v${side}H0z"/><path d="${pathOf(modules)}"/></svg>`
  )
}

function modulesOf(payload: string, level: 'L' | 'M' | 'Q' | 'H'): Bitmap2D {
  if (payload === '') refuse('NOT_A_QR_CODE', 'an empty payload cannot be drawn')
  if (!payload.isWellFormed()) refuse('BAD_VALUE', 'the payload is not well-formed Unicode')
  const bytes = mode.bytes(new TextEncoder().encode(payload))
  const isAscii = /^[\0-\x7F]*$/.test(payload)
  try {
    return generate(isAscii ? bytes : mode.multi(mode.eci(utf8), bytes), {
      minCorrectionLevel: correction[level],
    })
  } catch {
    refuse(
      'TOO_LONG',
      `a payload of ${payload.length} characters does not fit into a QR code with error correction ${level}`,
    )
  }
}

function refuse(code: QrErrorCode, what: string): never {
  throw new QrError(faultAt(0, code, null, what))
}

/** One rectangle for each run of black modules in a row. */
function pathOf({ size, get }: Bitmap2D): string {
  let path = ''
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const start = x
      while (x < size && get(x, y)) x++
      if (x > start) path += `M${start + quiet} ${y + quiet}h${x - start}v1h${start - x}z`
    }
  }
  return path
}

/** Escapes text for XML text and attributes; characters that XML does not allow become spaces. */
function escape(text: string): string {
  return text
    .toWellFormed()
    .replace(/[^\t\n\r\x20-\uFFFD\u{10000}-\u{10FFFF}]/gu, ' ')
    .replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`)
}
