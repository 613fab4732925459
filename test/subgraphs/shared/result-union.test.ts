import { expect, test } from 'vitest'
import { refuse } from '../../../schema/values/problems.ts'
import { typeOr } from '../../../subgraphs/shared/result-union.ts'

test('a result has the type of its refusal, or else of what was done', () => {
  const typeOf = typeOr('Quote')
  expect(typeOf({ id: 'q' })).toBe('Quote')
  expect(typeOf(refuse('QUOTE_EXPIRED'))).toBe('Refused')
})
