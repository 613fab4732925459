// What one entry of the log changes in the counts. It follows from the entry alone, so counts are a sum over the log.

import type { ReasonCode } from '../../schema/values/reasons.ts'
import type { LogEntry, TransactionStatus } from '../log/entry.ts'

export interface Delta {
  readonly payments: number
  readonly approved: number
  readonly declined: number
  /** Fen. */
  readonly value: bigint
  /** Why it was declined; null when it was not. */
  readonly reason: ReasonCode | null
  /** Time that the counterparty took, when this is its answer. */
  readonly authorizeMs: number | null
}

/** How a payment with this status counts. */
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

/** Null when nothing changes, as for refunds. A completed payment that is taken back counts no longer as approved. */
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
