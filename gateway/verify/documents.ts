// The collections of a hub as this room reads them: declared here again, from what is stored, because the
// check shares no code with what it checks.

import type { Decimal128 } from 'mongodb'

export interface Amount {
  readonly minor: bigint
  readonly currency: string
}

export interface Posting extends Amount {
  readonly account: string
  readonly participant: string
}

export interface Booking {
  readonly settlementDate: string
  readonly postings: readonly Posting[]
}

export interface Event {
  readonly sequence: number
  readonly at: Date
  readonly kind: string
  readonly from: string | null
  readonly to: string
  readonly reason: string | null
  readonly booking?: Booking
}

export interface Refund {
  readonly _id: string
  readonly status: string
  readonly sequence: number
  readonly merchantAmount: Amount
  readonly payerAmount: Amount
  readonly reporting: Amount
  readonly batch?: string
  readonly key: string
  readonly events: readonly Event[]
}

/** A document of `payments`; a refusal that a key received has `refusal` and no status. */
export interface Payment {
  readonly _id: string
  readonly createdAt: Date
  readonly updatedAt: Date
  readonly status: string
  readonly sequence: number
  readonly due?: Date
  readonly wallet: string
  readonly acquirer: string
  readonly merchant: string
  readonly merchantCountry: string
  readonly walletCountry: string
  readonly corridor: string
  readonly project: string | null
  readonly direction: string
  readonly mcc: string
  readonly entryMode: string
  readonly reference: string
  readonly quote?: string
  readonly presentedCode?: string
  readonly customerDay?: { readonly id: string; readonly number: number; readonly minor: bigint }
  readonly merchantAmount: Amount
  readonly payerAmount: Amount
  readonly fee: Amount
  readonly reporting: Amount
  readonly refunded: Amount
  readonly batch?: string
  readonly refunds: readonly Refund[]
  readonly events: readonly Event[]
  readonly keys: readonly { readonly id: string }[]
}

/** The fields of a payment that the checks read, so that MongoDB sends no others. */
export const paymentFields: Readonly<Record<keyof Payment, 1>> = {
  _id: 1,
  createdAt: 1,
  updatedAt: 1,
  status: 1,
  sequence: 1,
  due: 1,
  wallet: 1,
  acquirer: 1,
  merchant: 1,
  merchantCountry: 1,
  walletCountry: 1,
  corridor: 1,
  project: 1,
  direction: 1,
  mcc: 1,
  entryMode: 1,
  reference: 1,
  quote: 1,
  presentedCode: 1,
  customerDay: 1,
  merchantAmount: 1,
  payerAmount: 1,
  fee: 1,
  reporting: 1,
  refunded: 1,
  batch: 1,
  refunds: 1,
  events: 1,
  keys: 1,
}

/** What an entry of the log holds of its payment. */
export interface LoggedPayment {
  readonly createdAt: Date
  readonly wallet: string
  readonly acquirer: string
  readonly merchant: string
  readonly merchantCountry: string
  readonly walletCountry: string
  readonly corridor: string
  readonly project: string | null
  readonly direction: string
  readonly mcc: string
  readonly entryMode: string
  readonly reportingMinor: bigint
  readonly authorizeMs: number | null
}

export interface Entry extends Event {
  readonly _id: bigint
  readonly transaction: string
  readonly payment: LoggedPayment
  readonly refundOf?: string
}

export interface LogBatch {
  readonly _id: bigint
  readonly last: bigint
  readonly entries: readonly Entry[]
}

export interface Batch {
  readonly _id: string
  readonly number: number
  readonly settlementDate: string
  readonly upTo: bigint
  readonly after: bigint
  readonly status: string
  readonly marked: boolean
  readonly attempt: string
  readonly payments: number
  readonly refunds: number
  readonly net: readonly { participant: string; currency: string; minor: Decimal128 }[]
}

export interface Participant {
  readonly _id: string
  readonly roles: readonly string[]
  readonly country: string
  readonly network: string | null
  readonly status: string
}

export interface Corridor {
  readonly _id: string
  readonly walletCountry: string
  readonly merchantCountry: string
  readonly version: number
  readonly limits: { readonly perDay: Amount }
  readonly settlementZone: { readonly offsetMinutes: number; readonly cutOff: string }
}

/** The statuses in which the hub still acts. */
export const openStatuses: ReadonlySet<string> = new Set([
  'RECEIVED',
  'ROUTED',
  'IN_DOUBT',
  'REVERSING',
  'CANCELLING',
])

/** The statuses of payments that ended without a completed payment. */
export const unpaidStatuses: ReadonlySet<string> = new Set([
  'DECLINED',
  'FAILED',
  'EXPIRED',
  'REVERSED',
  'CANCELLED',
])
