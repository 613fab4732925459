// What the transaction subgraph reads about merchants: through the graph, never from the merchant subgraph's
// collections.

import type { Currency } from '../../schema/values/currency.ts'
import type { EntryMode } from '../../schema/values/entry-mode.ts'
import type { MerchantId, ParticipantId } from '../../schema/values/id.ts'
import type { Money } from '../../schema/values/money.ts'
import type { Refusal } from '../../schema/values/problems.ts'

/** The fields of a merchant that routing and pricing need. */
export interface MerchantFacts {
  readonly id: MerchantId
  readonly name: string
  readonly acquirer: ParticipantId
  readonly country: string
  readonly city: string
  readonly currency: Currency
  readonly mcc: string
  readonly status: 'ACTIVE' | 'SUSPENDED' | 'CLOSED'
  readonly entryModes: readonly EntryMode[]
}

/** The content of a scanned code. All its money is exact, and in the currency of the merchant. */
export interface ScannedCode {
  readonly merchant: MerchantFacts
  readonly entryMode: 'MPM_STATIC' | 'MPM_DYNAMIC'
  readonly amount: Money | null
  /** The tip that the code requests or adds; `percent` is decimal text. */
  readonly tip:
    | { readonly kind: 'PROMPT' }
    | { readonly kind: 'FIXED'; readonly amount: Money }
    | { readonly kind: 'PERCENT'; readonly percent: string }
    | null
  readonly referenceLabel: string | null
}

export interface MerchantDirectory {
  /** Loads a merchant, null when there is none. Concurrent requests share calls. */
  merchant(id: MerchantId): Promise<MerchantFacts | null>
  /**
   * Decodes `payload` under LENIENT. Refuses with QR_INVALID, CODE_UNKNOWN or CODE_EXPIRED. Refuses a code in
   * another currency than its merchant's with WRONG_CURRENCY. QR_INVALID is also the refusal of a code whose
   * money cannot be read exactly; its message names the fields.
   */
  scan(payload: string): Promise<ScannedCode | Refusal>
}
