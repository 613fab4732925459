// The requests that steps of a payment send to its counterparty.

import { paymentIdOf, type LogEntry, type StepKind, type TransactionStatus } from '../../log/entry.ts'
import { counterpartyOf } from './payment.ts'
import type { ParticipantId, PaymentId } from '../../../schema/values/id.ts'

/** What a counterparty is asked to do. */
export type RequestKind = 'AUTHORIZE' | 'INQUIRE' | 'REVERSE' | 'CANCEL'

/** A request to `counterparty` about `payment`. */
export interface CounterpartyRequest {
  readonly kind: RequestKind
  readonly payment: PaymentId
  readonly counterparty: ParticipantId
  /** True when it may have been sent before, by this process or another. */
  readonly isRepeated: boolean
}

/** The steps that send a request. */
const requests: Readonly<Partial<Record<StepKind, RequestKind>>> = {
  SENT: 'AUTHORIZE',
  INQUIRED: 'INQUIRE',
  REVERSAL_STARTED: 'REVERSE',
  REVERSAL_RETRIED: 'REVERSE',
  CANCEL_REQUESTED: 'CANCEL',
  CANCEL_RETRIED: 'CANCEL',
}

/** What a payment waits for its counterparty to do; null when for nothing. */
export const awaited: Readonly<Record<TransactionStatus, RequestKind | null>> = {
  RECEIVED: null,
  ROUTED: 'AUTHORIZE',
  IN_DOUBT: 'INQUIRE',
  REVERSING: 'REVERSE',
  CANCELLING: 'CANCEL',
  COMPLETED: null,
  DECLINED: null,
  FAILED: null,
  EXPIRED: null,
  REVERSED: null,
  CANCELLED: null,
}

/** The request that an entry of the log sends; null when it sends none. */
export function requestOf(entry: LogEntry): Omit<CounterpartyRequest, 'isRepeated'> | null {
  const kind = requests[entry.kind]
  const { payment } = entry
  return kind
    ? { kind, payment: paymentIdOf(entry), counterparty: counterpartyOf(payment, payment.wallet) }
    : null
}
