// Resolvers of the shared values. Other resolvers return values of the domain; these give them their GraphQL
// form.

import { countryByCode, type Country } from '../../schema/values/country.ts'
import { mccByCode } from '../../schema/values/mcc.ts'
import { formatAmount, type Money } from '../../schema/values/money.ts'
import { scalars } from './scalars.ts'

/**
 * Resolvers of every subgraph: `{ ...values, Query: … }`. The source of `Money` is `{ minor, currency }`;
 * that of `Country` is the result of `countryOf`. A subgraph with more fields of Country spreads it:
 * `Country: { ...values.Country, coverage }`.
 */
export const values = {
  ...scalars,
  Money: { amount: (amount: Money): string => formatAmount(amount) },
  Country: {
    __resolveReference: ({ code }: { readonly code: string }): Country | null => countryByCode(code),
  },
}

/**
 * Returns the country of a stored code. Throws when there is none, because codes are checked before they are
 * stored.
 */
export function countryOf(code: string): Country {
  const country = countryByCode(code)
  if (!country) throw new TypeError(`there is no country "${code}"`)
  return country
}

/** Returns a `MerchantCategory`; a code outside the table is described as “Other category”. */
export const categoryOf = (code: string): { readonly code: string; readonly description: string } => ({
  code,
  description: mccByCode(code)?.description ?? 'Other category',
})
