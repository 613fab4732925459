// Tables of exchange rates as an operator gives them: what each field may be, and which table may follow which. Pure.

import { isCurrency, type Currency } from '../../../schema/values/currency.ts'
import { refuse, type Refusal } from '../../../schema/values/problems.ts'
import { formatRate, rateOf } from '../../../schema/values/rate.ts'

export interface RateTableInput {
  readonly rows: readonly { readonly currency: string; readonly cny: string }[]
  readonly asOf: Date
  readonly markupBasisPoints: number
}

export interface RateTable {
  /** What one unit of each currency is worth in CNY, as decimal text; CNY itself is not there. */
  readonly cny: Readonly<Partial<Record<Currency, string>>>
  readonly asOf: Date
  /** What the hub's payers pay above it, in hundredths of a percent. */
  readonly markupBasisPoints: number
}

/** Between these the hub's cross rates, which have ten digits after the point, are never nothing. In CNY for one unit. */
const leastCny = '0.00001'
const mostCny = '1000'
const digitsMax = 10
const markupMax = 1_000
const ageMaxMs = 7 * 86_400_000

/** Refuses the first field that is wrong, each with a code of its own; `path` leads to the table. */
export function readRateTable(
  { rows, asOf, markupBasisPoints }: RateTableInput,
  path: readonly string[],
): RateTable | Refusal {
  if (rows.length === 0) return refuse('BAD_VALUE', 'a table has at least one row', [...path, 'rows'])
  const cny: Partial<Record<Currency, string>> = {}
  for (const [n, row] of rows.entries()) {
    const here = [...path, 'rows', String(n)]
    const { currency } = row
    if (!isCurrency(currency)) {
      return refuse('UNKNOWN_CURRENCY', `"${currency.slice(0, 40)}" is not a currency that the hub knows`, [
        ...here,
        'currency',
      ])
    }
    if (Object.hasOwn(cny, currency)) {
      return refuse('BAD_VALUE', `${currency} is in the table twice`, [...here, 'currency'])
    }
    const flaw = flawOf(currency, row.cny, [...here, 'cny'])
    if (flaw) return flaw
    cny[currency] = formatRate(rateOf(currency, 'CNY', row.cny))
  }
  if (!Number.isInteger(markupBasisPoints) || markupBasisPoints < 0 || markupBasisPoints > markupMax) {
    return refuse('BAD_VALUE', `\`markupBasisPoints\` is 0–${markupMax}, not ${markupBasisPoints}`, [
      ...path,
      'markupBasisPoints',
    ])
  }
  delete cny.CNY
  return { cny, asOf, markupBasisPoints }
}

/** Null when a table of `asOf` may take the place of the one of `present` now: none is from the future, and none goes back. */
export function checkFollows(
  { asOf }: Pick<RateTable, 'asOf'>,
  present: Pick<RateTable, 'asOf'>,
  now: Date,
): Refusal | null {
  const bad = (why: string) => refuse('BAD_VALUE', why, ['input', 'asOf'])
  if (asOf > now) return bad(`${asOf.toISOString()} is in the future`)
  if (now.getTime() - asOf.getTime() > ageMaxMs) return bad(`${asOf.toISOString()} is more than 7 days ago`)
  if (asOf <= present.asOf) return bad(`the rates in force are of ${present.asOf.toISOString()}, not before`)
  return null
}

function flawOf(currency: Currency, text: string, path: readonly string[]): Refusal | null {
  const shown = `"${text.slice(0, 40)}"`
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
    return refuse('RATE_OUT_OF_RANGE', `CNY for one unit is ${leastCny}–${mostCny}, not ${shown}`, path)
  }
  if (currency === 'CNY' && value !== scaled('1')) {
    return refuse('BAD_VALUE', `one CNY is worth 1 CNY, not ${shown}`, path)
  }
  return null
}

/** In units of the last digit that a rate may have. */
function scaled(text: string): bigint {
  const [whole = '', fraction = ''] = text.split('.')
  return BigInt(whole + fraction.padEnd(digitsMax, '0'))
}
