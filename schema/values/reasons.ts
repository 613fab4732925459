// Reasons why a payment did not complete: code, ISO 20022 code (ExternalStatusReason1Code, 2024-11), and
// whether a new payment may succeed.

export interface ReasonEntry {
  readonly isoCode: string
  readonly message: string
  readonly retryable: boolean
}

export const reasons = {
  INSUFFICIENT_FUNDS: {
    isoCode: 'AM04',
    message: 'The payer’s account has insufficient funds.',
    retryable: true,
  },
  OVER_LIMIT: {
    isoCode: 'AM14',
    message: 'The amount exceeds a limit of the counterparty.',
    retryable: false,
  },
  BELOW_MINIMUM: {
    isoCode: 'AM15',
    message: 'The amount is below a minimum of the counterparty.',
    retryable: false,
  },
  WRONG_AMOUNT: {
    isoCode: 'AM12',
    message: 'The counterparty does not accept this amount.',
    retryable: false,
  },
  MERCHANT_INACTIVE: {
    isoCode: 'AC06',
    message: 'The merchant does not accept payments at present.',
    retryable: false,
  },
  NOT_PERMITTED: {
    isoCode: 'AG01',
    message: 'The counterparty does not permit this payment.',
    retryable: false,
  },
  SCREENING: {
    isoCode: 'RR04',
    message: 'The payment was stopped for regulatory reasons.',
    retryable: false,
  },
  TIMEOUT: { isoCode: 'AB05', message: 'The counterparty did not answer in time.', retryable: true },
  OFFLINE: { isoCode: 'AB08', message: 'The counterparty could not be reached.', retryable: true },
  DUPLICATE: {
    isoCode: 'AM05',
    message: 'The counterparty has already received this payment.',
    retryable: false,
  },
  CUSTOMER_CANCELLED: { isoCode: 'CUST', message: 'The customer cancelled the payment.', retryable: true },
  NO_ANSWER: { isoCode: 'NOAS', message: 'The counterparty did not answer at all.', retryable: true },
  UNSPECIFIED: { isoCode: 'MS03', message: 'The counterparty gave no reason.', retryable: false },
} as const satisfies Record<string, ReasonEntry>

export type ReasonCode = keyof typeof reasons

const byIsoCode = new Map(
  Object.entries(reasons).map(([code, entry]) => [entry.isoCode as string, code as ReasonCode]),
)

/** Finds a reason by its code or its ISO 20022 code; null for any other text. */
export function parseReason(text: string): ReasonCode | null {
  return Object.hasOwn(reasons, text) ? (text as ReasonCode) : (byIsoCode.get(text) ?? null)
}
