// Types of the content of a merchant-presented code: the result of decoding and the input of encoding.

import type { QrFault } from './error.ts'
import type { QrField } from './field.ts'

/**
 * `STRICT` refuses every deviation from EMVCo MPM 1.1; `LENIENT` reads what it can and lists the deviations.
 */
export type QrProfile = 'STRICT' | 'LENIENT'

export type PointOfInitiation = 'STATIC' | 'DYNAMIC'

/** A field that may contain fields: a merchant account, a template in tag 62, or one of 80–99. */
export interface Template extends QrField {
  readonly kind: 'PRIMITIVE' | 'TEMPLATE'
  /** The globally unique identifier (sub-field 00), as written. */
  readonly guid: string | null
}

/** Tag 15, in UnionPay's layout. */
export interface UnionPayAccount {
  /** 8 digits. */
  readonly acquirerIin: string
  /** 8 digits. */
  readonly forwardingIin: string
  /** At most 15 characters; padded with spaces in the code, as in field 42 of ISO 8583. */
  readonly merchantId: string
}

/**
 * Chosen by the payer, or added: a decimal amount in the code's currency, or a percentage from 0.01 to 99.99.
 */
export type Tip =
  | { readonly kind: 'PROMPT'; readonly value: null }
  | { readonly kind: 'FIXED' | 'PERCENT'; readonly value: string }

/** The ids inside tag 64. Source: EMVCo MPM 1.1, table 3.8. */
export const localTags = { language: '00', name: '01', city: '02' } as const

/** Tag 64: name and city in the merchant's own language. */
export interface LocalText {
  /** ISO 639-1, as written. */
  readonly language: string | null
  readonly name: string | null
  readonly city: string | null
}

/** The ids inside tag 62. Source: EMVCo MPM 1.1, table 3.7. */
export const additionalTags = {
  billNumber: '01',
  mobileNumber: '02',
  storeLabel: '03',
  loyaltyNumber: '04',
  referenceLabel: '05',
  customerLabel: '06',
  terminalLabel: '07',
  purpose: '08',
  consumerDataRequest: '09',
  merchantTaxId: '10',
  merchantChannel: '11',
} as const

/**
 * Tag 62. For the value "***" the wallet prompts the customer. `consumerDataRequest` consists of the letters
 * A (address), M (mobile number) and E (e-mail).
 */
export type AdditionalData = Readonly<Record<keyof typeof additionalTags, string | null>> & {
  /** Ids 50–99. In many codes in use they are plain text, and then `PRIMITIVE`. */
  readonly templates: readonly Template[]
}

/** A merchant-presented code. Null means absent or, under `LENIENT`, invalid; `fields` has the text. */
export interface MpmCode {
  readonly mode: 'MPM'
  readonly payloadFormat: string | null
  readonly pointOfInitiation: PointOfInitiation | null
  /** For instance "UnionPay", "PromptPay" or "QRIS"; null when the scheme is unknown. */
  readonly scheme: string | null
  /** Tags 02–51, in order. */
  readonly merchantAccounts: readonly Template[]
  /** Also null when tag 15 does not have UnionPay's layout of 8, 8 and 15 characters. */
  readonly unionPay: UnionPayAccount | null
  /** ISO 18245, four digits. */
  readonly mcc: string | null
  /** ISO 4217 letters. */
  readonly currency: string | null
  /** ISO 4217 digits. */
  readonly currencyNumeric: string | null
  /**
   * A decimal with the digits as written, never zero. A point at the end is removed: "5." becomes "5". With
   * more decimals than the currency has, it is in `unreadable` too.
   */
  readonly amount: string | null
  readonly tip: Tip | null
  /** ISO 3166-1 alpha-2. */
  readonly country: string | null
  readonly merchantName: string | null
  readonly merchantCity: string | null
  readonly postalCode: string | null
  readonly local: LocalText | null
  readonly additionalData: AdditionalData | null
  /** Tags 80–99, in order. */
  readonly unreserved: readonly Template[]
  /** All fields in order, including the checksum. */
  readonly fields: readonly QrField[]
  /**
   * What fields 53 to 57 state and what cannot be read exactly: an amount that is no plain decimal or has
   * more decimals than its currency, a missing or unknown currency beside an amount, a percentage out of
   * range, a fee without its value or without its indicator. Such a code has no price: do not let the payer
   * choose one.
   * Not always empty under `STRICT`, because EMVCo only recommends the number of decimals.
   */
  readonly unreadable: readonly QrFault[]
  /** Every deviation, `unreadable` included; always empty under `STRICT`. */
  readonly warnings: readonly QrFault[]
}

/** A field to write: its inner fields if it has any, otherwise its value. */
export interface FieldInput {
  readonly tag: string
  readonly value?: string | undefined
  readonly fields?: readonly FieldInput[] | undefined
}

type Written<T> = { readonly [K in keyof T]?: T[K] | null | undefined }

/** The input of `encodeMpm`; a decoded code is valid input. Absent and null have the same meaning. */
export type MpmInput = Omit<
  Written<MpmCode>,
  'merchantAccounts' | 'local' | 'additionalData' | 'unreserved' | 'fields' | 'unreadable'
> & {
  readonly merchantAccounts?: readonly FieldInput[] | undefined
  readonly local?: Written<LocalText> | null | undefined
  readonly additionalData?: Written<AdditionalDataInput> | null | undefined
  readonly unreserved?: readonly FieldInput[] | undefined
  /** Not written: it follows from the fields. */
  readonly unreadable?: readonly QrFault[] | undefined
  /** If present, these are written in their order, and the other values must match them. */
  readonly fields?: readonly FieldInput[] | undefined
}

type AdditionalDataInput = Record<keyof typeof additionalTags, string | null> & {
  readonly templates: readonly FieldInput[]
}
