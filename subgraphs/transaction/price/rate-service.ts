// Reads exchange rates for clients, and sets them for the operator.

import { currencies, isCurrency, type Currency } from '../../../schema/values/currency.ts'
import { isRefusal, refuse, type Refusal } from '../../../schema/values/problems.ts'
import { unknownCurrency } from '../../../schema/values/unknown.ts'
import { authorOf } from '../../shared/audit-log.ts'
import type { RequestContext } from '../../shared/viewer.ts'
import { appliedRate, type AppliedRate } from './pricing.ts'
import type { RateBook, VersionedRateTable } from './rate-book.ts'
import { readRateTable, type RateTableInput } from './rate-table.ts'
import type { RateProvider } from './rates.ts'

export interface RatesArguments {
  /** Null: all currencies that have a rate. */
  readonly sources?: readonly string[] | null
  readonly target?: string
}

/**
 * Returns the rates from `sources` into `target`, mark-up included, in the order of `sources`. A currency
 * without a rate is left out. Refuses with UNKNOWN_CURRENCY.
 */
export function ratesInto(
  { sources, target = 'CNY' }: RatesArguments,
  rates: RateProvider,
): readonly AppliedRate[] | Refusal {
  if (!isCurrency(target)) return unknownCurrency(target, ['target'])
  const unknown = sources?.findIndex((source) => !isCurrency(source)) ?? -1
  if (unknown >= 0) return unknownCurrency(sources![unknown]!, ['sources', String(unknown)])
  const wanted = sources ? new Set(sources as readonly Currency[]) : currencies
  return [...wanted].flatMap((source) => {
    const rate = appliedRate(source, target, rates)
    return rate === null || isRefusal(rate) ? [] : [rate]
  })
}

export interface SetRatesInput extends RateTableInput {
  readonly idempotencyKey?: string | null
}

/**
 * Puts a table in force. Refuses with NOT_AVAILABLE when `book` is null: a provider then supplies the
 * rates.
 */
export async function setRates(
  book: RateBook | null,
  input: SetRatesInput,
  context: RequestContext,
): Promise<VersionedRateTable | Refusal> {
  if (!book) return refuse('NOT_AVAILABLE', 'a provider supplies the rates of this hub; they cannot be set')
  const table = readRateTable(input, ['input'])
  if (isRefusal(table)) return table
  return book.set(table, { by: authorOf(context), idempotencyKey: input.idempotencyKey })
}
