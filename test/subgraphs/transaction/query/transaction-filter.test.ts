import { describe, expect, test } from 'vitest'
import { isRefusal } from '../../../../schema/values/problems.ts'
import type { Visibility } from '../../../../subgraphs/shared/access.ts'
import {
  transactionQuery,
  type TransactionFilterInput,
} from '../../../../subgraphs/transaction/query/transaction-filter.ts'
import { outcomes, type Outcome } from '../../../../subgraphs/transaction/payment/lifecycle.ts'
import { anId } from '../../../fixtures/an-id.ts'

const wallets = [anId('wallet-sg-01'), anId('wallet-th-01')] as never[]
const operator: Visibility = { kind: 'all' }
const own = (over: Partial<Extract<Visibility, { kind: 'own' }>> = {}): Visibility => ({
  kind: 'own',
  wallet: null,
  acquirer: null,
  corridors: new Set(),
  ...over,
})
const queryOf = (where: TransactionFilterInput, visibility: Visibility = operator) => {
  const query = transactionQuery(where, visibility, wallets)
  if (isRefusal(query)) throw new Error(query.message)
  return query
}

describe('a filter of transactions', () => {
  test('matches an outcome by all its statuses, and each status has one outcome', () => {
    const statusesOf = (outcome: Outcome) => {
      const [clause] = queryOf({ outcomes: [outcome] }).checks
      return (clause as { status: { $in: string[] } }).status.$in
    }
    expect(statusesOf('SUCCEEDED')).toEqual(['COMPLETED'])
    expect(statusesOf('CANCELLED')).toContain('CANCELLED')
    const all = (['PENDING', 'SUCCEEDED', 'FAILED', 'CANCELLED'] as const).flatMap(statusesOf)
    expect(all.toSorted()).toEqual(Object.keys(outcomes).toSorted())
  })

  test.each([
    { where: { merchants: ['a.1'], wallets: ['w'] }, visibility: operator, index: 'merchant' },
    { where: { wallets: ['w'], acquirers: ['a'] }, visibility: operator, index: 'wallet' },
    { where: { corridors: ['SG-CN'] }, visibility: own({ wallet: anId('w') }), index: 'corridor' },
    { where: {}, visibility: own({ acquirer: anId('a') }), index: 'acquirer' },
    { where: {}, visibility: own({ corridors: new Set([anId<never>('SG-CN')]) }), index: 'corridor' },
    { where: {}, visibility: own({ wallet: anId('w'), acquirer: anId('w') }), index: null },
    { where: {}, visibility: own(), index: '_id_' },
    { where: {}, visibility: operator, index: '_id_' },
  ])('takes its candidates from one index: $where by $index', ({ where, visibility, index }) => {
    expect(queryOf(where, visibility).index).toBe(index)
  })

  test('never leaves out what the viewer may see', () => {
    const visible = { wallet: 'w' }
    const { candidates, checks } = queryOf({ merchants: ['a.1'] }, own({ wallet: anId('w') }))
    expect([...candidates, ...checks]).toEqual([{ merchant: { $in: ['a.1'] } }, visible])
  })

  test.each([
    { viewer: 'the operator', visibility: operator, expected: wallets },
    { viewer: 'a wallet', visibility: own({ wallet: anId('w') }), expected: ['w'] },
    { viewer: 'an acquirer', visibility: own({ acquirer: anId('a') }), expected: [] },
    {
      viewer: 'a wallet that is an acquirer',
      visibility: own({ wallet: anId('w'), acquirer: anId('w') }),
      expected: [],
    },
  ])(
    'searches references by index among the payments that $viewer sees alone',
    ({ visibility, expected }) => {
      expect(queryOf({ reference: 'run' }, visibility).reference).toEqual({
        beginning: 'run',
        wallets: expected,
      })
    },
  )
})
