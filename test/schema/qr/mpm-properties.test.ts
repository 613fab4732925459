import * as fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { decodeMpm, encodeMpm } from '../../../schema/qr/index.ts'
import { anyCode, digit, isRead, sealed } from '../../fixtures/a-code.ts'

const payloads: readonly string[] = JSON.parse(
  readFileSync(new URL('qr-cases.json', import.meta.url), 'utf8'),
)
  .filter(({ valid }: { valid: boolean }) => valid)
  .map(({ payload }: { payload: string }) => payload)

describe('for every code', () => {
  test('what was issued is what is read', () => {
    fc.assert(
      fc.property(anyCode, (code) => {
        const { merchantAccounts, unreserved, ...rest } = code
        const read = decodeMpm(encodeMpm(code), 'STRICT')
        expect(read).toMatchObject(rest)
        expect(read.merchantAccounts.filter(({ tag }) => tag !== '15')).toMatchObject(merchantAccounts ?? [])
        expect(read.unreserved).toMatchObject(unreserved ?? [])
      }),
    )
  })

  test('writing what was read gives the same text', () => {
    fc.assert(
      fc.property(anyCode, (code) => {
        const payload = encodeMpm(code)
        expect(encodeMpm(decodeMpm(payload, 'STRICT'))).toBe(payload)
      }),
    )
  })

  test('the lenient profile warns of nothing that the strict one reads, except of decimals', () => {
    fc.assert(
      fc.property(anyCode, (code) => {
        const strict = decodeMpm(encodeMpm(code), 'STRICT')
        const lenient = decodeMpm(encodeMpm(code), 'LENIENT')
        expect(lenient).toEqual({ ...strict, warnings: strict.unreadable })
      }),
    )
  })
})

describe('damage is never read', () => {
  test.each(payloads.map((payload) => [payload]))('any nibble of the checksum flipped in %s', (payload) => {
    for (let at = payload.length - 4; at < payload.length; at++) {
      for (let flip = 1; flip < 16; flip++) {
        const nibble = (Number.parseInt(payload[at]!, 16) ^ flip).toString(16)
        const damaged = payload.slice(0, at) + nibble + payload.slice(at + 1)
        expect(() => decodeMpm(damaged, 'LENIENT')).toThrow(expect.objectContaining({ code: 'CRC_MISMATCH' }))
      }
    }
  })

  test.each(payloads.map((payload) => [payload]))('cut after any character: %s', (payload) => {
    for (let end = 0; end < payload.length; end++) expect(isRead(payload.slice(0, end))).toBe(false)
  })

  test('issued codes cut after any character, emoji cut in half included', () => {
    fc.assert(
      fc.property(anyCode, (code) => {
        const payload = encodeMpm(code)
        for (let end = 0; end < payload.length; end++) expect(isRead(payload.slice(0, end))).toBe(false)
      }),
      { numRuns: 20 },
    )
  })

  test('one character changed', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...payloads),
        fc.nat(),
        fc.integer({ min: 0x20, max: 0x7e }),
        (payload, n, unit) => {
          const at = n % payload.length
          const sign = String.fromCharCode(unit)
          fc.pre(payload[at]!.toUpperCase() !== sign.toUpperCase())
          expect(isRead(payload.slice(0, at) + sign + payload.slice(at + 1))).toBe(false)
        },
      ),
    )
  })
})

describe('nothing but a QrError is thrown', () => {
  test.each([
    ['text', fc.string({ unit: 'binary' })],
    ['digits', fc.string({ unit: digit })],
    ['start of a presented code', fc.base64String().map((text) => `hQVDUFYw${text}`)],
  ])('for any %s', (_, texts) => {
    fc.assert(
      fc.property(texts, (text) => {
        expect(isRead(text)).toBe(false)
      }),
    )
  })

  test('for any body with a checksum that fits, and both profiles agree on it', () => {
    const field = fc
      .tuple(fc.integer({ min: 10, max: 99 }), fc.string({ unit: 'binary', maxLength: 40 }), fc.boolean())
      .map(([tag, value, isTooLong]) => {
        const length = Array.from(value).length + Number(isTooLong)
        return `${tag}${String(length).padStart(2, '0')}${value}`
      })
    fc.assert(
      fc.property(fc.array(field, { maxLength: 8 }), (fields) => {
        const text = sealed(`000201${fields.join('')}`)
        if (!isRead(text)) return
        const { warnings } = decodeMpm(text, 'LENIENT')
        expect(warnings.length).toBeGreaterThan(0) // such codes lack most of what is mandatory
        expect(() => decodeMpm(text, 'STRICT')).toThrow(
          expect.objectContaining({ message: warnings[0]?.message }),
        )
      }),
      { numRuns: 500 },
    )
  })
})
