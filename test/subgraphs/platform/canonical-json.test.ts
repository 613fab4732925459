import fc from 'fast-check'
import { expect, test } from 'vitest'
import { canonicalJson } from '../../../subgraphs/platform/canonical-json.ts'

test('is JSON of the same value', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)))
    }),
  )
})

test('does not depend on the order of members', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
      const reversed = Object.fromEntries(Object.entries(value).toReversed())
      expect(canonicalJson(reversed)).toBe(canonicalJson(value))
    }),
  )
})

test.each([
  { value: { b: 1, a: { d: null, c: [] } }, text: '{"a":{"c":[],"d":null},"b":1}' },
  { value: { b: undefined, a: [undefined] }, text: '{"a":[null]}' },
  { value: { minor: 9_007_199_254_740_993n }, text: '{"minor":9007199254740993}' },
  { value: { roles: new Set(['b', 'a']) }, text: '{"roles":["a","b"]}' },
  { value: { at: new Date(0) }, text: '{"at":"1970-01-01T00:00:00.000Z"}' },
])('writes $text', ({ value, text }) => {
  expect(canonicalJson(value)).toBe(text)
})

test('leaves out null members on request, so that an input with and without them is the same', () => {
  expect(canonicalJson({ a: null, b: [null, { c: null }] }, { omitNull: true })).toBe('{"b":[null,{}]}')
})
