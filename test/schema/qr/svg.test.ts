import {
  BinaryBitmap,
  DecodeHintType,
  HybridBinarizer,
  QRCodeReader,
  RGBLuminanceSource,
  ZXingStringEncoding,
  type Result,
} from '@zxing/library'
import { generate, mode } from 'lean-qr'
import { describe, expect, test } from 'vitest'
import { encodeCpm, encodeMpm, QrError, toSvg } from '../../../schema/qr/index.ts'
import { aCode } from '../../fixtures/a-code.ts'
import { aPresentedCode } from '../../fixtures/a-presented-code.ts'

const payload = encodeMpm(aCode({ local: { language: 'zh', name: '荷花茶馆', city: null } }))

/** Paints the runs of the black path on a grid. */
function painted(svg: string): { side: number; isBlack: (x: number, y: number) => boolean } {
  const side = Number(/viewBox="0 0 (\d+) \1"/.exec(svg)?.[1])
  const black = new Set<string>()
  for (const [, x, y, width] of svg.matchAll(/M(\d+) (\d+)h(\d+)v1h-\d+z/g)) {
    for (let n = 0; n < Number(width); n++) black.add(`${Number(x) + n},${y}`)
  }
  return { side, isBlack: (x, y) => black.has(`${x},${y}`) }
}

// Without this, the reader decodes ISO 8859-1 as UTF-8 outside browsers.
ZXingStringEncoding.customDecoder = (bytes, charset) => new TextDecoder(charset).decode(bytes)

/** Reads a picture with a reader that shares no code with the writer. */
function readBack(svg: string, assumedCharset?: string): Result {
  const { side, isBlack } = painted(svg)
  const scale = 3 // pixels for each module
  const width = side * scale
  const pixels = Uint8ClampedArray.from({ length: width * width }, (_, at) =>
    isBlack(Math.floor((at % width) / scale), Math.floor(at / width / scale)) ? 0 : 255,
  )
  const bitmap = new BinaryBitmap(new HybridBinarizer(new RGBLuminanceSource(pixels, width, width)))
  const hints = new Map<DecodeHintType, unknown>()
  if (assumedCharset) hints.set(DecodeHintType.CHARACTER_SET, assumedCharset)
  return new QRCodeReader().decode(bitmap, hints)
}

/** The first `count` bits of the data of a picture. */
const firstBits = (result: Result, count: number): string =>
  Array.from(result.getRawBytes(), (byte) => byte.toString(2).padStart(8, '0'))
    .join('')
    .slice(0, count)

const byteMode = '0100'
const eciUtf8 = '011100011010' // the indicator 0111, and assignment 26

describe('the picture of a code, read back', () => {
  test.each([
    ['a code in ASCII', encodeMpm(aCode())],
    ['digits, which other modes write shorter', '0'.repeat(40)],
    ['capitals, which other modes write shorter', 'HTTPS://QR.ALIPAY.COM/FKX0000'],
    ['a presented code', encodeCpm(aPresentedCode())],
  ])('is in byte mode without a character set: %s', (_, text) => {
    const result = readBack(toSvg(text))
    expect(result.getText()).toBe(text)
    expect(firstBits(result, 4)).toBe(byteMode)
  })

  test.each([
    ['Chinese', payload],
    ['Khmer', encodeMpm(aCode({ local: { language: 'km', name: 'ហាងតែ', city: 'ភ្នំពេញ' } }))],
    ['an emoji', encodeMpm(aCode({ local: { language: 'zh', name: '茶馆🍵', city: null } }))],
    [
      'a letter that ISO 8859-1 has too',
      encodeMpm(aCode({ local: { language: 'pt', name: 'Pão', city: null } })),
    ],
  ])('is in byte mode with ECI 26: %s', (_, text) => {
    const svg = toSvg(text)
    expect(firstBits(readBack(svg), 16)).toBe(eciUtf8 + byteMode)
    for (const charset of [undefined, 'ISO-8859-1', 'Shift_JIS', 'UTF-8']) {
      expect(readBack(svg, charset).getText(), `assuming ${charset}`).toBe(text)
    }
  })

  test('would be misread without an ECI by a reader that assumes ISO 8859-1', () => {
    const { size, get } = generate(mode.bytes(new TextEncoder().encode('茶馆')))
    const runs = Array.from({ length: size * size }, (_, at) => [at % size, Math.floor(at / size)] as const)
      .filter(([x, y]) => get(x, y))
      .map(([x, y]) => `M${x + 4} ${y + 4}h1v1h-1z`)
    const svg = `<svg viewBox="0 0 ${size + 8} ${size + 8}"><path d="${runs.join('')}"/></svg>`
    expect(readBack(svg, 'UTF-8').getText()).toBe('茶馆')
    expect(readBack(svg, 'ISO-8859-1').getText()).not.toBe('茶馆')
  })

  test.each(['L', 'M', 'Q', 'H'] as const)('with error correction %s', (errorCorrection) => {
    expect(readBack(toSvg(payload, { errorCorrection })).getText()).toBe(payload)
  })
})

describe('the picture of a code', () => {
  test('has the three finder patterns of ISO/IEC 18004', () => {
    const { side, isBlack } = painted(toSvg('hello'))
    const row = (x: number, y: number) =>
      Array.from({ length: 7 }, (_, n) => (isBlack(x + n, y) ? 1 : 0)).join('')
    for (const [x, y] of [
      [4, 4],
      [side - 11, 4],
      [4, side - 11],
    ] as const) {
      expect([0, 1, 2, 3, 4, 5, 6].map((n) => row(x, y + n))).toEqual([
        '1111111',
        '1000001',
        '1011101',
        '1011101',
        '1011101',
        '1000001',
        '1111111',
      ])
    }
  })

  test('has a name for screen readers', () => {
    const svg = toSvg(payload, { title: 'Pay "Lotus" & <Tea>\u0000' })
    expect(svg).toContain('aria-label="Pay &#34;Lotus&#34; &#38; &#60;Tea&#62; "')
    expect(svg).toContain('<title>Pay &#34;Lotus&#34; &#38; &#60;Tea&#62; </title>')
    expect(svg).toContain('role="img"')
  })

  test('scales: it has a view box and no size', () => {
    expect(toSvg(payload)).not.toMatch(/<svg[^>]* (width|height)=/)
  })

  test('grows with the error correction', () => {
    const [low, high] = (['L', 'H'] as const).map(
      (errorCorrection) => painted(toSvg(payload, { errorCorrection })).side,
    )
    expect(high).toBeGreaterThan(low!)
  })

  test.each(['', 'x'.repeat(3000), 'x'.repeat(10_000), '\uD83C'])(
    'is refused when it cannot be drawn',
    (text) => {
      expect(() => toSvg(text)).toThrow(QrError)
    },
  )
})
