import { describe, expect, test } from 'vitest'
import { scalars } from '../../../subgraphs/shared/scalars.ts'

const { DateTime, LocalDate, Decimal, CountryCode } = scalars

describe('an instant', () => {
  test.each([
    { text: '2026-03-01T09:30:00.000Z', means: '2026-03-01T09:30:00.000Z' },
    { text: '2026-03-01T09:30:00Z', means: '2026-03-01T09:30:00.000Z' },
    { text: '2026-03-01t09:30:00z', means: '2026-03-01T09:30:00.000Z' },
    { text: '2026-03-01T17:30:00.5+08:00', means: '2026-03-01T09:30:00.500Z' },
    { text: '2026-03-01T09:30:00.123456789Z', means: '2026-03-01T09:30:00.123Z' },
    { text: '2024-02-29T23:59:59-00:30', means: '2024-03-01T00:29:59.000Z' },
  ])('is read from $text', ({ text, means }) => {
    expect(DateTime.parseValue(text).toISOString()).toBe(means)
  })

  test.each([
    '2026-03-01',
    '2026-03-01T09:30:00',
    '2026-03-01 09:30:00Z',
    '2026-02-30T00:00:00Z',
    '2025-02-29T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-00-01T00:00:00Z',
    '2026-03-00T00:00:00Z',
    '2026-03-01T24:00:00Z',
    '2026-03-01T09:60:00Z',
    '2026-03-01T09:30:60Z',
    '2026-03-01T09:30:00+24:00',
    'tomorrow',
    '',
  ])('is not read from "%s"', (text) => {
    expect(() => DateTime.parseValue(text)).toThrow(`"${text}" is not an instant such as`)
  })

  test('is not read from a number', () => {
    expect(() => DateTime.parseValue(1_700_000_000_000)).toThrow(
      'DateTime must be a string, not 1700000000000',
    )
  })

  test('is written in UTC with milliseconds', () => {
    expect(DateTime.serialize(new Date(Date.UTC(2026, 2, 1)))).toBe('2026-03-01T00:00:00.000Z')
    expect(() => DateTime.serialize('2026-03-01')).toThrow(TypeError)
  })
})

describe('a date', () => {
  test('stays the text that it is', () => {
    expect(LocalDate.parseValue('2024-02-29')).toBe('2024-02-29')
  })

  test.each(['2025-02-29', '2026-04-31', '2026-4-1', '2026-03-01T00:00:00Z', ''])('is not "%s"', (text) => {
    expect(() => LocalDate.parseValue(text)).toThrow(`"${text}" is not a date`)
  })
})

describe('amounts and codes', () => {
  test('are text, and a JSON number is refused: it may have lost digits on its way', () => {
    expect(Decimal.parseValue('215.50')).toBe('215.50')
    expect(() => Decimal.parseValue(215.5)).toThrow('Decimal must be a string, not 215.5')
    expect(() => CountryCode.parseValue(null)).toThrow('CountryCode must be a string, not null')
  })

  test('are handed on for the rules to judge, which have a code for each fault', () => {
    expect(Decimal.parseValue('-1')).toBe('-1')
    expect(CountryCode.parseValue('XX')).toBe('XX')
  })
})
