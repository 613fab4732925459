import { expect, test } from 'vitest'
import { problems, refuse, type ProblemCode } from '../../../schema/values/problems.ts'

test('every refusal has an ISO 20022 reason code', () => {
  const codes = Object.keys(problems) as ProblemCode[]
  expect(codes.filter((code) => !/^[A-Z]{2}\d{2}$/.test(refuse(code).isoCode))).toEqual([])
})

test.each([
  ['LIMIT_PER_DAY', 'AM14'],
  ['QUOTE_USED', 'AM05'],
  ['MERCHANT_INACTIVE', 'AC06'],
  ['CORRIDOR_CLOSED', 'AG01'],
  ['BAD_VALUE', 'MS03'],
] as const)('%s is %s', (code, isoCode) => {
  expect(refuse(code)).toMatchObject({ isoCode })
})
