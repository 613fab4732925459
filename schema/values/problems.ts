// Every way in which the hub says no. Codes live here once; the SDL's enum and the reference page are made from them.

/** Refusals, returned in `data` as a Problem (or, for a plain query, as an error with this `extensions.code`). A code is never reused. */
export const problems = {
  NOT_AVAILABLE: 'This part of the hub is not there yet.',
  NOT_FOUND: 'There is nothing by this id that the caller may see.',
  FORBIDDEN: 'The key lacks the scope or the role that this takes.',
  BAD_VALUE: 'A value is not of the form that its field takes.',
  BAD_RANGE: 'A range needs `from` and `to` with `from` before `to`, or `lastDays`.',
  BAD_PAGE: '`first` is out of bounds.',
  CURSOR_INVALID: 'The cursor is not one that this hub gave for this list.',
  CURSOR_EXPIRED: 'The cursor points before what is still kept.',
  AMOUNT_MALFORMED: 'The amount is not decimal text such as "215.50".',
  AMOUNT_TOO_PRECISE: 'The amount has more digits after the point than its currency.',
  AMOUNT_NOT_POSITIVE: 'The amount must be greater than zero.',
  AMOUNT_TOO_LARGE: 'The amount is larger than the hub carries.',
  AMOUNT_MISSING: 'Neither the input nor the code carries an amount.',
  AMOUNT_MISMATCH: 'The amount differs from the one in the code.',
  UNKNOWN_CURRENCY: 'The hub does not know this currency.',
  WRONG_CURRENCY: 'The amount is not in the currency that is asked for here.',
  UNKNOWN_COUNTRY: 'The hub does not know this country.',
  EXACTLY_ONE: 'Exactly one of several fields must be given.',
  QR_INVALID: 'The text is not a code that can be read.',
  CODE_UNKNOWN: 'The code belongs to no merchant of this hub.',
  CODE_EXPIRED: 'The code can no longer be paid.',
  CODE_USED: 'The code was used before.',
  CODE_LIMIT: 'The amount is over what the payer allowed for this code.',
  MERCHANT_UNKNOWN: 'There is no merchant with this id.',
  MERCHANT_INACTIVE: 'The merchant takes no payments now.',
  PARTICIPANT_UNKNOWN: 'There is no participant with this id.',
  PARTICIPANT_NOT_LIVE: 'A participant on the way is not live.',
  NO_CORRIDOR: 'No corridor leads from the wallet’s country to the merchant’s.',
  CORRIDOR_CLOSED: 'The corridor is closed.',
  NOT_CERTIFIED: 'A participant on the way is not certified for this.',
  ENTRY_MODE_NOT_OFFERED: 'The corridor or the merchant does not offer this way to start a payment.',
  CURRENCY_NOT_OFFERED: 'The corridor does not carry the merchant’s currency.',
  RATE_UNAVAILABLE: 'There is no exchange rate for these currencies.',
  QUOTE_UNKNOWN: 'The caller has no quote with this id.',
  QUOTE_EXPIRED: 'The quote is no longer valid: ask for a new one.',
  QUOTE_USED: 'The quote was used for another payment.',
  LIMIT_PER_PAYMENT: 'The amount is over the corridor’s limit for one payment.',
  LIMIT_PER_DAY: 'The amount is over what is left of the customer’s limit for the day.',
  REFERENCE_USED: 'The wallet used this reference for another payment.',
  IDEMPOTENCY_CONFLICT: 'The idempotency key was used with another input.',
  PAYMENT_UNKNOWN: 'There is no such payment that the caller may see.',
  NOT_WAITING: 'The payment does not wait for an answer.',
  NOT_CANCELLABLE: 'The payment can no longer be cancelled.',
  NOT_REFUNDABLE: 'The payment cannot be refunded now.',
  REFUND_TOO_LARGE: 'More than what is left of the payment.',
  SETTLEMENT_OPEN: 'The date’s cut-off has not passed in all corridors yet.',
  TOO_MANY: 'More than the hub takes: rows in one call, or things of one participant.',
  ADDRESS_NOT_ALLOWED: 'The hub does not call this address.',
  VERSION_CONFLICT: 'It was changed meanwhile: read it again.',
  STATUS_NOT_ALLOWED: 'It cannot change to this status from where it is.',
  SIMULATOR_NOT_ALLOWED: 'The simulator answers for nobody who is live in production.',
  RATE_MALFORMED: 'The rate is not decimal text such as "5.549".',
  RATE_TOO_PRECISE: 'The rate has more than ten digits after the point.',
  RATE_NOT_POSITIVE: 'The rate must be greater than zero.',
  RATE_OUT_OF_RANGE: 'The rate is smaller or larger than any that the hub calculates with.',
  ALREADY_EXISTS: 'There is one with this id already.',
  UNAVAILABLE:
    'The hub cannot reach what it needs; nothing was done, or it can be asked for by the same key.',
} as const

export type ProblemCode = keyof typeof problems

/** Codes of problems that may go away by themselves. */
const retryable: ReadonlySet<ProblemCode> = new Set<ProblemCode>([
  'PARTICIPANT_NOT_LIVE',
  'CORRIDOR_CLOSED',
  'RATE_UNAVAILABLE',
  'LIMIT_PER_DAY',
  'SETTLEMENT_OPEN',
  'UNAVAILABLE',
])

/** ISO 20022 external status reason codes (2024-11) for those refusals that have one of their own; every other one is MS03. */
const isoCodes: Readonly<Partial<Record<ProblemCode, string>>> = {
  AMOUNT_MALFORMED: 'AM12',
  AMOUNT_TOO_PRECISE: 'AM12',
  AMOUNT_NOT_POSITIVE: 'AM12',
  AMOUNT_TOO_LARGE: 'AM12',
  AMOUNT_MISSING: 'AM12',
  AMOUNT_MISMATCH: 'AM12',
  REFUND_TOO_LARGE: 'AM12',
  LIMIT_PER_PAYMENT: 'AM14',
  LIMIT_PER_DAY: 'AM14',
  CODE_LIMIT: 'AM14',
  UNKNOWN_CURRENCY: 'AM11',
  WRONG_CURRENCY: 'AM11',
  CURRENCY_NOT_OFFERED: 'AM03',
  QUOTE_USED: 'AM05',
  CODE_USED: 'AM05',
  REFERENCE_USED: 'AM05',
  IDEMPOTENCY_CONFLICT: 'AM05',
  MERCHANT_UNKNOWN: 'AC06',
  MERCHANT_INACTIVE: 'AC06',
  FORBIDDEN: 'AG01',
  PARTICIPANT_NOT_LIVE: 'AG01',
  NO_CORRIDOR: 'AG01',
  CORRIDOR_CLOSED: 'AG01',
  NOT_CERTIFIED: 'AG01',
  ENTRY_MODE_NOT_OFFERED: 'AG01',
  NOT_CANCELLABLE: 'AG01',
  NOT_REFUNDABLE: 'AG01',
  NOT_WAITING: 'AG01',
  QUOTE_EXPIRED: 'TM01',
  CODE_EXPIRED: 'TM01',
  RATE_UNAVAILABLE: 'AB08',
  UNAVAILABLE: 'AB08',
}

/** A refusal: a value that rules return and resolvers hand on. `path` names the input field at fault, outermost first. */
export interface Refusal {
  readonly kind: 'refused'
  readonly __typename: string
  readonly code: ProblemCode
  readonly message: string
  readonly retryable: boolean
  /** ISO 20022 external status reason code, such as "AM14". */
  readonly isoCode: string
  readonly path: readonly string[]
}

/** `details` says what was wrong and where; without it the code's own sentence stands. */
export function refuse(code: ProblemCode, details?: string, path: readonly string[] = []): Refusal {
  return {
    kind: 'refused',
    __typename: 'Refused',
    code,
    message: details ?? problems[code],
    retryable: retryable.has(code),
    isoCode: isoCodes[code] ?? 'MS03',
    path,
  }
}

/** True when `value` is a refusal rather than the thing that was asked for. */
export function isRefusal(value: unknown): value is Refusal {
  return typeof value === 'object' && value !== null && (value as Refusal).kind === 'refused'
}

/**
 * A refusal where GraphQL has no union to put it in: a plain query. Mercurius and the hub hand its `extensions` on as they are.
 * Anything else that is thrown is masked.
 */
export class ProblemError extends Error {
  readonly extensions: { code: ProblemCode; retryable: boolean; path?: readonly string[] }
  constructor(refusal: Refusal) {
    super(refusal.message)
    this.name = 'ProblemError'
    this.extensions = { code: refusal.code, retryable: refusal.retryable }
    if (refusal.path.length > 0) this.extensions.path = refusal.path
  }
}

/** The value, or its refusal thrown: for plain queries. */
export function orThrow<T>(value: T | Refusal): T {
  if (isRefusal(value)) throw new ProblemError(value)
  return value
}
