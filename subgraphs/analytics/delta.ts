// The change of the counts by one entry of the log. It follows from the entry alone, so the counts are a sum
// over the log.

import type { ReasonCode } from '../../schema/values/reasons.ts'
import type { LogEntry, TransactionStatus } from '../log/entry.ts'

export interface Delta {
  readonly payments: number
  readonly approved: number
  readonly declined: number
  /** Fen. */
  readonly value: bigint
  /** Null unless the entry declines the payment. */
  readonly reason: ReasonCode | null
  /** Time from submission to the counterparty's answer; null unless the entry is that answer. */
  readonly authorizeMs: number | null
}

/** What a payment with this status counts as. */
const standings: Readonly<Record<TransactionStatus, 'open' | 'approved' | 'declined'>> = {
  RECEIVED: 'open',
  ROUTED: 'open',
  IN_DOUBT: 'open',
  REVERSING: 'open',
  CANCELLING: 'open',
  COMPLETED: 'approved',
  DECLINED: 'declined',
  FAILED: 'declined',
  EXPIRED: 'declined',
  REVERSED: 'declined',
  CANCELLED: 'declined',
}

/**
 * Null when nothing changes, as for refunds. A completed payment that is cancelled or reversed stops counting
 * as approved.
 */
export function deltaOf({ kind, from, to, reason, payment, refundOf }: LogEntry): Delta | null {
  if (refundOf !== undefined) return null
  const before = from === null ? 'open' : standings[from]
  const after = standings[to]
  const payments = kind === 'SUBMITTED' ? 1 : 0
  if (payments === 0 && before === after && payment.authorizeMs === null) return null
  const approved = Number(after === 'approved') - Number(before === 'approved')
  const declined = Number(after === 'declined') - Number(before === 'declined')
  return {
    payments,
    approved,
    declined,
    value: BigInt(approved) * payment.reportingMinor,
    reason: declined > 0 ? (reason ?? 'UNSPECIFIED') : null,
    authorizeMs: payment.authorizeMs,
  }
}
