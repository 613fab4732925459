import { expect, test } from 'vitest'
import { quoteInput, unknownCountry, unknownCurrency } from '../../../schema/values/unknown.ts'

test('an unknown code is refused with what was sent, at its path', () => {
  const path = ['input', 'currency']
  expect(unknownCurrency('XXX', path)).toMatchObject({ code: 'UNKNOWN_CURRENCY', path })
  expect(unknownCurrency('XXX', path).message).toContain('"XXX"')
  expect(unknownCountry('ZZ', path)).toMatchObject({ code: 'UNKNOWN_COUNTRY', path })
})

test('a long text is quoted by its beginning', () => {
  expect(quoteInput('a'.repeat(40))).toBe(`"${'a'.repeat(40)}"`)
  expect(quoteInput('a'.repeat(41))).toBe(`"${'a'.repeat(40)}…"`)
})
