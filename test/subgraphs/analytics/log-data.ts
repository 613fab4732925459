// Logs for tests: lives of payments, put one after another or in between each other, at dense positions.

import fc from 'fast-check'
import type { LogEntry, LoggedPayment, StepKind, TransactionStatus } from '../../../subgraphs/log.ts'
import type { ReasonCode } from '../../../schema/values/reasons.ts'

export const aPayment = (its: Partial<LoggedPayment> = {}): LoggedPayment => ({
  createdAt: new Date('2026-02-10T09:30:15Z'),
  wallet: 'wallet-sg-01',
  acquirer: 'acquirer-cn-01',
  merchant: 'acquirer-cn-01.M000001',
  merchantCountry: 'CN',
  walletCountry: 'SG',
  corridor: 'SG-CN',
  project: 'sg-sgqr',
  direction: 'INBOUND',
  mcc: '5812',
  entryMode: 'MPM_STATIC',
  reportingMinor: 100_00n,
  authorizeMs: null,
  ...its,
})

/** Steps after the first two: a payment is always SUBMITTED and, unless the rules decline it, SENT. */
export type Ending = keyof typeof endings
type Step = readonly [StepKind, TransactionStatus]
const endings = {
  waiting: [['SENT', 'ROUTED']],
  ruledOut: [['RULE_DECLINED', 'DECLINED']],
  completed: [
    ['SENT', 'ROUTED'],
    ['APPROVED', 'COMPLETED'],
  ],
  refused: [
    ['SENT', 'ROUTED'],
    ['REFUSED', 'DECLINED'],
  ],
  undeliverable: [['UNDELIVERABLE', 'FAILED']],
  reversed: [
    ['SENT', 'ROUTED'],
    ['TIMED_OUT', 'IN_DOUBT'],
    ['INQUIRED', 'IN_DOUBT'],
    ['REVERSAL_STARTED', 'REVERSING'],
    ['APPROVED', 'REVERSING'],
    ['REVERSAL_ACKNOWLEDGED', 'REVERSED'],
  ],
  expired: [
    ['SENT', 'ROUTED'],
    ['TIMED_OUT', 'IN_DOUBT'],
    ['NEVER_SEEN', 'EXPIRED'],
  ],
  takenBack: [
    ['SENT', 'ROUTED'],
    ['APPROVED', 'COMPLETED'],
    ['LATE_MESSAGE', 'COMPLETED'],
    ['CANCEL_REQUESTED', 'CANCELLING'],
    ['CANCEL_ACKNOWLEDGED', 'CANCELLED'],
  ],
  refunded: [
    ['SENT', 'ROUTED'],
    ['APPROVED', 'COMPLETED'],
    ['REFUNDED', 'COMPLETED'],
  ],
} as const satisfies Record<string, readonly Step[]>

export interface Life {
  readonly payment: LoggedPayment
  readonly ending: Ending
  readonly reason: ReasonCode | null
  readonly authorizeMs: number
}

export const aLife = (its: Partial<Life> = {}): Life => ({
  payment: aPayment(),
  ending: 'completed',
  reason: null,
  authorizeMs: 900,
  ...its,
})

export type Unplaced = Omit<LogEntry, '_id'>

/** The entries of one payment's life, in order. */
export function entriesOf({ payment, ending, reason, authorizeMs }: Life, transaction: string): Unplaced[] {
  const steps: readonly Step[] = [['SUBMITTED', 'RECEIVED'], ...endings[ending]]
  return steps.map(([kind, to], n) => ({
    transaction,
    sequence: n + 1,
    kind,
    from: steps[n - 1]?.[1] ?? null,
    to,
    at: new Date(payment.createdAt.getTime() + n),
    reason: ['DECLINED', 'FAILED', 'EXPIRED', 'REVERSED', 'CANCELLED'].includes(to) ? reason : null,
    payment: { ...payment, authorizeMs: kind === 'APPROVED' || kind === 'REFUSED' ? authorizeMs : null },
  }))
}

/** One after another. */
export const logOfLives = (lives: readonly Life[]): LogEntry[] =>
  place(lives.flatMap((life, n) => entriesOf(life, `payment-${n}`)))

export const place = (entries: readonly Unplaced[]): LogEntry[] =>
  entries.map((entry, n) => ({ _id: BigInt(n + 1), ...entry }))

const corridors = [
  { corridor: 'SG-CN', walletCountry: 'SG', merchantCountry: 'CN', direction: 'INBOUND', project: 'sg-sgqr' },
  {
    corridor: 'CN-SG',
    walletCountry: 'CN',
    merchantCountry: 'SG',
    direction: 'OUTBOUND',
    project: 'sg-sgqr',
  },
  { corridor: 'TH-TH', walletCountry: 'TH', merchantCountry: 'TH', direction: 'LOCAL', project: null },
] as const

export const spanOfLives = {
  from: Date.parse('2026-01-30T22:00:00Z'),
  to: Date.parse('2026-03-02T02:00:00Z'),
}

/** Times that meet at the edges of minutes, hours, days and months more often than chance would have it. */
const time = fc
  .tuple(
    fc.integer({ min: 0, max: 30 * 24 + 4 }),
    fc.constantFrom(0, 1, 29, 59),
    fc.constantFrom(0, 1, 59_999),
  )
  .map(([hour, minute, ms]) => new Date(spanOfLives.from + hour * 3_600_000 + minute * 60_000 + ms))

const life: fc.Arbitrary<Life> = fc.record({
  payment: fc
    .record({
      createdAt: time,
      lane: fc.constantFrom(...corridors),
      wallet: fc.constantFrom('w1', 'w2', 'both'),
      acquirer: fc.constantFrom('a1', 'both'),
      merchant: fc.constantFrom('a1.M1', 'a1.M1#2026-02', 'both.M2'),
      mcc: fc.constantFrom('5812', '4111'),
      entryMode: fc.constantFrom('MPM_STATIC' as const, 'CPM' as const),
      reportingMinor: fc.oneof(fc.bigInt(1n, 100_000n), fc.constant(9_000_000_000_000_000n)),
    })
    .map(({ lane, ...its }) => ({ ...its, ...lane, authorizeMs: null })),
  ending: fc.constantFrom(...(Object.keys(endings) as Ending[])),
  reason: fc.constantFrom('INSUFFICIENT_FUNDS', 'TIMEOUT', null),
  authorizeMs: fc.oneof(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 60, max: 600_000 })),
})

/** Up to `max` lives whose entries lie in between each other, each life's in its own order. */
export const aLog = (max: number): fc.Arbitrary<LogEntry[]> =>
  fc
    .array(fc.tuple(life, fc.array(fc.nat(), { minLength: 8, maxLength: 8 })), { maxLength: max })
    .map((lives) =>
      place(
        lives
          .flatMap(([its, moments], n) => {
            const order = moments.toSorted((a, b) => a - b)
            return entriesOf(its, `payment-${n}`).map((entry, step) => ({ entry, moment: order[step]! }))
          })
          .toSorted((a, b) => a.moment - b.moment)
          .map(({ entry }) => entry),
      ),
    )
