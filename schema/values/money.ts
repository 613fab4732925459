// Money as bigint minor units in the code and decimal text on the wire, never as `number`. All rounding is
// named.

import { digitsOf, isCurrency, type Currency } from './currency.ts'
import { refuse, type Refusal } from './problems.ts'
import { quoteInput, unknownCurrency } from './unknown.ts'

/** An amount in minor units: 12.50 THB is `{ currency: 'THB', minor: 1250n }`, 700 JPY is `700n`. */
export interface Money {
  readonly currency: Currency
  readonly minor: bigint
}

/**
 * The largest amount that the hub accepts, in minor units. A sum of a thousand such amounts fits into int64.
 */
export const amountMax = 9_000_000_000_000_000n

export const money = (minor: bigint, currency: Currency): Money => ({ currency, minor })

/** Formats an amount for the wire: decimal text with exactly the currency's digits, "215.50" or JPY "700". */
export function formatAmount({ minor, currency }: Money): string {
  return formatDecimal(minor, digitsOf(currency))
}

/** Formats `units` as decimal text with `digits` digits after the point: (-5n, 2) gives "-0.05". */
export function formatDecimal(units: bigint, digits: number): string {
  if (digits === 0) return units.toString()
  const text = (units < 0n ? -units : units).toString().padStart(digits + 1, '0')
  const cut = text.length - digits
  return `${units < 0n ? '-' : ''}${text.slice(0, cut)}.${text.slice(cut)}`
}

/** Reads a client's amount: greater than zero, at most the currency's digits and at most `amountMax`. */
export function parseMoney(
  input: { readonly amount: string; readonly currency: string },
  path: readonly string[],
): Money | Refusal {
  const { amount, currency } = input
  if (!isCurrency(currency)) {
    return unknownCurrency(currency, [...path, 'currency'])
  }
  const here = [...path, 'amount']
  const match = /^(-?)(\d{1,30})(?:\.(\d{1,30}))?$/.exec(amount)
  if (!match) {
    return refuse('AMOUNT_MALFORMED', `${quoteInput(amount)} is not decimal text such as "215.50"`, here)
  }
  const [, sign = '', whole = '', fraction = ''] = match
  const digits = digitsOf(currency)
  if (fraction.length > digits) {
    return refuse(
      'AMOUNT_TOO_PRECISE',
      `${currency} has ${digits} digits after the point, "${amount}" has ${fraction.length}`,
      here,
    )
  }
  const minor = BigInt(whole + fraction.padEnd(digits, '0'))
  if (sign === '-' || minor === 0n) {
    return refuse('AMOUNT_NOT_POSITIVE', `the amount must be greater than zero, not "${amount}"`, here)
  }
  if (minor > amountMax) {
    return refuse(
      'AMOUNT_TOO_LARGE',
      `the hub supports at most ${formatAmount(money(amountMax, currency))} ${currency}`,
      here,
    )
  }
  return { currency, minor }
}

/** Adds two amounts. Throws when the currencies differ, which is a bug in the caller. */
export function add(a: Money, b: Money): Money {
  if (a.currency !== b.currency) throw new TypeError(`cannot add ${b.currency} to ${a.currency}`)
  return { currency: a.currency, minor: a.minor + b.minor }
}

/** True for equal amounts of one currency: equal minor units of two currencies are different money. */
export const isSameMoney = (a: Money, b: Money): boolean => a.currency === b.currency && a.minor === b.minor
