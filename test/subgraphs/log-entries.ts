// Entries of the log for tests in which it does not matter what they say.

import type { LogEntry } from '../../subgraphs/log.ts'
import { noon } from './transaction/world.ts'

/** The first event of a payment of its own. */
export const anEntry = (position: number, more: Partial<LogEntry> = {}): LogEntry => ({
  _id: BigInt(position),
  transaction: `t${position}`,
  sequence: 1,
  kind: 'SUBMITTED',
  from: null,
  to: 'RECEIVED',
  at: noon,
  reason: null,
  payment: {
    createdAt: noon,
    wallet: 'wallet-sg-01',
    acquirer: 'acquirer-cn-01',
    merchant: 'acquirer-cn-01.M1',
    merchantCountry: 'CN',
    walletCountry: 'SG',
    corridor: 'SG-CN',
    project: null,
    direction: 'INBOUND',
    mcc: '5812',
    entryMode: 'IN_APP',
    reportingMinor: 1n,
    authorizeMs: null,
  },
  ...more,
})
