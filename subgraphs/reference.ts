// Participants, projects and corridors: small, hot, and wanted by every subgraph, so each process keeps them in memory.
// The participant subgraph alone writes them; everybody else reads them here.

import type { Currency } from '../schema/values/currency.ts'
import type { Money } from '../schema/values/money.ts'
import type { EntryMode } from './directory.ts'

export type Role = 'WALLET' | 'ACQUIRER' | 'NETWORK' | 'FX_PROVIDER' | 'SETTLEMENT_AGENT' | 'OPERATOR'
export type ParticipantStatus =
  'APPLIED' | 'REVIEW' | 'REJECTED' | 'SANDBOX' | 'CERTIFYING' | 'LIVE' | 'SUSPENDED' | 'CLOSED'
export type CapabilityName =
  'MPM_PAY' | 'MPM_ACCEPT' | 'CPM_PRESENT' | 'CPM_CHARGE' | 'REFUND' | 'WEBHOOK' | 'SETTLEMENT_FILE'

export interface Capability {
  readonly name: CapabilityName
  /** Outcome of the last test. */
  readonly passed: boolean
  /** When the certificate ends; null when it was never passed. */
  readonly validUntil: Date | null
}

export interface StatusChange {
  readonly at: Date
  readonly from: ParticipantStatus | null
  readonly to: ParticipantStatus
  /** Id of the participant that made the change. */
  readonly by: string
  readonly reason: string
}

export interface Participant {
  readonly id: string
  /** Institution identification number, 8 digits. */
  readonly iin: string | null
  readonly name: string
  readonly roles: readonly Role[]
  /** ISO 3166-1 alpha-2. */
  readonly country: string
  readonly status: ParticipantStatus
  readonly connection: 'STREAM' | 'WEBHOOK' | 'SIMULATOR' | null
  readonly capabilities: readonly Capability[]
  readonly settlementCurrency: Currency
  /** Id of the network through which a foreign institution connects; null when it connects directly. */
  readonly network: string | null
  /** Oldest first. */
  readonly statusHistory: readonly StatusChange[]
  readonly version: number
}

export type PartnershipModel = 'G2G' | 'N2N'
export interface Project {
  readonly id: string
  readonly name: string
  readonly model: PartnershipModel
  readonly status: 'PLANNED' | 'PILOT' | 'ACTIVE' | 'ENDED'
  /** The partner country, ISO 3166-1 alpha-2. */
  readonly country: string
}

export type Direction = 'INBOUND' | 'OUTBOUND' | 'LOCAL' | 'THIRD_MARKET'
export interface Corridor {
  /** Wallet country, a dash, merchant country: "TH-CN". */
  readonly id: string
  readonly walletCountry: string
  readonly merchantCountry: string
  readonly direction: Direction
  /** Id of the agreement behind it. */
  readonly project: string | null
  readonly status: 'OPEN' | 'CLOSED'
  readonly entryModes: readonly EntryMode[]
  /** Currencies that merchants may be paid in. */
  readonly currencies: readonly Currency[]
  readonly limits: { readonly perPayment: Money; readonly perDay: Money }
  /** No fee up to and including `freeUpTo`; above it, `basisPoints` of the whole amount. */
  readonly fees: { readonly freeUpTo: Money; readonly basisPoints: number }
  readonly quoteTtlSeconds: number
  readonly authorizationTimeoutMs: number
  readonly cancelCutoffMinutes: number
  readonly refundWindowDays: number
  readonly settlementCurrency: Currency
  /** Minutes east of UTC of the zone that `settlementDate` is in, and the time of day there at which a date ends. */
  readonly settlementZone: { readonly offsetMinutes: number; readonly cutOff: string }
  readonly version: number
}

/** All of it, as of now. Maps are replaced as a whole when something changes, so keep none of them across an await. */
export interface Reference {
  readonly participants: ReadonlyMap<string, Participant>
  readonly participantByIin: ReadonlyMap<string, Participant>
  readonly projects: ReadonlyMap<string, Project>
  readonly corridors: ReadonlyMap<string, Corridor>
  close(): Promise<void>
}
