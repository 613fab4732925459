import { create } from 'qrcode/lib/core/qrcode.js'
import { describe, expect, test } from 'vitest'
import { encodeMpm, QrError, toSvg } from '../../../schema/qr/index.ts'
import { aCode } from '../../fixtures/a-code.ts'

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

describe('the picture of a code', () => {
  test('has every module of the code, and four white ones on each side', () => {
    const { side, isBlack } = painted(toSvg(payload))
    const { size, data } = create(payload, { errorCorrectionLevel: 'M' }).modules
    expect(side).toBe(size + 8)
    for (let y = 0; y < side; y++) {
      for (let x = 0; x < side; x++) {
        const isInside = x >= 4 && y >= 4 && x < side - 4 && y < side - 4
        expect(isBlack(x, y), `module ${x}, ${y}`).toBe(isInside && data[(y - 4) * size + x - 4] === 1)
      }
    }
  })

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

  test.each(['', 'x'.repeat(3000), 'x'.repeat(10_000)])('is refused when it cannot be drawn', (text) => {
    expect(() => toSvg(text)).toThrow(QrError)
  })
})
