// Types of the content of a consumer-presented code, and the tags and forms of its objects.

import type { QrFault } from './error.ts'
import type { QrField } from './field.ts'

/**
 * Data of the chip: transparent template 63 or 64, whose form is not checked. A value without the form of its
 * object is null. All values are hexadecimal capitals.
 */
export interface CpmChip {
  readonly interchangeProfile: string | null
  readonly issuerApplicationData: string | null
  readonly cryptogram: string | null
  readonly cryptogramInformation: string | null
  readonly transactionCounter: string | null
  readonly unpredictableNumber: string | null
}

/** Data of an application (template 61) or common data (template 62). */
export interface CpmData {
  /** ISO 639-1 codes in order of preference, without separators: "zhen". */
  readonly language: string | null
  readonly issuerUrl: string | null
  /** Two bytes in hexadecimal capitals. */
  readonly applicationVersion: string | null
  /** 11 digits. */
  readonly tokenRequestor: string | null
  /**
   * 29 characters that identify the account. A payment cannot be made with them. A reference of another
   * length is null, with a warning.
   */
  readonly paymentAccountReference: string | null
  /** The last four digits of the card or token number: from 9F25, or from the number itself. */
  readonly lastFour: string | null
  /** Null when the code has no chip data, and when it is not in BER-TLV. */
  readonly chip: CpmChip | null
}

export interface CpmApplication extends CpmData {
  /** 5 to 16 bytes in hexadecimal capitals; the first five name the scheme. */
  readonly aid: string
  readonly label: string | null
}

/** A consumer-presented code, without card data. */
export interface CpmCode {
  readonly mode: 'CPM'
  /** The scheme of the first application with a recognised scheme. */
  readonly scheme: string | null
  /** One or more, in order of preference; without those that cannot be used, which are in `warnings`. */
  readonly applications: readonly CpmApplication[]
  readonly common: CpmData | null
  /**
   * The paths of objects without a value here: card numbers, tracks, cardholder names, and unknown objects.
   */
  readonly withheld: readonly string[]
  /** All objects in order. Templates and withheld objects have an empty value. */
  readonly fields: readonly QrField[]
  /** Applications that were skipped, and references to accounts that were not read. */
  readonly warnings: readonly QrFault[]
}

type Written<T> = { readonly [K in keyof T]?: T[K] | null | undefined }

/** Absent and null have the same meaning. */
export type CpmDataInput = Omit<Written<CpmData>, 'chip'> & {
  readonly chip?: Written<CpmChip> | null | undefined
}

/** The input of `encodeCpm`; a decoded code without withheld objects is valid input. */
export interface CpmInput {
  readonly applications: readonly (CpmDataInput & {
    readonly aid: string
    readonly label?: string | null | undefined
  })[]
  readonly common?: CpmDataInput | null | undefined
  readonly withheld?: readonly string[] | undefined
}

/** The value of the payload format indicator, 85. */
export const cpmVersion = 'CPV01'

/** The start of every consumer-presented code of this version: base64 of 85 05 "CPV01". */
export const cpmStart = 'hQVDUFY'

// Source of the tags and forms below: EMVCo CPM 1.1, "Data Objects".

export const chipTags = {
  interchangeProfile: '82',
  issuerApplicationData: '9F10',
  cryptogram: '9F26',
  cryptogramInformation: '9F27',
  transactionCounter: '9F36',
  unpredictableNumber: '9F37',
} as const

export const dataTags = {
  language: '5F2D',
  issuerUrl: '5F50',
  applicationVersion: '9F08',
  tokenRequestor: '9F19',
  paymentAccountReference: '9F24',
  lastFour: '9F25',
} as const

export const applicationTags = { aid: '4F', label: '50', ...dataTags } as const

/** The form of each disclosed object, with its least and most bytes. Digits are packed, two in a byte. */
export const forms: Readonly<
  Record<string, readonly [format: 'hex' | 'text' | 'digits', min: number, max: number]>
> = {
  '4F': ['hex', 5, 16],
  '50': ['text', 1, 16],
  '5F2D': ['text', 2, 8],
  '5F50': ['text', 1, 255],
  '82': ['hex', 2, 2],
  '9F08': ['hex', 2, 2],
  '9F10': ['hex', 1, 32],
  '9F19': ['digits', 6, 6],
  '9F24': ['text', 29, 29],
  '9F25': ['digits', 2, 2],
  '9F26': ['hex', 8, 8],
  '9F27': ['hex', 1, 1],
  '9F36': ['hex', 2, 2],
  '9F37': ['hex', 4, 4],
}
