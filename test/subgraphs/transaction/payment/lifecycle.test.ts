import { describe, expect, test } from 'vitest'
import type { StepKind, TransactionStatus } from '../../../../subgraphs/log/entry.ts'
import {
  isFinal,
  outcomes,
  stepFrom,
  transitions,
} from '../../../../subgraphs/transaction/payment/lifecycle.ts'

const statuses = Object.keys(outcomes) as TransactionStatus[]
const kinds = [...new Set(transitions.map(({ on }) => on))]

/** The table of the reference, written a second time by hand: status before, event, status after. */
const moves = new Set([
  'null SUBMITTED RECEIVED',
  'RECEIVED RULE_DECLINED DECLINED',
  'RECEIVED SENT ROUTED',
  'ROUTED APPROVED COMPLETED',
  'ROUTED REFUSED DECLINED',
  'ROUTED UNDELIVERABLE FAILED',
  'ROUTED TIMED_OUT IN_DOUBT',
  'IN_DOUBT INQUIRED IN_DOUBT',
  'IN_DOUBT APPROVED COMPLETED',
  'IN_DOUBT REFUSED DECLINED',
  'IN_DOUBT NEVER_SEEN EXPIRED',
  'IN_DOUBT REVERSAL_STARTED REVERSING',
  'REVERSING REVERSAL_RETRIED REVERSING',
  'REVERSING REVERSAL_ACKNOWLEDGED REVERSED',
  'RECEIVED CANCEL_REQUESTED CANCELLING',
  'ROUTED CANCEL_REQUESTED CANCELLING',
  'IN_DOUBT CANCEL_REQUESTED CANCELLING',
  'COMPLETED CANCEL_REQUESTED CANCELLING',
  'CANCELLING CANCEL_RETRIED CANCELLING',
  'CANCELLING CANCEL_ACKNOWLEDGED CANCELLED',
  'COMPLETED REFUNDED COMPLETED',
])
const said: readonly StepKind[] = [
  'APPROVED',
  'REFUSED',
  'NEVER_SEEN',
  'REVERSAL_ACKNOWLEDGED',
  'CANCEL_ACKNOWLEDGED',
]
const finals: readonly TransactionStatus[] = ['DECLINED', 'FAILED', 'EXPIRED', 'REVERSED', 'CANCELLED']

describe('the life of a payment', () => {
  const pairs = [null, ...statuses].flatMap((from) => kinds.map((kind) => ({ from, kind })))

  test.each(pairs)('$from, $kind', ({ from, kind }) => {
    const step = stepFrom(from, kind)
    const listed = [...moves].find((move) => move.startsWith(`${from} ${kind} `))
    if (listed) expect(step).toEqual({ kind, to: listed.split(' ')[2] })
    else if (from !== null && said.includes(kind)) expect(step).toEqual({ kind: 'LATE_MESSAGE', to: from })
    else expect(step).toBeNull()
  })

  test('has eleven statuses and no transition but the listed ones', () => {
    expect(statuses).toHaveLength(11)
    expect(transitions.map(({ from, on, to }) => `${from} ${on} ${to}`).toSorted()).toEqual(
      [...moves].toSorted(),
    )
  })

  test.each(statuses)('%s is final exactly when nothing leads out of it', (status) => {
    expect(isFinal(status)).toBe(finals.includes(status))
  })

  test('every final status is decided for the wallet', () => {
    for (const status of finals) expect(outcomes[status]).not.toBe('PENDING')
  })
})
