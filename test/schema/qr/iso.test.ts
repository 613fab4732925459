import { describe, expect, test } from 'vitest'
import { isCountry } from '../../../schema/qr/country.ts'
import { currencyDigits, currencyNumber, currencyOf } from '../../../schema/qr/currency.ts'

describe('ISO lists', () => {
  test.each([
    // ISO 4217:2015, list one.
    ['CNY', '156'],
    ['THB', '764'],
    ['IDR', '360'],
    ['KHR', '116'],
    ['LAK', '418'],
    ['MYR', '458'],
    ['SGD', '702'],
    ['KRW', '410'],
    ['JPY', '392'],
    ['LKR', '144'],
    ['ARS', '032'],
    ['VND', '704'],
    ['EUR', '978'],
    ['KWD', '414'],
  ])('%s is %s', (code, number) => {
    expect(currencyOf(number)).toBe(code)
    expect(currencyNumber(code)).toBe(number)
  })

  test('every number stands for one code that Unicode has a name for, and back', () => {
    const names = new Intl.DisplayNames('en', { type: 'currency' })
    const codes = Array.from({ length: 1000 }, (_, n) => currencyOf(String(n).padStart(3, '0'))).filter(
      (code) => code !== null,
    )
    expect(codes).toHaveLength(166)
    for (const code of codes) {
      expect(names.of(code)).not.toBe(code)
      expect(currencyOf(currencyNumber(code)!)).toBe(code)
    }
  })

  test.each(['XAU', 'XDR', 'XTS', 'XXX', 'ANG'])('%s is no currency of a code', (code) => {
    expect(currencyNumber(code)).toBeNull()
  })

  test('no digits are those of everyday use, which lacks cents of the rupiah and the kip', () => {
    const everyday = (currency: string) =>
      new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions().maximumFractionDigits
    expect(['IDR', 'LAK', 'MMK'].map((code) => [currencyDigits(code), everyday(code)])).toEqual(
      Array.from({ length: 3 }, () => [2, 0]),
    )
  })

  test('there are the 249 countries and regions of ISO 3166-1', () => {
    const letters = Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZ')
    const codes = letters.flatMap((first) => letters.map((second) => first + second)).filter(isCountry)
    expect(codes).toHaveLength(249)
    const names = new Intl.DisplayNames('en', { type: 'region' })
    for (const code of codes) expect(names.of(code)).not.toBe(code)
  })
})
