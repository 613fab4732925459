import fc from 'fast-check'
import { expect, onTestFinished, test } from 'vitest'
import { openBudgets, type Caller } from '../../../gateway/identity/shared-budgets.ts'

const quiet = { warn: () => {} }

test('a caller holds the event loop for no more than its share, and one operation', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.double({ min: 0.01, max: 0.9, noNaN: true }),
      fc.array(
        fc.record({
          waitMs: fc.double({ min: 0, max: 400, noNaN: true }),
          workMs: fc.double({ min: 0.01, max: 300, noNaN: true }),
        }),
        { maxLength: 60 },
      ),
      async (share, operations) => {
        let nowMs = 0
        const budgets = await openBudgets({ db: null, logger: quiet, clock: () => nowMs })
        const caller: Caller = { name: 'loop', perMinute: share * 60_000, holdsMs: 1_000, isShared: false }
        let heldMs = 0
        let longestMs = 0
        for (const { waitMs, workMs } of operations) {
          nowMs += waitMs
          if (budgets.waitMs(caller) > 0) continue
          nowMs += workMs
          budgets.take(caller, workMs)
          heldMs += workMs
          longestMs = Math.max(longestMs, workMs)
          expect(heldMs).toBeLessThanOrEqual(share * (1_000 + nowMs) + longestMs + 1e-6)
        }
        await budgets.close()
      },
    ),
    { numRuns: 200 },
  )
})

test('a caller that is put off may send again after the time that it is given', async () => {
  let nowMs = 0
  const budgets = await openBudgets({ db: null, logger: quiet, clock: () => nowMs })
  onTestFinished(() => budgets.close())
  const caller: Caller = { name: 'loop', perMinute: 30_000, holdsMs: 1_000, isShared: false }
  expect(budgets.waitMs(caller)).toBe(0)
  budgets.take(caller, 900)
  const waitMs = budgets.waitMs(caller)
  // 400 ms more than the 500 that it holds, at half a millisecond for each.
  expect(waitMs).toBe(802)
  nowMs += waitMs
  expect(budgets.waitMs(caller)).toBe(0)
})
