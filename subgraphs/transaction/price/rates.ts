// Providers of exchange rates, and the table that is built in.

import { currencies, type Currency } from '../../../schema/values/currency.ts'
import { rateOf, type Rate } from '../../../schema/values/rate.ts'
import type { RateTable } from './rate-table.ts'

export interface MidRate {
  /** Without mark-up. Exact. */
  readonly mid: Rate
  /** Mark-up that payers pay on top, in hundredths of a percent. */
  readonly markupBasisPoints: number
  /** Time at which the mid rate was set. */
  readonly asOf: Date
}

export interface RateProvider {
  /** The rate into `target` for one unit of `source`; null when there is none. Reads from memory. */
  midRate(source: Currency, target: Currency): MidRate | null
}

/**
 * Provides rates from a table of the value of one unit of each currency in CNY, as decimal text. A cross
 * rate is calculated through CNY and is exact: no step rounds.
 */
export function tableRates(
  toCny: Readonly<Partial<Record<Currency, string>>>,
  asOf: Date,
  markupBasisPoints: number,
): RateProvider {
  const values = new Map<Currency, Rate>()
  for (const currency of currencies) {
    const value = currency === 'CNY' ? '1' : toCny[currency]
    if (value !== undefined) values.set(currency, rateOf(currency, 'CNY', value))
  }
  return {
    midRate(source, target) {
      const [from, to] = [values.get(source), values.get(target)]
      if (!from || !to) return null
      const numerator = from.numerator * to.denominator
      const denominator = from.denominator * to.numerator
      return { mid: { source, target, numerator, denominator }, markupBasisPoints, asOf }
    },
  }
}

/**
 * The built-in table: CNY for one unit, close to market rates of 11 September 2025, rounded to four digits.
 * For demonstration: the operator of a hub with real payments sets another table.
 */
export const builtInTable: RateTable = {
  cny: {
    AED: '1.939', ARS: '0.004961', AUD: '4.722', BDT: '0.05851', BHD: '18.89', BND: '5.549', BRL: '1.317', CAD: '5.142',
    CHF: '8.931', CLP: '0.007417', COP: '0.001812', EGP: '0.1477', EUR: '8.341', GBP: '9.642', GEL: '2.637', HKD: '0.9143',
    IDR: '0.0004328', INR: '0.08064', JOD: '10.04', JPY: '0.04836', KHR: '0.001776', KRW: '0.005122', KWD: '23.31',
    KZT: '0.01319', LAK: '0.0003289', LKR: '0.02357', MMK: '0.003391', MNT: '0.001983', MOP: '0.8877', MXN: '0.3848',
    MYR: '1.689', NOK: '0.7165', NPR: '0.0504', NZD: '4.246', OMR: '18.5', PAB: '7.12', PEN: '2.036', PHP: '0.1247',
    PKR: '0.02529', QAR: '1.956', RUB: '0.08527', SAR: '1.898', SEK: '0.7623', SGD: '5.549', THB: '0.2236', TRY: '0.1724',
    TWD: '0.2352', USD: '7.12', UZS: '0.0005719', VND: '0.0002697', ZAR: '0.4088',
  },
  asOf: new Date('2025-09-11T01:15:00.000Z'),
  markupBasisPoints: 50,
} // prettier-ignore

export const builtInRates: RateProvider = tableRates(
  builtInTable.cny,
  builtInTable.asOf,
  builtInTable.markupBasisPoints,
)
