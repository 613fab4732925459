// Checks a table of exchange rates from an operator: each field, and its order after the table in force.
// Pure.

import { isCurrency, type Currency } from '../../../schema/values/currency.ts'
import { refuse, type Refusal } from '../../../schema/values/problems.ts'
import { formatRate, rateOf } from '../../../schema/values/rate.ts'
import { quoteInput, unknownCurrency } from '../../../schema/values/unknown.ts'

export interface RateTableInput {
  readonly rows: readonly { readonly currency: string; readonly cny: string }[]
  readonly asOf: Date
  readonly markupBasisPoints: number
}

export interface RateTable {
  /** Value of one unit of each currency in CNY, as decimal text; without CNY itself. */
  readonly cny: Readonly<Partial<Record<Currency, string>>>
  readonly asOf: Date
  /** Mark-up that payers pay on top, in hundredths of a percent. */
  readonly markupBasisPoints: number
}

/** CNY for one unit. Between these bounds, a cross rate with ten digits after the point is never zero. */
const leastCny = '0.00001'
const mostCny = '1000'
const digitsMax = 10
const markupMax = 1_000
const ageMaxMs = 7 * 86_400_000

/** Refuses the first invalid field, with a code of its own; `path` leads to the table. */
export function readRateTable(
  { rows, asOf, markupBasisPoints }: RateTableInput,
  path: readonly string[],
): RateTable | Refusal {
  if (rows.length === 0) return refuse('BAD_VALUE', 'a table needs at least one row', [...path, 'rows'])
  const cny: Partial<Record<Currency, string>> = {}
  for (const [n, row] of rows.entries()) {
    const here = [...path, 'rows', String(n)]
    const { currency } = row
    if (!isCurrency(currency)) {
      return unknownCurrency(currency, [...here, 'currency'])
    }
    if (Object.hasOwn(cny, currency)) {
      return refuse('BAD_VALUE', `the table has two rows for ${currency}; give one`, [...here, 'currency'])
    }
    const flaw = flawOf(currency, row.cny, [...here, 'cny'])
    if (flaw) return flaw
    cny[currency] = formatRate(rateOf(currency, 'CNY', row.cny))
  }
  if (!Number.isInteger(markupBasisPoints) || markupBasisPoints < 0 || markupBasisPoints > markupMax) {
    return refuse('BAD_VALUE', `\`markupBasisPoints\` must be 0–${markupMax}, not ${markupBasisPoints}`, [
      ...path,
      'markupBasisPoints',
    ])
  }
  delete cny.CNY
  return { cny, asOf, markupBasisPoints }
}

/**
 * Returns null when a table of `asOf` may replace the table `present` now. Refuses a time in the future,
 * more than 7 days ago, or not after that of `present`, which is null before the first table.
 */
export function checkFollows(
  { asOf }: Pick<RateTable, 'asOf'>,
  present: Pick<RateTable, 'asOf'> | null,
  now: Date,
): Refusal | null {
  const badTime = (why: string) => refuse('BAD_VALUE', why, ['input', 'asOf'])
  if (asOf > now) return badTime(`${asOf.toISOString()} is in the future`)
  if (now.getTime() - asOf.getTime() > ageMaxMs) {
    return badTime(`${asOf.toISOString()} is more than 7 days ago`)
  }
  if (present && asOf <= present.asOf) {
    return badTime(`the rates in force are of ${present.asOf.toISOString()}; a new table must be later`)
  }
  return null
}

function flawOf(currency: Currency, text: string, path: readonly string[]): Refusal | null {
  const shown = quoteInput(text)
  const match = /^(-?)(\d{1,30})(?:\.(\d{1,30}))?$/.exec(text)
  if (!match) return refuse('RATE_MALFORMED', `${shown} is not decimal text such as "5.549"`, path)
  const [, sign = '', whole = '', fraction = ''] = match
  if (sign === '-' || !/[1-9]/.test(whole + fraction)) {
    return refuse('RATE_NOT_POSITIVE', `a rate must be greater than zero, not ${shown}`, path)
  }
  if (fraction.length > digitsMax) {
    return refuse(
      'RATE_TOO_PRECISE',
      `a rate has at most ${digitsMax} digits after the point, ${shown} has ${fraction.length}`,
      path,
    )
  }
  const value = scaled(text)
  if (value < scaled(leastCny) || value > scaled(mostCny)) {
    return refuse('RATE_OUT_OF_RANGE', `CNY for one unit must be ${leastCny}–${mostCny}, not ${shown}`, path)
  }
  if (currency === 'CNY' && value !== scaled('1')) {
    return refuse('BAD_VALUE', `one CNY is always 1 CNY, not ${shown}`, path)
  }
  return null
}

/** The rate as an integer, in units of the last digit that a rate may have. */
function scaled(text: string): bigint {
  const [whole = '', fraction = ''] = text.split('.')
  return BigInt(whole + fraction.padEnd(digitsMax, '0'))
}
