// The codes of all problems. The enum in the SDL and the reference page are generated from them.

/**
 * The sentence of each code. A problem is returned in `data` as a Problem or, for a query without a union, as
 * an error with this `extensions.code`. A code is never reused.
 */
export const problems = {
  NOT_AVAILABLE: 'This operation is not available on this hub.',
  NOT_FOUND: 'No object with this id is visible to the caller.',
  FORBIDDEN: 'The key does not have the scope or role that this operation requires.',
  BAD_VALUE: 'A value does not have the form that its field requires.',
  PAN_REFUSED:
    'A text holds a card number, which the hub neither stores nor logs: send a token of your own instead.',
  BAD_RANGE: 'A range requires `from` and `to` with `from` before `to`, or `lastDays`.',
  BAD_PAGE: '`first` is outside its limits.',
  CURSOR_INVALID: 'The cursor was not issued by this hub for this list.',
  CURSOR_EXPIRED: 'The cursor is older than the retention: start again without a cursor.',
  AMOUNT_MALFORMED: 'The amount is not decimal text such as "215.50".',
  AMOUNT_TOO_PRECISE: 'The amount has more digits after the point than its currency.',
  AMOUNT_NOT_POSITIVE: 'The amount must be greater than zero.',
  AMOUNT_TOO_LARGE: 'The amount is larger than the hub supports.',
  AMOUNT_MISSING: 'Neither the input nor the code has an amount.',
  AMOUNT_MISMATCH: 'The amount differs from the one in the code.',
  UNKNOWN_CURRENCY: 'The hub does not support this currency.',
  WRONG_CURRENCY: 'The amount is not in the currency that is required here.',
  UNKNOWN_COUNTRY: 'The hub does not support this country.',
  EXACTLY_ONE: 'Exactly one of several fields is required.',
  QR_INVALID: 'The text is not a payment code that the hub can read.',
  CODE_UNKNOWN: 'The code does not belong to a merchant of this hub.',
  CODE_EXPIRED: 'The code has expired.',
  CODE_USED: 'The code has already been used.',
  CODE_LIMIT: 'The amount exceeds the maximum that the payer set for this code.',
  MERCHANT_UNKNOWN: 'No merchant has this id.',
  MERCHANT_INACTIVE: 'The merchant does not accept payments at present.',
  PARTICIPANT_UNKNOWN: 'No participant has this id.',
  PARTICIPANT_NOT_LIVE: 'A participant on the route is not live.',
  NO_CORRIDOR: 'No corridor leads from the wallet’s country to the merchant’s country.',
  CORRIDOR_CLOSED: 'The corridor is closed.',
  NOT_CERTIFIED: 'A participant on the route is not certified for this.',
  ENTRY_MODE_NOT_OFFERED: 'The corridor or the merchant does not support this entry mode.',
  CURRENCY_NOT_OFFERED: 'The corridor does not support the merchant’s currency.',
  RATE_UNAVAILABLE: 'The hub has no exchange rate for these currencies.',
  QUOTE_UNKNOWN: 'The caller has no quote with this id.',
  QUOTE_EXPIRED: 'The quote has expired: request a new one.',
  QUOTE_USED: 'The quote has already been used for another payment.',
  LIMIT_PER_PAYMENT: 'The amount exceeds the corridor’s limit for one payment.',
  LIMIT_PER_DAY: 'The amount exceeds the rest of the customer’s daily limit.',
  REFERENCE_USED: 'The wallet has already used this reference for another payment.',
  IDEMPOTENCY_CONFLICT: 'The idempotency key has already been used with a different input.',
  PAYMENT_UNKNOWN: 'No payment with this id is visible to the caller.',
  NOT_WAITING: 'No answer is pending for this payment.',
  NOT_CANCELLABLE: 'The payment can no longer be cancelled.',
  NOT_REFUNDABLE: 'The payment cannot be refunded now.',
  REFUND_TOO_LARGE: 'The amount exceeds the part of the payment that is not refunded yet.',
  SETTLEMENT_OPEN: 'The cut-off of this settlement date has not passed in all corridors.',
  SEARCH_TOO_BROAD:
    'Too many names have these words to count or to search them: add a word, or `countries` or `cities` with fewer merchants.',
  TOO_MANY: 'Too many rows or entries in one call, or too many objects for one participant.',
  ADDRESS_NOT_ALLOWED: 'The hub does not send requests to this address.',
  VERSION_CONFLICT: 'The object has changed since this version: read it again.',
  STATUS_NOT_ALLOWED: 'The current status does not allow a change to this status.',
  SIMULATOR_NOT_ALLOWED: 'A participant that is live in production cannot use the simulator.',
  RATE_MALFORMED: 'The rate is not decimal text such as "5.549".',
  RATE_TOO_PRECISE: 'The rate has more than ten digits after the point.',
  RATE_NOT_POSITIVE: 'The rate must be greater than zero.',
  RATE_OUT_OF_RANGE: 'The rate is outside the range that the hub supports.',
  SUBGRAPH_UNREACHABLE: 'The subgraph did not give its SDL.',
  SUBGRAPH_NOT_COMPOSED: 'The subgraph cannot be joined: `mistakes` lists why.',
  SUBGRAPH_UNKNOWN: 'The operator has joined no subgraph of this name.',
  ALREADY_EXISTS: 'An object with this id already exists.',
  UNAVAILABLE: 'The hub is temporarily unavailable: send the request again, with the same idempotency key.',
} as const

export type ProblemCode = keyof typeof problems

/** Codes of problems for which the same request may succeed later. */
const retryable: ReadonlySet<ProblemCode> = new Set<ProblemCode>([
  'PARTICIPANT_NOT_LIVE',
  'CORRIDOR_CLOSED',
  'RATE_UNAVAILABLE',
  'LIMIT_PER_DAY',
  'SETTLEMENT_OPEN',
  'SUBGRAPH_UNREACHABLE',
  'UNAVAILABLE',
])

/** ISO 20022 external status reason codes (2024-11) by problem; any other problem has MS03. */
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

/**
 * A refusal: the value that rules return and resolvers pass on. `path` is the invalid input field, outermost
 * first.
 */
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

/**
 * Makes a refusal. The default message is the sentence of the code; `details` gives the field and the value.
 */
export function refuse(code: ProblemCode, details?: string, path: readonly string[] = []): Refusal {
  return {
    kind: 'refused',
    __typename: 'Refused',
    code,
    message: details === undefined ? problems[code] : clip(details, messageMax),
    retryable: retryable.has(code),
    isoCode: isoCodes[code] ?? 'MS03',
    path,
  }
}

/** A message may quote what a client sent; each quote is short, and so is their sum. */
const messageMax = 400

/** `text`, cut after `max` characters. */
export const clip = (text: string, max: number): string =>
  text.length > max ? `${text.slice(0, max)}…` : text

/** True when `value` is a refusal and not a result. */
export function isRefusal(value: unknown): value is Refusal {
  return typeof value === 'object' && value !== null && (value as Refusal).kind === 'refused'
}

/**
 * The refusal of a query whose result is not a union. Mercurius and the hub pass its `extensions` on; any
 * other thrown error is masked.
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

/** Returns the value, or throws its refusal: for queries whose result is not a union. */
export function orThrow<T>(value: T | Refusal): T {
  if (isRefusal(value)) throw new ProblemError(value)
  return value
}
