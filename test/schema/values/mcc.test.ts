import { expect, test } from 'vitest'
import { mccByCode, mccs } from '../../../schema/values/mcc.ts'

test('every category has four digits and a unique description, and they are sorted', () => {
  expect(mccs.length).toBeGreaterThan(200)
  expect(mccs.filter(({ code }) => !/^\d{4}$/.test(code))).toEqual([])
  expect(new Set(mccs.map(({ description }) => description)).size).toBe(mccs.length)
  expect(mccs.map(({ code }) => code)).toEqual(mccs.map(({ code }) => code).toSorted())
})

// Source of the scenarios: the descriptions of the codes in ISO 18245.
test.each([
  { code: '0742', scenario: 'HEALTHCARE' },
  { code: '4111', scenario: 'TRANSPORT' },
  { code: '5411', scenario: 'RETAIL' },
  { code: '5812', scenario: 'DINING' },
  { code: '5964', scenario: 'ONLINE' },
  { code: '7011', scenario: 'LODGING' },
  { code: '7991', scenario: 'ATTRACTIONS' },
  { code: '8062', scenario: 'HEALTHCARE' },
  { code: '8220', scenario: 'EDUCATION' },
])('$code belongs to $scenario', ({ code, scenario }) => {
  expect(mccByCode(code)).toMatchObject({ code, scenario })
})

test('an unknown code gives null', () => {
  expect(mccByCode('0000')).toBeNull()
})
