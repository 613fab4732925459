import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { crc16, crcText } from '../../../schema/qr/crc.ts'
import { sealed } from '../../fixtures/a-code.ts'

describe('the checksum', () => {
  test('has the published check value', () => {
    // "CRC-16/IBM-3740" (also known as CCITT-FALSE) in Greg Cook's catalogue of parametrised CRC algorithms.
    expect(crc16('123456789')).toBe(0x29b1)
  })

  test('is written with all four digits', () => {
    // EMVCo MPM 1.1: the value 0x007B is written "007B".
    const text = Array.from({ length: 100_000 }, (_, n) => String(n)).find((each) => crc16(each) < 0x100)!
    expect(crcText(text)).toMatch(/^00[0-9A-F]{2}$/)
  })

  test('is over UTF-8 bytes, whatever the script', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(`${text}6304${crcText(`${text}6304`)}`).toBe(sealed(text))
      }),
    )
  })
})
