// What a payer wants to pay, and where.

import type { Currency } from '../../../schema/values/currency.ts'
import type { Money } from '../../../schema/values/money.ts'
import type { EntryMode } from '../../../schema/values/entry-mode.ts'
import type { QuoteSide } from './pricing.ts'

/** What a payer wants to pay, and where. */
export interface Order {
  readonly target:
    { readonly kind: 'CODE'; readonly payload: string } | { readonly kind: 'MERCHANT'; readonly id: string }
  readonly amount: Money | null
  readonly tip: Money | null
  readonly side: QuoteSide
  /** Null: what the wallet settles in. */
  readonly payerCurrency: Currency | null
  /** Null: what the code says, or IN_APP. */
  readonly entryMode: EntryMode | null
}
