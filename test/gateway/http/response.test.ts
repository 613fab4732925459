import { describe, expect, test } from 'vitest'
import { encodingOf } from '../../../gateway/http/response.ts'

describe('the encoding of a response', () => {
  test.each([
    ['gzip, deflate, br', 'br'],
    ['gzip', 'gzip'],
    ['br;q=0.5, gzip', 'gzip'],
    ['br;q=0, gzip;q=0', null],
    ['*', 'br'],
    ['br;q=0, *', 'gzip'],
    ['identity', null],
    ['', null],
    ['deflate', null],
    ['gzip;q=nonsense', null],
  ] as const)('for %j is %s', (accepted, encoding) => {
    expect(encodingOf(accepted)).toBe(encoding)
  })

  test('is none without the header', () => expect(encodingOf(undefined)).toBeNull())
})
