import { beforeAll, describe, expect, test } from 'vitest'
import type { ProblemError } from '../../../schema/values/problems.ts'
import { countBatch } from '../../../subgraphs/analytics/activity-projection.ts'
import { createActivityStore } from '../../../subgraphs/analytics/block-store.ts'
import { dayMs } from '../../../subgraphs/analytics/range.ts'
import { silentMerchants } from '../../../subgraphs/analytics/silent-merchants.ts'
import { resultsOf } from '../../../subgraphs/log/checkpoint.ts'
import { aLife, aLoggedPayment, entriesOf } from '../../fixtures/a-log.ts'
import { aParticipant, aRegistry } from '../../fixtures/a-registry.ts'
import { asViewer } from '../../fixtures/as-viewer.ts'
import { freshDatabase } from '../../harness/mongo.ts'

const { db } = await freshDatabase()
const now = new Date('2026-03-20T12:00:00Z')
const registry = aRegistry({
  participants: [
    aParticipant({ id: 'acquirer-cn-01', roles: ['ACQUIRER'] }),
    aParticipant({ id: 'acquirer-cn-02', roles: ['ACQUIRER'] }),
    aParticipant({ id: 'wallet-sg-01' }),
  ],
})
const dependencies = { db, registry, now: () => now }
const acquirer = asViewer('acquirer-cn-01', 'analytics:read')
const args = { days: 7, minPayments: 10, first: 100 }

/** By merchant: how many days ago it was paid. */
const paid: Record<string, readonly number[]> = {
  'acquirer-cn-01.REGULAR': Array.from({ length: 30 }, (_, n) => n + 1),
  'acquirer-cn-01.SILENT': Array.from({ length: 12 }, (_, n) => n + 9),
  'acquirer-cn-01.SILENT-2': Array.from({ length: 20 }, (_, n) => n + 8),
  'acquirer-cn-01.RARE': [10, 20, 30],
  'acquirer-cn-01.LONG-GONE': Array.from({ length: 30 }, (_, n) => n + 40),
  'acquirer-cn-02.SILENT': Array.from({ length: 12 }, (_, n) => n + 9),
}

beforeAll(async () => {
  const lives = Object.entries(paid).flatMap(([merchant, days]) =>
    days.map((ago) => {
      const createdAt = new Date(now.getTime() - ago * dayMs)
      return aLife({ payment: aLoggedPayment({ merchant, createdAt }) })
    }),
  )
  const entries = lives.flatMap((life, n) => entriesOf(life, `payment-${n}`))
  const store = await createActivityStore(resultsOf(db, 0))
  await countBatch(
    store,
    entries.map((entry, n) => ({ _id: BigInt(n + 1), ...entry })),
  )
})

describe('silent merchants', () => {
  test('are those of the caller with usual activity and none for a week', async () => {
    const { edges, pageInfo } = await silentMerchants(dependencies, args, acquirer)
    expect(edges.map(({ node }) => node)).toEqual([
      {
        merchant: { id: 'acquirer-cn-01.SILENT' },
        payments: 12,
        lastPaymentAt: new Date(now.getTime() - 9 * dayMs),
      },
      {
        merchant: { id: 'acquirer-cn-01.SILENT-2' },
        payments: 20,
        lastPaymentAt: new Date(now.getTime() - 8 * dayMs),
      },
    ])
    expect(pageInfo.hasNextPage).toBe(false)
  })

  test('are paged in order of id, and all are the operator’s', async () => {
    const operator = asViewer('operator', 'operator')
    const seen: string[] = []
    for (let after: string | null = null; ;) {
      const { edges, pageInfo } = await silentMerchants(dependencies, { ...args, first: 1, after }, operator)
      seen.push(...edges.map(({ node }) => node.merchant.id))
      if (!pageInfo.hasNextPage) break
      after = pageInfo.endCursor
    }
    expect(seen).toEqual(['acquirer-cn-01.SILENT', 'acquirer-cn-01.SILENT-2', 'acquirer-cn-02.SILENT'])
  })

  test('are read by an index, in a number of blocks that is bounded', async () => {
    const explained = await db
      .collection('activityMerchants')
      .find(
        { _id: { $gte: 'acquirer-cn-01.', $lt: 'acquirer-cn-01/' } as never },
        { sort: { _id: 1 }, limit: 2 },
      )
      .explain('executionStats')
    expect(explained['executionStats']).toMatchObject({ totalDocsExamined: 2 })
  })

  test('are refused to other callers, and for days out of range', async () => {
    const codeOf = (context: typeof acquirer, over: object = {}): Promise<unknown> =>
      silentMerchants(dependencies, { ...args, ...over }, context).then(
        () => null,
        (error: unknown) => (error as ProblemError).extensions.code,
      )
    expect(await codeOf(asViewer('wallet-sg-01', 'analytics:read'))).toBe('FORBIDDEN')
    expect(await codeOf(asViewer('acquirer-cn-01'))).toBe('FORBIDDEN')
    expect(await codeOf(acquirer, { days: 61 })).toBe('BAD_VALUE')
    expect(await codeOf(acquirer, { first: 0 })).toBe('BAD_PAGE')
  })
})
