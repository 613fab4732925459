import { describe, expect, test } from 'vitest'
import { isCountry } from '../../../schema/qr/country.ts'
import { decodeMpm } from '../../../schema/qr/index.ts'
import { schemeRows } from '../../../schema/qr/scheme.ts'
import { bodyOf, fieldsOf, sealed } from '../../fixtures/a-code.ts'

const schemeOf = (change: Readonly<Record<string, string | null>>) =>
  decodeMpm(sealed(bodyOf(change)), 'LENIENT').scheme

describe('every identifier of the table', () => {
  test.each(schemeRows)('$identifier is of $scheme', ({ scheme, identifier, country, source }) => {
    const account = fieldsOf(['00', `${identifier}X`], ['01', '1'])
    const written = { '26': account, '58': country ?? 'CN' }
    expect(schemeOf(written)).toBe(scheme)
    expect(schemeOf({ ...written, '26': account.toLowerCase() })).toBe(scheme)
    expect(schemeOf({ '15': null, '51': account, '58': 'US' })).toBe(scheme)
    expect(country === null || isCountry(country)).toBe(true)
    expect(source).not.toBe('')
  })

  test('is in capitals and in the table once', () => {
    const identifiers = schemeRows.map(({ identifier }) => identifier)
    expect(new Set(identifiers).size).toBe(identifiers.length)
    for (const identifier of identifiers) expect(identifier).toBe(identifier.toUpperCase())
  })
})
