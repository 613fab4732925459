// Draws codes.

import { create } from 'qrcode/lib/core/qrcode.js'
import { faultAt, QrError } from './error.ts'
import { checkSize } from './payload.ts'

export interface SvgOptions {
  /** The name of the picture for screen readers. */
  readonly title?: string
  /** The part of the picture that may be lost: about 7, 15, 25 or 30 %. */
  readonly errorCorrection?: 'L' | 'M' | 'Q' | 'H'
}

/** Width of the white margin in modules (ISO/IEC 18004). */
const quiet = 4

/**
 * Draws `payload` as an SVG document that scales: one black path on white, in units of one module. The text
 * is encoded as UTF-8. Throws `QrError` when the payload is empty or too long for a QR code.
 */
export function toSvg(
  payload: string,
  { title = 'QR code', errorCorrection = 'M' }: SvgOptions = {},
): string {
  checkSize(payload)
  const { size, data } = matrixOf(payload, errorCorrection)
  const side = size + 2 * quiet
  const label = escape(title)
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${side} ${side}" role="img" aria-label="${label}" ` +
    `shape-rendering="crispEdges"><title>${label}</title>` +
    `<path fill="#fff" d="M0 0h${side}v${side}H0z"/><path d="${pathOf(size, data)}"/></svg>`
  )
}

function matrixOf(payload: string, level: 'L' | 'M' | 'Q' | 'H') {
  try {
    return create(payload, { errorCorrectionLevel: level }).modules
  } catch {
    const what = `a payload of ${payload.length} characters does not fit into a QR code with error correction ${level}`
    throw new QrError(faultAt(0, payload === '' ? 'NOT_A_QR_CODE' : 'TOO_LONG', null, what))
  }
}

/** One rectangle for each run of black modules in a row. */
function pathOf(size: number, data: Uint8Array): string {
  let path = ''
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const start = x
      while (x < size && data[y * size + x]) x++
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
