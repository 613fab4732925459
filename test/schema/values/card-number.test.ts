import { hash, randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { holdsCardNumber, mayBeCardNumber } from '../../../schema/values/card-number.ts'

// The test numbers that the card networks publish.
const published = [
  ['Visa', '4111111111111111'],
  ['Visa of 13 digits', '4222222222222'],
  ['Mastercard', '5555555555554444'],
  ['Mastercard of the series 2', '2223003122003222'],
  ['American Express', '378282246310005'],
  ['Diners Club', '30569309025904'],
  ['Discover', '6011111111111117'],
  ['JCB', '3530111333300000'],
  ['UnionPay', '6200000000000005'],
  ['UnionPay of 19 digits', '6205500000000000004'],
] as const

describe('a card number', () => {
  test.each(published)('of %s is found', (_, number) => {
    expect(holdsCardNumber(number)).toBe(true)
  })

  const inDigitsOf = (zero: number) => (number: string) =>
    number.replace(/\d/g, (digit) => String.fromCodePoint(zero + Number(digit)))
  test.each<[string, (number: string) => string]>([
    ['in groups of four', (number) => number.replace(/(.{4})(?=.)/g, '$1 ')],
    ['with dashes', (number) => number.replace(/(.{4})(?=.)/g, '$1-')],
    ['with a dot between all digits', (number) => number.split('').join('.')],
    ['with a line break', (number) => `${number.slice(0, 6)}\r\n${number.slice(6)}`],
    ['with spaces around dashes', (number) => number.replace(/(.{4})(?=.)/g, '$1 - ')],
    ['with spaces of another width', (number) => number.replace(/(.{4})(?=.)/g, '$1\u00a0\u2009')],
    ['with characters that have no width', (number) => number.split('').join('\u200b\u00ad')],
    ['with accents on its digits', (number) => number.split('').join('\u0301')],
    ['in digits of full width', inDigitsOf(0xff10)],
    ['in Arabic-Indic digits', inDigitsOf(0x660)],
    ['in Bengali digits', inDigitsOf(0x9e6)],
    ['in bold mathematical digits', inDigitsOf(0x1d7ce)],
    ['in superscripts and circles', (number) => number.replaceAll('1', '¹').replaceAll('2', '②')],
    ['between letters', (number) => `card${number}x`],
    ['after a date', (number) => `2026-03-01 ${number}`],
    ['with its expiry', (number) => `${number}=2812`],
    ['inside a sentence', (number) => `refund to ${number}, please`],
    ['after a random id', (number) => `${randomUUID()} ${number}`],
  ])('is found %s', (_, write) => {
    for (const [, number] of published) expect(holdsCardNumber(write(number))).toBe(true)
  })

  test('with one digit changed is none', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...published.map(([, number]) => number)),
        fc.nat({ max: 12 }),
        fc.integer({ min: 1, max: 9 }),
        (number, at, change) => {
          const digit = (Number(number[at]) + change) % 10
          expect(holdsCardNumber(number.slice(0, at) + digit + number.slice(at + 1))).toBe(false)
        },
      ),
    )
  })
})

describe('no card number', () => {
  test.each([
    ['a retrieval reference number', '628304411175'],
    ['a number that passes the check and is of no issuer', '1234567812345670'],
    ['the number of a WeChat Pay order', '4200001234202603011234567890'],
    ['the number of an Alipay order', '2026030122001412345678901234'],
    ['a time in milliseconds', '1772355600000'],
    ['a date and time', '2026-03-01T09:30:00.123456Z'],
    ['a phone number', '+86 138 0013 8000'],
    ['a cursor', 'MCBLq1B0eYEOrDtLpYc_QI'],
    ['a merchant id', 'acquirer-cn-01.M1'],
  ])('is %s', (_, text) => {
    expect(holdsCardNumber(text)).toBe(false)
  })

  test('is a UUID or a hash, whatever its digits', () => {
    for (let n = 0; n < 20_000; n++) {
      expect(holdsCardNumber(randomUUID())).toBe(false)
      expect(holdsCardNumber(hash('sha256', String(n), 'hex'))).toBe(false)
    }
  })

  test('but a number in the form of a UUID is one', () => {
    expect(holdsCardNumber('41111111-1111-1111-8000-000000000000')).toBe(true)
  })
})

test('an account may have a card number of any issuer', () => {
  expect(mayBeCardNumber('1234 5678 1234 5670')).toBe(true)
  expect(mayBeCardNumber('1234 5678 1234 5671')).toBe(false)
})

test('the search takes time linear in the text', () => {
  // Of the processor, since other processes may take most of the time.
  const microseconds = (size: number): number => {
    const text = '4 '.repeat(size)
    const before = process.threadCpuUsage()
    holdsCardNumber(text)
    const { user, system } = process.threadCpuUsage(before)
    return user + system
  }
  microseconds(20_000)
  expect(microseconds(400_000)).toBeLessThan(40 * Math.max(microseconds(40_000), 1_000))
})
