import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { encodeFields, QrError, readCode } from '../../../schema/qr/index.ts'
import type { QrCode, QrProfile } from '../../../schema/qr/index.ts'

/** A code made after a public bug report, a national specification or the sample of a library. */
interface FieldCase {
  readonly id: string
  readonly scheme: string
  readonly what: string
  readonly payload: string
  /** "OK", "REFUSE" for any fault, or the faults that are right, with "|" between them. */
  readonly expectedStrict: string
  readonly expectedLenient: string
  readonly expectedFields?: object
}

const cases: readonly FieldCase[] = JSON.parse(
  readFileSync(new URL('field-cases.json', import.meta.url), 'utf8'),
)

function outcome(payload: string, profile: QrProfile): { fault: string; code: QrCode | null } {
  try {
    return { fault: 'OK', code: readCode(payload, profile) }
  } catch (error) {
    if (error instanceof QrError) return { fault: error.code, code: null }
    throw error
  }
}

describe.each(['STRICT', 'LENIENT'] as const)('a code from the field under %s', (profile) => {
  test.each(cases)('$id $scheme: $what', ({ payload, expectedStrict, expectedLenient, expectedFields }) => {
    const expected = profile === 'STRICT' ? expectedStrict : expectedLenient
    const { fault, code } = outcome(payload, profile)
    if (expected === 'REFUSE') expect(fault).not.toBe('OK')
    else expect(expected.split('|')).toContain(fault)
    if (code && expectedFields) expect(code).toMatchObject(expectedFields)
    if (code && profile === 'STRICT' && code.mode === 'MPM') expect(encodeFields(code.fields)).toBe(payload)
  })
})
