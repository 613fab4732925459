// Resolvers of exchange rates.

import { orThrow } from '../../../schema/values/problems.ts'
import { requireScope } from '../../shared/access.ts'
import { typeOr } from '../../shared/result-union.ts'
import type { RequestContext } from '../../shared/viewer.ts'
import type { RateBook, VersionedRateTable } from './rate-book.ts'
import { ratesInto, setRates, type RatesArguments, type SetRatesInput } from './rate-service.ts'
import { tableRates, type RateProvider } from './rates.ts'

export interface RateResolverDependencies {
  readonly rates: RateProvider
  /** Null when a provider supplies the rates. */
  readonly rateBook: RateBook | null
}

export const rateResolvers = ({ rates, rateBook }: RateResolverDependencies) => ({
  Query: {
    rates: (_: unknown, args: RatesArguments) => orThrow(ratesInto(args, rates)),
  },
  Mutation: {
    setRates: (_: unknown, { input }: { readonly input: SetRatesInput }, context: RequestContext) =>
      requireScope(context, 'operator') ?? setRates(rateBook, input, context),
  },
  RatesSet: {
    rates: ({ cny, asOf, markupBasisPoints }: VersionedRateTable) =>
      orThrow(ratesInto({}, tableRates(cny, asOf, markupBasisPoints))),
  },
  SetRatesResult: { __resolveType: typeOr('RatesSet') },
})
