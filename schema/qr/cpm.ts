// What a consumer-presented code says, as types, and where in the code it stands.

import type { QrField } from './field.ts'

/** What the chip would say: transparent template 63 or 64. All in hexadecimal capitals. */
export interface CpmChip {
  readonly interchangeProfile: string | null
  readonly issuerApplicationData: string | null
  readonly cryptogram: string | null
  readonly cryptogramInformation: string | null
  readonly transactionCounter: string | null
  readonly unpredictableNumber: string | null
}

/** What an application (template 61) and the common data (template 62) may say. */
export interface CpmData {
  /** ISO 639-1 codes in order of preference, run together: "zhen". */
  readonly language: string | null
  readonly issuerUrl: string | null
  /** Two bytes in hexadecimal capitals. */
  readonly applicationVersion: string | null
  /** 11 digits. */
  readonly tokenRequestor: string | null
  /** The token reference: 29 characters that stand for the account and cannot be paid with. */
  readonly paymentAccountReference: string | null
  /** Of the card or token number: as written or, when only the number is there, taken from it. */
  readonly lastFour: string | null
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
  /** Of the first application whose scheme is known. */
  readonly scheme: string | null
  /** At least one, in order of preference. */
  readonly applications: readonly CpmApplication[]
  readonly common: CpmData | null
  /** The paths of objects that are there and are not told: card numbers, tracks, names, and whatever is unknown. */
  readonly withheld: readonly string[]
  /** Everything, in order; the value of a template and of a withheld object is empty. */
  readonly fields: readonly QrField[]
}

type Written<T> = { readonly [K in keyof T]?: T[K] | null | undefined }

/** Absent and null are the same. */
export type CpmDataInput = Omit<Written<CpmData>, 'chip'> & {
  readonly chip?: Written<CpmChip> | null | undefined
}

/** What to encode. A decoded code is one of these unless something was withheld from it. */
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

/** How every consumer-presented code of this version starts: base64 of 85 05 "CPV01". */
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

/** How the objects that may be told are written, with the least and the most bytes. Digits are packed two a byte. */
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
