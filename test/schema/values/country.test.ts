import { expect, test } from 'vitest'
import { countries, countryByCode } from '../../../schema/values/country.ts'

test.each([
  ['CN', 'China', 'CNY'],
  ['MO', 'Macao', 'MOP'],
  ['TR', 'Türkiye', 'TRY'],
  ['PA', 'Panama', 'PAB'],
  ['KW', 'Kuwait', 'KWD'],
])('%s is %s, with prices in %s', (code, name, currency) => {
  expect(countryByCode(code)).toEqual({ code, name, currency })
})

test('56 countries and regions are supported', () => {
  expect(countries).toHaveLength(56)
})
