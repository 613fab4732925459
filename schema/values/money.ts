// Money: bigint minor units inside, decimal text outside, never `number`. All rounding is named.

import { digitsOf, isCurrency, type Currency } from './currency.ts'
import { refuse, type Refusal } from './problems.ts'

/** An amount in minor units: 12.50 THB is `{ currency: 'THB', minor: 1250n }`, 700 JPY is `700n`. */
export interface Money {
  readonly currency: Currency
  readonly minor: bigint
}

/** Largest amount that the hub takes, in minor units: far enough below int64 for sums of a thousand of them. */
export const amountMax = 9_000_000_000_000_000n

export const money = (minor: bigint, currency: Currency): Money => ({ currency, minor })

/** Decimal text with exactly the currency's digits, as the wire carries it: "215.50", JPY "700". */
export function formatAmount({ minor, currency }: Money): string {
  return formatDecimal(minor, digitsOf(currency))
}

/** `units` as decimal text with `digits` digits after the point: (-5n, 2) is "-0.05". */
export function formatDecimal(units: bigint, digits: number): string {
  if (digits === 0) return units.toString()
  const text = (units < 0n ? -units : units).toString().padStart(digits + 1, '0')
  const cut = text.length - digits
  return `${units < 0n ? '-' : ''}${text.slice(0, cut)}.${text.slice(cut)}`
}

/** Reads an amount that a client wrote: greater than zero, at most the currency's digits and at most `amountMax`. */
export function parseMoney(
  input: { readonly amount: string; readonly currency: string },
  path: readonly string[],
): Money | Refusal {
  const { amount, currency } = input
  if (!isCurrency(currency)) {
    return refuse('UNKNOWN_CURRENCY', `"${clip(currency)}" is not a currency that the hub knows`, [
      ...path,
      'currency',
    ])
  }
  const here = [...path, 'amount']
  const match = /^(-?)(\d{1,30})(?:\.(\d{1,30}))?$/.exec(amount)
  if (!match) {
    return refuse('AMOUNT_MALFORMED', `"${clip(amount)}" is not decimal text such as "215.50"`, here)
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
    return refuse('AMOUNT_NOT_POSITIVE', `an amount must be greater than zero, not "${amount}"`, here)
  }
  if (minor > amountMax) {
    return refuse(
      'AMOUNT_TOO_LARGE',
      `the hub carries at most ${formatAmount(money(amountMax, currency))} ${currency}`,
      here,
    )
  }
  return { currency, minor }
}

/** The sum. Throws when the currencies differ: a bug in the caller. */
export function add(a: Money, b: Money): Money {
  if (a.currency !== b.currency) throw new TypeError(`cannot add ${b.currency} to ${a.currency}`)
  return { currency: a.currency, minor: a.minor + b.minor }
}

const clip = (text: string): string => (text.length > 40 ? `${text.slice(0, 40)}…` : text)
