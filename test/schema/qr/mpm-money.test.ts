import { describe, expect, test } from 'vitest'
import { decodeMpm, encodeMpm } from '../../../schema/qr/index.ts'
import { currencyDigits } from '../../../schema/qr/currency.ts'
import { bodyOf, sealed } from '../../fixtures/a-code.ts'

type Change = Readonly<Record<string, string | null>>

const lenient = (change: Change) => decodeMpm(sealed(bodyOf(change)), 'LENIENT')
const faultsOf = (change: Change) => lenient(change).unreadable.map(({ code, tag }) => `${code}:${tag}`)

describe('money that is exact', () => {
  test.each<[string, Change, object]>([
    ['no amount', {}, { amount: null, tip: null }],
    ['the digits of the currency', { '54': '10.05' }, { amount: '10.05' }],
    ['a point at the end', { '54': '98.' }, { amount: '98' }],
    ['no whole part', { '54': '.50' }, { amount: '0.50' }],
    ['zeros beyond the digits', { '53': '392', '54': '500.00' }, { amount: '500.00', currency: 'JPY' }],
    ['leading zeros', { '54': '00.10' }, { amount: '00.10' }],
    ['three digits of the dinar', { '53': '414', '54': '1.255' }, { amount: '1.255', currency: 'KWD' }],
    ['more characters than the field holds', { '54': '12345678901.00' }, { amount: '12345678901.00' }],
    ['zero, as many static codes have', { '54': '0.00' }, { amount: null }],
    ['an empty amount', { '54': '' }, { amount: null }],
    ['the currency in letters', { '53': 'THB', '54': '5' }, { amount: '5', currency: 'THB' }],
    ['the currency in small letters', { '53': 'thb', '54': '5' }, { amount: '5', currency: 'THB' }],
    ['a tip that the payer chooses', { '55': '01' }, { tip: { kind: 'PROMPT' } }],
    ['a fixed fee', { '55': '02', '56': '1.50' }, { tip: { kind: 'FIXED', value: '1.50' } }],
    ['a fixed fee of zero', { '55': '02', '56': '0.00' }, { tip: null }],
    ['the least percentage', { '55': '03', '57': '00.01' }, { tip: { kind: 'PERCENT', value: '00.01' } }],
    ['the largest percentage', { '55': '03', '57': '99.99' }, { tip: { kind: 'PERCENT', value: '99.99' } }],
    ['a zero that no indicator names', { '55': '03', '56': '0', '57': '5' }, { tip: { value: '5' } }],
    ['no currency and no amount', { '53': null }, { currency: null }],
    ['an empty currency and no amount', { '53': '' }, { currency: null }],
  ])('%s', (_, change, reads) => {
    expect(lenient(change)).toMatchObject({ ...reads, unreadable: [] })
  })

  test.each([
    ['JPY', 0],
    ['KRW', 0],
    ['VND', 0],
    ['CLP', 0],
    ['CNY', 2],
    ['THB', 2],
    ['IDR', 2],
    ['KHR', 2],
    ['LAK', 2],
    ['KWD', 3],
    ['BHD', 3],
    ['CLF', 4],
  ])('%s has %i digits', (code, digits) => {
    expect(currencyDigits(code)).toBe(digits)
  })
})

describe('money that cannot be read exactly', () => {
  test.each<[string, Change, string[]]>([
    ['more decimals than CNY has', { '54': '10.005' }, ['BAD_VALUE:54']],
    ['decimals in JPY', { '53': '392', '54': '500.50' }, ['BAD_VALUE:54']],
    ['four decimals in KWD', { '53': '414', '54': '1.2345' }, ['BAD_VALUE:54']],
    ['a decimal in VND beyond 13 characters', { '53': '704', '54': '123456789012.5' }, ['BAD_VALUE:54']],
    ['a sign', { '54': '-5.00' }, ['BAD_VALUE:54']],
    ['a plus', { '54': '+5.00' }, ['BAD_VALUE:54']],
    ['a comma', { '54': '1,000' }, ['BAD_VALUE:54']],
    ['a decimal comma', { '54': '5,00' }, ['BAD_VALUE:54']],
    ['a space inside', { '54': '3 705' }, ['BAD_VALUE:54']],
    ['a space before', { '54': ' 5.00' }, ['BAD_VALUE:54']],
    ['a line feed before', { '54': '\n5.00' }, ['BAD_VALUE:54']],
    ['letters', { '54': 'R$ 5' }, ['BAD_VALUE:54']],
    ['an exponent', { '54': '1e3' }, ['BAD_VALUE:54']],
    ['hexadecimal', { '54': '0x10' }, ['BAD_VALUE:54']],
    ['two points', { '54': '5.0.0' }, ['BAD_VALUE:54']],
    ['a point alone', { '54': '.' }, ['BAD_VALUE:54']],
    ['full-width digits', { '54': '１０' }, ['BAD_VALUE:54']],
    ['Arabic digits', { '54': '٥' }, ['BAD_VALUE:54']],
    ['an amount without currency', { '53': null, '54': '10.00' }, ['MISSING_TAG:53']],
    ['an amount with an empty currency', { '53': '', '54': '10.00' }, ['MISSING_TAG:53']],
    ['an amount with an unknown currency', { '53': '000', '54': '10.00' }, ['BAD_VALUE:53']],
    ['an unknown currency alone', { '53': 'ABC' }, ['BAD_VALUE:53']],
    ['letters that resemble a currency', { '53': 'ıdr', '54': '1' }, ['BAD_VALUE:53']],
    ['a fixed fee without currency', { '53': null, '55': '02', '56': '1.00' }, ['MISSING_TAG:53']],
    ['a fixed fee with a comma', { '55': '02', '56': '1,00' }, ['BAD_VALUE:56']],
    ['a fixed fee with more decimals', { '55': '02', '56': '1.001' }, ['BAD_VALUE:56']],
    ['a fixed fee without its value', { '55': '02' }, ['MISSING_TAG:56']],
    ['a fixed fee that is empty', { '55': '02', '56': '' }, ['BAD_LENGTH:56']],
    ['a percentage without its value', { '55': '03' }, ['MISSING_TAG:57']],
    ['a percentage of zero', { '55': '03', '57': '00.00' }, ['BAD_VALUE:57']],
    ['a percentage below the least', { '55': '03', '57': '0.009' }, ['BAD_VALUE:57']],
    ['a percentage of a hundred', { '55': '03', '57': '100' }, ['BAD_VALUE:57']],
    ['a percentage of 150', { '55': '03', '57': '150' }, ['BAD_VALUE:57']],
    ['a percentage with its sign', { '55': '03', '57': '5%' }, ['BAD_VALUE:57']],
    ['an unknown indicator', { '55': '09' }, ['BAD_VALUE:55']],
    ['a property of every object as indicator', { '55': 'constructor' }, ['BAD_VALUE:55']],
    ['a fixed fee without indicator', { '56': '1' }, ['UNEXPECTED_TAG:56']],
    ['both fees', { '55': '03', '56': '1', '57': '5' }, ['UNEXPECTED_TAG:56']],
    ['a percentage beside a prompt', { '55': '01', '57': '5' }, ['UNEXPECTED_TAG:57']],
    [
      'several',
      { '53': '000', '54': '1,0', '55': '03', '57': '0' },
      ['BAD_VALUE:53', 'BAD_VALUE:54', 'BAD_VALUE:57'],
    ],
  ])('%s', (_, change, faults) => {
    const { unreadable, warnings } = lenient(change)
    expect(unreadable.map(({ code, tag }) => `${code}:${tag}`)).toEqual(faults)
    const warned = warnings.map(({ tag }) => tag)
    for (const { tag } of unreadable) expect(warned).toContain(tag)
  })

  test.each([
    ['two amounts', '540210', '540220', ['DUPLICATE_TAG:54']],
    ['one amount twice', '540210', '540210', []],
    ['two currencies', '5303764', '', ['DUPLICATE_TAG:53']],
  ])('%s', (_, first, second, faults) => {
    const { unreadable } = decodeMpm(sealed(`${bodyOf()}${first}${second}`), 'LENIENT')
    expect(unreadable.map(({ code, tag }) => `${code}:${tag}`)).toEqual(faults)
  })

  test('has the field, the value and the place in its message', () => {
    expect(lenient({ '54': '10.005' })).toMatchObject({
      amount: '10.005',
      unreadable: [
        {
          offset: 62,
          message: 'field 54 (amount) "10.005" has 3 decimals, CNY has 2 (at character 62)',
        },
      ],
    })
    expect(lenient({ '53': null, '54': '10.00' }).unreadable).toMatchObject([
      { offset: 109, message: 'field 53 (currency) is missing beside field 54 (amount) (at character 109)' },
    ])
  })

  test('is listed under STRICT too, which refuses what EMVCo forbids only', () => {
    const payload = sealed(bodyOf({ '54': '10.005' }))
    const code = decodeMpm(payload, 'STRICT')
    expect(code).toMatchObject({
      amount: '10.005',
      warnings: [],
      unreadable: [{ code: 'BAD_VALUE', tag: '54' }],
    })
    expect(encodeMpm(code)).toBe(payload)
  })

  test('is one warning, not two', () => {
    expect(faultsOf({ '54': '1,000' })).toEqual(['BAD_VALUE:54'])
    expect(lenient({ '54': '1,000' }).warnings).toHaveLength(1)
  })
})
