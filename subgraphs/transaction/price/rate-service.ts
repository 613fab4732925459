// What the API says of exchange rates, and how the operator sets them.

import { currencies, isCurrency, type Currency } from '../../../schema/values/currency.ts'
import { isRefusal, refuse, type Refusal } from '../../../schema/values/problems.ts'
import { appliedRate, type AppliedRate } from './pricing.ts'
import type { RateBook, SetTable } from './rate-book.ts'
import { readRateTable, type RateTableInput } from './rate-table.ts'
import type { RequestContext } from '../../shared/viewer.ts'
import type { RateProvider } from './rates.ts'

export interface RatesArguments {
  /** Null: all that there is a rate for. */
  readonly sources?: readonly string[] | null
  readonly target?: string
}

/** Rates of `sources` into `target`, as payers get them, in the order asked for; those that there are none of are left out. */
export function ratesInto(
  { sources, target = 'CNY' }: RatesArguments,
  rates: RateProvider,
): readonly AppliedRate[] | Refusal {
  if (!isCurrency(target)) return unknownCurrency(target, 'target')
  const unknown = sources?.findIndex((source) => !isCurrency(source)) ?? -1
  if (unknown >= 0) return unknownCurrency(sources![unknown]!, 'sources', String(unknown))
  const wanted = sources ? new Set(sources as readonly Currency[]) : currencies
  return [...wanted].flatMap((source) => {
    const rate = appliedRate(source, target, rates)
    return rate === null || isRefusal(rate) ? [] : [rate]
  })
}

export interface SetRatesInput extends RateTableInput {
  readonly idempotencyKey?: string | null
}

/** `book` is null when the rates come from a provider of their own. */
export async function setRates(
  book: RateBook | null,
  input: SetRatesInput,
  { viewer, requestId }: RequestContext,
): Promise<SetTable | Refusal> {
  if (!book) return refuse('NOT_AVAILABLE', 'the rates of this hub come from a provider of their own')
  const table = readRateTable(input, ['input'])
  return isRefusal(table) ? table : book.set(table, { by: viewer.participant, requestId, input })
}

const unknownCurrency = (code: string, ...path: string[]): Refusal =>
  refuse('UNKNOWN_CURRENCY', `"${code.slice(0, 40)}" is not a currency that the hub knows`, path)
