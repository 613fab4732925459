// How the shared values look in GraphQL. A resolver returns the domain's value; these resolvers give it its shape on the wire.

import { countryByCode, type Country } from '../../schema/values/country.ts'
import { mccByCode } from '../../schema/values/mcc.ts'
import { formatAmount, type Money } from '../../schema/values/money.ts'
import { scalars } from './scalars.ts'

/**
 * For every subgraph's resolvers: `{ ...values, Query: … }`. `Money` takes `{ minor, currency }`; `Country` takes what
 * `countryOf` gives. A subgraph that adds to Country spreads it: `Country: { ...values.Country, coverage }`.
 */
export const values = {
  ...scalars,
  Money: { amount: (amount: Money): string => formatAmount(amount) },
  Country: {
    __resolveReference: ({ code }: { readonly code: string }): Country | null => countryByCode(code),
  },
}

/** The country with this code, from data that was checked when it came in. Throws when the hub does not know it. */
export function countryOf(code: string): Country {
  const country = countryByCode(code)
  if (!country) throw new TypeError(`there is no country "${code}"`)
  return country
}

/** A category for `MerchantCategory`; codes outside the table are described as such. */
export const categoryOf = (code: string): { readonly code: string; readonly description: string } => ({
  code,
  description: mccByCode(code)?.description ?? 'Other category',
})
