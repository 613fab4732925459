// What the transaction subgraph asks about merchants. It is answered through the graph, never from another's collections.

import type { Currency } from '../../schema/values/currency.ts'
import type { Money } from '../../schema/values/money.ts'
import type { EntryMode } from '../../schema/values/entry-mode.ts'
import type { Refusal } from '../../schema/values/problems.ts'
import type { MerchantId, ParticipantId } from '../../schema/values/id.ts'

/** What routing and pricing need to know of a merchant. */
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

/** What a scanned code asks for: whom it pays, and what it carries. */
export interface ScannedCode {
  readonly merchant: MerchantFacts
  readonly entryMode: 'MPM_STATIC' | 'MPM_DYNAMIC'
  readonly amount: Money | null
  /** What the code says about a tip; `percent` is decimal text. */
  readonly tip:
    | { readonly kind: 'PROMPT' }
    | { readonly kind: 'FIXED'; readonly amount: Money }
    | { readonly kind: 'PERCENT'; readonly percent: string }
    | null
  readonly referenceLabel: string | null
}

export interface MerchantDirectory {
  /** The merchant, or null when there is none. Calls of all requests in flight are grouped. */
  merchant(id: string): Promise<MerchantFacts | null>
  /** Reads `payload` under LENIENT; refuses with QR_INVALID, CODE_UNKNOWN or CODE_EXPIRED. */
  scan(payload: string): Promise<ScannedCode | Refusal>
}
