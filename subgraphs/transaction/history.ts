// Payments of the past, as a data set or another system knows them; the store turns them into whole payments by the hub's own rules.

import type { Money } from '../../schema/values/money.ts'
import type { ReasonCode } from '../../schema/values/reasons.ts'
import type { EntryMode, MerchantFacts } from '../directory.ts'

export interface PastPayment {
  /** UUID version 7 of `createdAt`. */
  readonly id: string
  readonly createdAt: Date
  readonly wallet: string
  readonly merchant: MerchantFacts
  /** In the merchant's currency. */
  readonly amount: Money
  readonly entryMode: EntryMode
  /** Pseudonym of the payer. */
  readonly customer: string
  /** The wallet's own number, unique per wallet. */
  readonly reference: string
  /** Null: it completed. */
  readonly declined: ReasonCode | null
  /** From submission to the counterparty's answer. */
  readonly authorizeMs: number
}
