// The order of a payer, before it is priced.

import type { Currency } from '../../../schema/values/currency.ts'
import type { EntryMode } from '../../../schema/values/entry-mode.ts'
import type { MerchantId } from '../../../schema/values/id.ts'
import type { Money } from '../../../schema/values/money.ts'
import type { QuoteSide } from './pricing.ts'

/** What a payer wants to pay, and at which merchant or code. */
export interface Order {
  readonly target:
    | { readonly kind: 'CODE'; readonly payload: string }
    | { readonly kind: 'MERCHANT'; readonly id: MerchantId }
  /** Null when the code carries the amount. */
  readonly amount: Money | null
  readonly tip: Money | null
  readonly side: QuoteSide
  /** Null: the wallet's settlement currency. */
  readonly payerCurrency: Currency | null
  /** Null: as the code states, or IN_APP without a code. */
  readonly entryMode: EntryMode | null
}
