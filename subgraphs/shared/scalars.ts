// The custom scalars, the same in every subgraph. Times and dates are checked here. Amounts, currencies and
// countries only need to be text: rules check them, each with its own problem code and path.

import { GraphQLError, GraphQLScalarType } from 'graphql'

const DateTime = new GraphQLScalarType<Date, string>({
  name: 'DateTime',
  serialize(value) {
    if (value instanceof Date) return value.toISOString()
    throw new TypeError(`a DateTime must be a Date, not ${show(value)}`)
  },
  parseValue: (value) => parseDateTime(textOf('DateTime', value)),
})

const LocalDate = textScalar('LocalDate', (text) => {
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text)
  if (match && isDay(match[1]!, match[2]!, match[3]!)) return text
  throw new GraphQLError(`${show(text)} is not a date such as "2026-03-01"`)
})

/** Resolvers of every subgraph: `{ ...scalars, Query: … }`. */
export const scalars = {
  DateTime,
  LocalDate,
  Decimal: textScalar('Decimal'),
  CurrencyCode: textScalar('CurrencyCode'),
  CountryCode: textScalar('CountryCode'),
}

const dateTimeForm =
  /^(\d{4})-(\d{2})-(\d{2})[Tt]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/

/**
 * Reads RFC 3339 with any offset, and drops digits after the milliseconds. Throws for any other text, and for
 * a day that does not exist: `Date` would read 30 February as 2 March.
 */
function parseDateTime(text: string): Date {
  const match = dateTimeForm.exec(text)
  if (!match || !isDay(match[1]!, match[2]!, match[3]!)) {
    throw new GraphQLError(`${show(text)} is not an instant such as "2026-03-01T09:30:00Z"`)
  }
  return new Date(text.toUpperCase())
}

const isDay = (year: string, month: string, day: string): boolean =>
  Number(month) >= 1 &&
  Number(month) <= 12 &&
  Number(day) >= 1 &&
  Number(day) <= new Date(Date.UTC(2000 + (Number(year) % 400), Number(month), 0)).getUTCDate()

function textScalar(name: string, check: (text: string) => string = (text) => text) {
  return new GraphQLScalarType<string, string>({
    name,
    serialize(value) {
      if (typeof value === 'string') return value
      throw new TypeError(`a ${name} must be text, not ${show(value)}`)
    },
    parseValue: (value) => check(textOf(name, value)),
  })
}

function textOf(name: string, value: unknown): string {
  if (typeof value === 'string') return value
  throw new GraphQLError(`${name} must be a string, not ${show(value)}`)
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? typeof value
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}
