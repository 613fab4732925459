// What can be wrong with a code, and the one error that reading or writing a code throws.

/** Every code of a fault, with what it means. A code is never reused. */
export const qrErrors = {
  NOT_A_QR_CODE: 'The text is not a payment code of any known kind.',
  TRUNCATED: 'A field, or the whole payload, is cut short.',
  BAD_FIELD: 'A field does not start with a two-digit id and a two-digit length.',
  BAD_LENGTH: 'A value is empty or has the wrong number of characters.',
  TOO_LONG: 'A value or a payload has more characters than it may.',
  BAD_VALUE: 'A value is not of the form, or not one of the values, that its field takes.',
  MISSING_TAG: 'A mandatory field is missing.',
  DUPLICATE_TAG: 'An id occurs twice on the same level; the first is read.',
  UNEXPECTED_TAG: 'A field is present that the other fields rule out.',
  MISPLACED_TAG: 'A field is not where it has to be: 00 first, 63 last.',
  NOT_A_TEMPLATE: 'A value that should hold fields is plain text.',
  CRC_MISMATCH: 'The checksum does not fit the text: the code is damaged or forged.',
  STRAY_SPACE: 'There is white space around the payload.',
  WRONG_COUNT: 'Lengths count bytes or UTF-16 units instead of characters.',
} as const

export type QrErrorCode = keyof typeof qrErrors

/** One thing that is wrong with a code: thrown in a `QrError`, or listed as a warning. */
export interface QrFault {
  readonly code: QrErrorCode
  /** The field by its path, such as "54", "62.05" or, in a consumer-presented code, "61.4F". Null: the whole payload. */
  readonly tag: string | null
  /** Where the field starts, in characters from the start of the payload; of a missing field, where its level ends. */
  readonly offset: number
  /** Names thing, value and place. Of a consumer-presented code it never holds a value. */
  readonly message: string
}

/** A fault whose message says `what` and where. */
export const faultAt = (offset: number, code: QrErrorCode, tag: string | null, what: string): QrFault => ({
  code,
  tag,
  offset,
  message: `${what} (at character ${offset})`,
})

/** The only error that reading or writing a code throws, whatever the input. */
export class QrError extends Error implements QrFault {
  readonly code: QrErrorCode
  readonly tag: string | null
  readonly offset: number

  constructor(fault: QrFault) {
    super(fault.message)
    this.name = 'QrError'
    this.code = fault.code
    this.tag = fault.tag
    this.offset = fault.offset
  }
}

/** Takes a deviation. Under `STRICT` it throws it, under `LENIENT` it lists it and reading goes on. */
export type Report = (fault: QrFault) => void
