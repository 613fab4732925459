// A merchant, and the rules about one. No MongoDB, no GraphQL.

import type { Currency } from '../../schema/values/currency.ts'
import type { EntryMode } from '../directory.ts'

export type Scenario =
  'TRANSPORT' | 'DINING' | 'RETAIL' | 'LODGING' | 'ATTRACTIONS' | 'HEALTHCARE' | 'EDUCATION' | 'ONLINE'

export interface Merchant {
  /** The acquirer's id, a dot, and `mid`. */
  readonly id: string
  /** Id of the acquirer. */
  readonly acquirer: string
  /** The acquirer's own number, at most 15 characters. */
  readonly mid: string
  readonly name: string
  readonly localName: string | null
  readonly status: 'ACTIVE' | 'SUSPENDED' | 'CLOSED'
  /** ISO 3166-1 alpha-2. */
  readonly country: string
  readonly city: string
  /** WGS 84 degrees; null for merchants that only sell online. */
  readonly location: { readonly lat: number; readonly lng: number } | null
  /** ISO 18245, four digits. */
  readonly mcc: string
  readonly scenario: Scenario
  readonly online: boolean
  readonly currency: Currency
  readonly entryModes: readonly EntryMode[]
  /** Ids of QR products. */
  readonly qrProducts: readonly string[]
}

export interface QrProduct {
  readonly id: string
  readonly name: string
  readonly country: string
  readonly acceptsForeignWallets: boolean
}
