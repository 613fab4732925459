// The faults of a code, and the error that reading or writing a code throws.

/** The fault codes and their meaning. A code is never reused. */
export const qrErrors = {
  NOT_A_QR_CODE: 'The text is not a payment code of any known kind.',
  TRUNCATED: 'A field, or the whole payload, is cut short.',
  BAD_FIELD: 'A field does not start with a two-digit id and a two-digit length.',
  BAD_LENGTH: 'A value is empty or has the wrong number of characters.',
  TOO_LONG: 'A value or a payload has too many characters.',
  BAD_VALUE: 'A value does not have the form of its field, or is not one of its values.',
  MISSING_TAG: 'A mandatory field is missing.',
  DUPLICATE_TAG: 'An id occurs twice on the same level; the first is read.',
  UNEXPECTED_TAG: 'A field is present that another field excludes.',
  MISPLACED_TAG: 'A field is not in its position: 00 is first, 63 is last.',
  NOT_A_TEMPLATE: 'A value must consist of fields, and is plain text.',
  CRC_MISMATCH: 'The checksum does not match the text: the code is damaged or forged.',
  STRAY_SPACE: 'The payload has white space or invisible characters before or after it.',
  RESERVED_TAG: 'An id is present that EMVCo reserves for future use.',
  MORE_FAULTS: 'A code has more deviations than are listed.',
  WRONG_COUNT: 'Lengths count bytes or UTF-16 units instead of characters.',
} as const

export type QrErrorCode = keyof typeof qrErrors

/** One fault of a code: thrown as a `QrError`, or listed as a warning. */
export interface QrFault {
  readonly code: QrErrorCode
  /**
   * The path of the field: "54", "62.05" or, in a consumer-presented code, "61.4F". Null for the whole
   * payload.
   */
  readonly tag: string | null
  /**
   * The start of the field, in characters from the start of the payload; for a missing field, the end of its
   * level.
   */
  readonly offset: number
  /** Gives the field, the value and the offset. For a consumer-presented code it never contains a value. */
  readonly message: string
}

/** Makes a fault; its message is `what` with the offset. */
export const faultAt = (offset: number, code: QrErrorCode, tag: string | null, what: string): QrFault => ({
  code,
  tag,
  offset,
  message: `${what} (at character ${offset})`,
})

/** The error for every fault; reading or writing a code throws no other error. */
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

/**
 * Receives a deviation. Under `STRICT` it throws the fault; under `LENIENT` it adds a warning and reading
 * continues.
 */
export type Report = (fault: QrFault) => void

/** Entries of a list of warnings; one more counts those that are not listed. */
const warningsMax = 32

/**
 * Cuts a list of warnings to `warningsMax` and adds one that counts the others. `kept` are never cut; there
 * are less than `warningsMax` of them.
 */
export function boundWarnings(faults: readonly QrFault[], kept: ReadonlySet<QrFault>): readonly QrFault[] {
  if (faults.length <= warningsMax) return faults
  let free = warningsMax - kept.size
  const listed = faults.filter((fault) => kept.has(fault) || free-- > 0)
  const more = faults.length - listed.length
  const { offset } = faults.at(-1)!
  return [...listed, faultAt(offset, 'MORE_FAULTS', null, `${more} more deviations are not listed`)]
}
