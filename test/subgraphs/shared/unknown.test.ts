import { expect, test } from 'vitest'
import { refuse } from '../../../schema/values/problems.ts'
import { typeOr } from '../../../subgraphs/shared/result-union.ts'
import { quoteInput, unknownCountry, unknownCurrency } from '../../../subgraphs/shared/unknown.ts'

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

test('a result has the type of its refusal, or else of what was done', () => {
  const typeOf = typeOr('Quote')
  expect(typeOf({ id: 'q' })).toBe('Quote')
  expect(typeOf(refuse('QUOTE_EXPIRED'))).toBe('Refused')
})
