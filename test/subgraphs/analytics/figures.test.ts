import { describe, expect, test } from 'vitest'
import { money } from '../../../schema/values/money.ts'
import type { Dimension, Figures } from '../../../subgraphs/analytics/activity.ts'
import { approvalRateOf, averageValueOf, growthOf, labelOf } from '../../../subgraphs/analytics/figures.ts'
import { aParticipant, aRegistry } from '../../fixtures/a-registry.ts'

const figures = (its: Partial<Figures> = {}): Figures => ({
  payments: 0,
  approved: 0,
  declined: 0,
  value: 0n,
  ...its,
})

describe('figures', () => {
  test('give the approval rate of decided payments, and none without a decided payment', () => {
    expect(approvalRateOf(figures({ payments: 9, approved: 3, declined: 1 }))).toBe(0.75)
    expect(approvalRateOf(figures({ payments: 9 }))).toBeNull()
  })

  test('give an average value, rounded half up', () => {
    expect(averageValueOf(figures({ approved: 2, value: 3n }))).toEqual(money(2n, 'CNY'))
    expect(averageValueOf(figures({ approved: 3, value: 4n }))).toEqual(money(1n, 'CNY'))
    expect(averageValueOf(figures())).toBeNull()
  })
})

describe('growth', () => {
  test('compares number and value', () => {
    const now = figures({ payments: 211, approved: 200, value: 129_00n })
    const then = figures({ payments: 100, approved: 90, value: 100_00n })
    expect(growthOf(now, then)).toEqual({
      payments: 100,
      paymentsPercent: 111,
      value: money(100_00n, 'CNY'),
      valuePercent: 29,
    })
  })

  test('can be negative, and has four digits after the point', () => {
    expect(growthOf(figures({ payments: 2 }), figures({ payments: 3 }))).toMatchObject({
      paymentsPercent: -33.3333,
      valuePercent: null,
    })
  })

  test('from an earlier range without payments is null', () => {
    expect(growthOf(figures({ payments: 5 }), figures())).toBeNull()
  })
})

test.each<{ by: Dimension; key: string; label: string }>([
  { by: 'CORRIDOR', key: 'SG-CN', label: 'Singapore → China' },
  { by: 'MERCHANT_COUNTRY', key: 'TH', label: 'Thailand' },
  { by: 'WALLET', key: 'wallet-sg-01', label: 'Merlion Pay' },
  { by: 'ACQUIRER', key: 'gone', label: 'gone' },
  { by: 'MCC', key: '5812', label: 'Restaurants and eating places' },
  { by: 'MCC', key: '0000', label: '0000' },
  { by: 'ENTRY_MODE', key: 'CPM', label: 'Code shown by the customer' },
  { by: 'DECLINE_REASON', key: 'INSUFFICIENT_FUNDS', label: 'The payer’s account has insufficient funds.' },
])('$by $key has the label "$label"', ({ by, key, label }) => {
  expect(labelOf(by, key, aRegistry({ participants: [aParticipant()] }))).toBe(label)
})
