import fc from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Budget } from '../../../gateway/identity/budget.ts'
import { openBudgets } from '../../../gateway/identity/shared-budgets.ts'

describe('a budget', () => {
  test('holds what one minute gives, and refills evenly', () => {
    const budget = new Budget(60, 0)
    expect(budget.spend(60, 0)).toBe(true)
    expect(budget.spend(1, 0)).toBe(false)
    expect(budget.waitMs(1, 0)).toBe(1_000)
    expect(budget.spend(1, 1_000)).toBe(true)
    expect(budget.remainingAt(3_600_000)).toBe(60)
  })

  test('never grants more than its size and the refill, whatever is requested when', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ cost: fc.integer({ min: 1, max: 50 }), afterMs: fc.nat({ max: 5_000 }) })),
        (calls) => {
          const budget = new Budget(100, 0)
          let nowMs = 0
          let granted = 0
          for (const { cost, afterMs } of calls) {
            nowMs += afterMs
            if (budget.spend(cost, nowMs)) granted += cost
            expect(granted).toBeLessThanOrEqual(100 + (nowMs / 60_000) * 100 + 1e-6)
          }
        },
      ),
    )
  })

  test('grants a cost after the time that it names, and not before', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 100 }), (spent, cost) => {
        const budget = new Budget(100, 0)
        budget.spend(spent, 0)
        const waitMs = budget.waitMs(cost, 0)
        if (waitMs > 1) expect(budget.remainingAt(waitMs - 2)).toBeLessThan(cost)
        expect(budget.spend(cost, waitMs + 1)).toBe(true)
      }),
    )
  })

  test('of a caller is deleted when it is full again', async () => {
    let now = 0
    const budgets = await openBudgets({ db: null, logger: { warn: () => {} }, clock: () => now })
    onTestFinished(() => budgets.close())
    const charge = (name: string) => budgets.charge([{ name, perMinute: 10, isShared: false }], 1)
    for (let n = 0; n < 1_000; n++) charge(`caller ${n}`)
    now += 61_000
    charge('one')
    await expect.poll(() => budgets.size).toBe(1)
  })
})
