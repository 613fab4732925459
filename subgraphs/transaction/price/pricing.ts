// What a payment costs: conversion, mark-up, fee and limit. Pure. All rounding is named.

import type { Currency } from '../../../schema/values/currency.ts'
import { amountMax, formatAmount, money, type Money } from '../../../schema/values/money.ts'
import { isRefusal, refuse, type Refusal } from '../../../schema/values/problems.ts'
import {
  convertCeil,
  convertFloor,
  convertHalfUp,
  divideHalfUp,
  formatRate,
  invert,
  portionHalfUp,
  rateOf,
  type Rate,
} from '../../../schema/values/rate.ts'
import type { Corridor } from '../../shared/registry.ts'
import type { RateProvider } from './rates.ts'

export type QuoteSide = 'FIXED_MERCHANT' | 'FIXED_PAYER'

/** The exchange rate of a payment, as it is stored and shown. */
export interface AppliedRate {
  /** The payer's currency. */
  readonly source: Currency
  /** The merchant's currency. */
  readonly target: Currency
  /**
   * Decimal text with at most ten digits after the point, mark-up included. The hub converts with exactly
   * this number.
   */
  readonly value: string
  /** Decimal text without mark-up, rounded down to ten digits after the point. */
  readonly mid: string
  readonly markupBasisPoints: number
  readonly asOf: Date
}

export interface Price {
  readonly side: QuoteSide
  /** Amount that the merchant receives, tip included. */
  readonly merchantAmount: Money
  /** Amount that the payer spends, fee included. */
  readonly payerAmount: Money
  /** In the payer's currency, included in `payerAmount`; zero when there is no fee. */
  readonly fee: Money
  /** Null when both amounts have the same currency. */
  readonly rate: AppliedRate | null
  /** Value of `merchantAmount` in CNY. */
  readonly reporting: Money
}

export interface Fee {
  readonly kind: 'NETWORK'
  readonly amount: Money
  readonly paidBy: 'PAYER'
}

/** The fees of a price; none when the fee is zero. */
export const feesOf = ({ fee }: Pick<Price, 'fee'>): readonly Fee[] =>
  fee.minor === 0n ? [] : [{ kind: 'NETWORK', amount: fee, paidBy: 'PAYER' }]

/** A refusal with the limit that the amount exceeds. */
export interface LimitExceeded extends Refusal {
  readonly __typename: 'LimitExceeded'
  readonly limit: Money
  readonly used: Money
  /** Null for a limit per payment. */
  readonly resetsAt: Date | null
}

/**
 * Prices a payment of which the merchant receives exactly `amount`. Rounds the payer's side up, then adds
 * the fee.
 */
export function priceFixedMerchant(
  amount: Money,
  payerCurrency: Currency,
  corridor: Corridor,
  rates: RateProvider,
): Price | Refusal {
  const rate = appliedRate(payerCurrency, amount.currency, rates)
  if (isRefusal(rate)) return rate
  const base = rate ? convertCeil(amount, invert(exactly(rate))) : amount
  const isCharged = exceeds(amount, corridor.fees.freeUpTo, rates)
  if (isRefusal(isCharged)) return isCharged
  const fee = isCharged ? portionHalfUp(base, BigInt(corridor.fees.basisPoints)) : money(0n, payerCurrency)
  return checked('FIXED_MERCHANT', amount, base, fee, rate, rates)
}

/**
 * Prices a payment of which the payer spends exactly `amount`. The fee is its share of that amount; the
 * merchant receives the rest, rounded down. A fee is due when the whole amount, converted, exceeds the free
 * amount.
 */
export function priceFixedPayer(
  amount: Money,
  merchantCurrency: Currency,
  corridor: Corridor,
  rates: RateProvider,
): Price | Refusal {
  const rate = appliedRate(amount.currency, merchantCurrency, rates)
  if (isRefusal(rate)) return rate
  const forMerchant = (payer: Money): Money => (rate ? convertFloor(payer, exactly(rate)) : payer)
  const isCharged = exceeds(forMerchant(amount), corridor.fees.freeUpTo, rates)
  if (isRefusal(isCharged)) return isCharged
  const basisPoints = BigInt(corridor.fees.basisPoints)
  const fee = isCharged ? divideHalfUp(amount.minor * basisPoints, 10_000n + basisPoints) : 0n
  const base = money(amount.minor - fee, amount.currency)
  return checked('FIXED_PAYER', forMerchant(base), base, money(fee, amount.currency), rate, rates)
}

/** Converts the rate of an `AppliedRate` into one to calculate with. */
export const exactly = ({ source, target, value }: AppliedRate): Rate => rateOf(source, target, value)

/**
 * Converts `amount` into `currency` at the mid rate, rounded half up. Limits and free amounts are compared
 * by this value. Refuses with RATE_UNAVAILABLE.
 */
export function valueAtMid(amount: Money, currency: Currency, rates: RateProvider): Money | Refusal {
  if (amount.currency === currency) return amount
  const found = rates.midRate(amount.currency, currency)
  return found ? convertHalfUp(amount, found.mid) : noRate(amount.currency, currency)
}

/** The reporting value of a payment of `amount`, without its other prices. Refuses with RATE_UNAVAILABLE. */
export function reportingOf(amount: Money, payerCurrency: Currency, rates: RateProvider): Money | Refusal {
  if (payerCurrency !== 'CNY' || amount.currency === 'CNY') return valueAtMid(amount, 'CNY', rates)
  const rate = appliedRate(payerCurrency, amount.currency, rates)
  return isRefusal(rate) || rate === null ? (rate ?? amount) : convertCeil(amount, invert(exactly(rate)))
}

/**
 * Returns null when `amount` is within the corridor's limit for one payment. Refuses with
 * LIMIT_PER_PAYMENT.
 */
export function checkLimit(
  amount: Money,
  { id, limits }: Corridor,
  rates: RateProvider,
): LimitExceeded | Refusal | null {
  const limit = limits.perPayment
  const isOver = exceeds(amount, limit, rates)
  if (isRefusal(isOver)) return isOver
  if (!isOver) return null
  return {
    ...refuse(
      'LIMIT_PER_PAYMENT',
      `the corridor ${id} accepts at most ${formatAmount(limit)} ${limit.currency} for one payment`,
      amountPath,
    ),
    __typename: 'LimitExceeded',
    limit,
    used: money(0n, limit.currency),
    resetsAt: null,
  }
}

/**
 * Returns the rate, mark-up included, for payers in `source` at merchants in `target`; null when the two
 * are equal. Refuses with RATE_UNAVAILABLE.
 */
export function appliedRate(
  source: Currency,
  target: Currency,
  rates: RateProvider,
): AppliedRate | null | Refusal {
  if (source === target) return null
  const found = rates.midRate(source, target)
  if (!found) return noRate(source, target)
  const { mid, markupBasisPoints, asOf } = found
  const value = formatRate({
    ...mid,
    numerator: mid.numerator * (10_000n - BigInt(markupBasisPoints)),
    denominator: mid.denominator * 10_000n,
  })
  return { source, target, value, mid: formatRate(mid), markupBasisPoints, asOf }
}

function exceeds(amount: Money, limit: Money, rates: RateProvider): boolean | Refusal {
  const value = valueAtMid(amount, limit.currency, rates)
  return isRefusal(value) ? value : value.minor > limit.minor
}

function checked(
  side: QuoteSide,
  merchantAmount: Money,
  base: Money,
  fee: Money,
  rate: AppliedRate | null,
  rates: RateProvider,
): Price | Refusal {
  if (merchantAmount.minor <= 0n) {
    return refuse(
      'AMOUNT_NOT_POSITIVE',
      `the amount rounds to zero in ${merchantAmount.currency}; pay more`,
      amountPath,
    )
  }
  const payerAmount = money(base.minor + fee.minor, base.currency)
  const reporting = reportingValue(merchantAmount, base, rates)
  if (isRefusal(reporting)) return reporting
  if ([merchantAmount, payerAmount, reporting].some(({ minor }) => minor > amountMax)) {
    return refuse('AMOUNT_TOO_LARGE', undefined, amountPath)
  }
  return { side, merchantAmount, payerAmount, fee, rate, reporting }
}

/**
 * The base itself when it is in CNY; otherwise the merchant's amount at the current mid rate, rounded half
 * up.
 */
function reportingValue(merchantAmount: Money, base: Money, rates: RateProvider): Money | Refusal {
  return base.currency === 'CNY' ? base : valueAtMid(merchantAmount, 'CNY', rates)
}

const noRate = (source: Currency, target: Currency): Refusal =>
  refuse('RATE_UNAVAILABLE', `the hub has no exchange rate from ${source} to ${target}`)

const amountPath = ['input', 'amount']
