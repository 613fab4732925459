// Draws amounts in the merchant's currency, in the usual steps of prices there.

import { digitsOf, type Currency } from '../schema/values/currency.ts'
import type { Money } from '../schema/values/money.ts'
import type { Rate } from '../schema/values/rate.ts'
import type { Random } from './random.ts'

/** The source of exchange rates. */
export interface Rates {
  /** Units of `target` for one unit of `source`; null when there is no rate. */
  midRate(source: Currency, target: Currency): { readonly mid: Rate } | null
}

/** The smallest step of prices in minor units, where it is not 1. */
const steps: Readonly<Partial<Record<Currency, number>>> = {
  AED: 25, ARS: 5_000, BDT: 100, IDR: 50_000, JPY: 10, KHR: 10_000, KRW: 100, KZT: 1_000, LAK: 50_000, LKR: 1_000,
  MNT: 10_000, MYR: 10, NPR: 100, PHP: 100, PKR: 1_000, SGD: 10, THB: 100, UZS: 50_000, VND: 1_000,
} // prettier-ignore

/**
 * Draws a price of about `cny` in `currency`, at least one step. Only this function computes an amount from a
 * float; its result is exact. Throws when there is no rate.
 */
export function priceNear(cny: number, currency: Currency, rates: Rates, random: Random): Money {
  const minorUnits = (cny / cnyPerUnit(currency, rates)) * 10 ** digitsOf(currency)
  const step = currency === 'CNY' ? yuanStep(random) : (steps[currency] ?? 1)
  return { currency, minor: BigInt(Math.max(1, Math.round(minorUnits / step)) * step) }
}

/** Most mainland prices are whole yuan, some end in a tenth, few in a hundredth. */
function yuanStep(random: Random): number {
  const chance = random.next()
  return chance < 0.6 ? 100 : chance < 0.85 ? 10 : 1
}

function cnyPerUnit(currency: Currency, rates: Rates): number {
  if (currency === 'CNY') return 1
  const found = rates.midRate(currency, 'CNY')
  if (!found) throw new RangeError(`no rate from ${currency} to CNY`)
  return Number(found.mid.numerator) / Number(found.mid.denominator)
}
