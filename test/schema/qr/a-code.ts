// Codes to test with: what each test does not care about is filled in here.

import * as fc from 'fast-check'
import { QrError, readCode } from '../../../schema/qr/index.ts'
import type { MpmInput } from '../../../schema/qr/index.ts'

/** A static UnionPay code of a mainland merchant, changed by `change`. */
export const aCode = (change: MpmInput = {}): MpmInput => ({
  pointOfInitiation: 'STATIC',
  unionPay: { acquirerIin: '00010000', forwardingIin: '00010344', merchantId: '104310058120001' },
  mcc: '5812',
  currency: 'CNY',
  country: 'CN',
  merchantName: 'LOTUS TEA HOUSE',
  merchantCity: 'HANGZHOU',
  ...change,
})

/** Fields from id and value, with the length that the specification counts. */
export const fieldsOf = (...fields: readonly (readonly [tag: string, value: string])[]): string =>
  fields.map(([tag, value]) => `${tag}${String(Array.from(value).length).padStart(2, '0')}${value}`).join('')

/** The fields of a code that is strictly valid, without the checksum; `change` replaces, adds or (null) drops some. */
export function bodyOf(change: Readonly<Record<string, string | null>> = {}): string {
  const fields = new Map<string, string | null>([
    ['00', '01'],
    ['01', '11'],
    ['15', '0001000000010344104310058120001'],
    ['52', '5812'],
    ['53', '156'],
    ['58', 'CN'],
    ['59', 'LOTUS TEA HOUSE'],
    ['60', 'HANGZHOU'],
    ...Object.entries(change),
  ])
  const kept = [...fields].filter((field): field is [string, string] => field[1] !== null)
  return fieldsOf(...kept.toSorted(([a], [b]) => Number(a) - Number(b)))
}

/** `body` with field 63 after it. The checksum is worked out bit by bit, not by the code under test. */
export function sealed(body: string): string {
  let crc = 0xffff
  for (const byte of new TextEncoder().encode(`${body}6304`)) {
    for (let bit = 7; bit >= 0; bit--) {
      const isSet = ((crc >> 15) ^ (byte >> bit)) & 1
      crc = ((crc << 1) & 0xffff) ^ (isSet ? 0x1021 : 0)
    }
  }
  return `${body}6304${crc.toString(16).toUpperCase().padStart(4, '0')}`
}

/** True when the text is read, false when it is refused as it should be; any other error is thrown on. */
export function isRead(text: string): boolean {
  try {
    readCode(text, 'LENIENT')
    return true
  } catch (error) {
    if (error instanceof QrError && error.offset >= 0 && error.offset <= text.length) return false
    throw error
  }
}

const ascii = (minLength: number, maxLength: number) =>
  fc.string({
    unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
    minLength,
    maxLength,
  })

export const digit = fc.integer({ min: 0, max: 9 }).map(String)

export const digits = (length: number) => fc.string({ unit: digit, minLength: length, maxLength: length })

/** Unicode text of any script, emoji included. */
const unicode = (maxLength: number) =>
  fc
    .string({ unit: 'binary', minLength: 1, maxLength: 2 * maxLength })
    .map((text) => Array.from(text.toWellFormed()).slice(0, maxLength).join(''))

export const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null })

const amount = fc
  .tuple(fc.integer({ min: 1, max: 9_999_999 }), maybe(digits(2)))
  .map(([whole, part]) => (part === null ? `${whole}` : `${whole}.${part}`))

const templates = (first: number, last: number) =>
  fc
    .uniqueArray(
      fc.record({
        tag: fc.integer({ min: first, max: last }).map(String),
        fields: fc.tuple(ascii(1, 32), unicode(20)).map(([guid, value]) => [
          { tag: '00', value: guid },
          { tag: '01', value },
        ]),
      }),
      { maxLength: 2, selector: ({ tag }) => tag },
    )
    .map((list) => list.toSorted((a, b) => Number(a.tag) - Number(b.tag)))

/** Everything that can be issued. */
export const anyCode: fc.Arbitrary<MpmInput> = fc.record({
  pointOfInitiation: maybe(fc.constantFrom('STATIC' as const, 'DYNAMIC' as const)),
  unionPay: fc.record({ acquirerIin: digits(8), forwardingIin: digits(8), merchantId: ascii(1, 15) }),
  merchantAccounts: templates(26, 51),
  mcc: digits(4),
  currency: fc.constantFrom('CNY', 'THB', 'JPY', 'KWD', 'IDR'),
  amount: maybe(amount),
  tip: maybe(
    fc.oneof(
      fc.constant({ kind: 'PROMPT' as const, value: null }),
      amount.map((value) => ({ kind: 'FIXED' as const, value })),
      fc.constantFrom('0.01', '5', '12.5', '99.99').map((value) => ({ kind: 'PERCENT' as const, value })),
    ),
  ),
  country: fc.constantFrom('CN', 'TH', 'JP', 'SG', 'AR'),
  merchantName: ascii(1, 25),
  merchantCity: ascii(1, 15),
  postalCode: maybe(ascii(1, 10)),
  local: maybe(
    fc.record({ language: fc.constantFrom('zh', 'km', 'TH'), name: unicode(25), city: maybe(unicode(15)) }),
  ),
  additionalData: maybe(
    fc.record({
      billNumber: maybe(ascii(1, 25)),
      referenceLabel: fc.constantFrom('***', 'R-1'),
      consumerDataRequest: maybe(fc.constantFrom('A', 'ME', 'AME')),
    }),
  ),
  unreserved: templates(80, 99),
})
