// Exchange rates as exact fractions, and the three roundings of the hub.

import { digitsOf, type Currency } from './currency.ts'
import { formatDecimal, type Money } from './money.ts'

/**
 * One unit of `source` is `numerator / denominator` units of `target` (major units of both). Both parts are
 * positive.
 */
export interface Rate {
  readonly source: Currency
  readonly target: Currency
  readonly numerator: bigint
  readonly denominator: bigint
}

/** Reads decimal text such as "5.3312" as a rate. Throws when it is not a positive decimal. */
export function rateOf(source: Currency, target: Currency, value: string): Rate {
  const match = /^(\d+)(?:\.(\d+))?$/.exec(value)
  const numerator = match ? BigInt(match[1]! + (match[2] ?? '')) : 0n
  if (numerator <= 0n) throw new TypeError(`a rate must be a positive decimal, not "${value}"`)
  return { source, target, numerator, denominator: 10n ** BigInt(match?.[2]?.length ?? 0) }
}

/**
 * Formats a rate as decimal text with at most ten digits after the point, rounded down, without trailing
 * zeros.
 */
export function formatRate({ numerator, denominator }: Rate): string {
  const text = formatDecimal((numerator * 10n ** 10n) / denominator, 10)
  return text.replace(/\.?0{1,10}$/, '')
}

/** Returns the exact rate in the other direction: `source` for one `target`. */
export const invert = ({ source, target, numerator, denominator }: Rate): Rate => ({
  source: target,
  target: source,
  numerator: denominator,
  denominator: numerator,
})

/** Converts, rounding up: the payer amount for a fixed merchant amount. */
export const convertCeil = (amount: Money, rate: Rate): Money => convert(amount, rate, divideCeil)

/** Converts, rounding down: the merchant amount for a fixed payer amount. */
export const convertFloor = (amount: Money, rate: Rate): Money => convert(amount, rate, (a, b) => a / b)

/** Converts, rounding half up: for fees and reporting values. */
export const convertHalfUp = (amount: Money, rate: Rate): Money => convert(amount, rate, divideHalfUp)

/** `amount × basisPoints / 10,000`, rounded half up. */
export const portionHalfUp = ({ minor, currency }: Money, basisPoints: bigint): Money => ({
  currency,
  minor: divideHalfUp(minor * basisPoints, 10_000n),
})

/** Divides non-negative integers, rounding up. */
const divideCeil = (a: bigint, b: bigint): bigint => (a + b - 1n) / b

/** Divides non-negative integers, rounding half up. */
export const divideHalfUp = (a: bigint, b: bigint): bigint => (2n * a + b) / (2n * b)

function convert(amount: Money, rate: Rate, divide: (a: bigint, b: bigint) => bigint): Money {
  if (amount.minor < 0n) throw new RangeError(`amount is negative: ${amount.minor}`)
  if (amount.currency !== rate.source) {
    throw new TypeError(`rate is ${rate.source}→${rate.target}, amount is in ${amount.currency}`)
  }
  const shift = digitsOf(rate.target) - digitsOf(rate.source)
  const up = shift > 0 ? 10n ** BigInt(shift) : 1n
  const down = shift < 0 ? 10n ** BigInt(-shift) : 1n
  return { currency: rate.target, minor: divide(amount.minor * rate.numerator * up, rate.denominator * down) }
}
