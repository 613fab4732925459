import fc from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createCallerLimits, type CallerLimitsOptions } from '../../../gateway/identity/caller-limits.ts'
import { openBudgets, type Caller } from '../../../gateway/identity/shared-budgets.ts'
import type { CallerLimits } from '../../../gateway/protocol/caller-limits.ts'
import type { Viewer } from '../../../subgraphs/shared/viewer.ts'
import { anId } from '../../fixtures/an-id.ts'

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

const viewer: Viewer = { participant: anId('wallet'), scopes: new Set(), key: 'till' }

/** Limits at a clock that stands still. */
async function limitsOf(options: Partial<CallerLimitsOptions>): Promise<CallerLimits> {
  const budgets = await openBudgets({ db: null, logger: quiet, clock: () => 0 })
  onTestFinished(() => budgets.close())
  return createCallerLimits(budgets, {
    participantPerMinute: null,
    keyPerMinute: null,
    unknownPerMinute: null,
    loopShare: null,
    operationLoopMs: Infinity,
    ...options,
  })
}

function busyFor(ms: number): void {
  for (const end = performance.now() + ms; performance.now() < end;);
}

describe('an operation begins', () => {
  const exceeded = expect.objectContaining({ code: 'BUDGET_EXCEEDED' }) as Error

  test.each([
    { who: 'a participant', caller: viewer, options: { participantPerMinute: 2 } },
    { who: 'a key', caller: viewer, options: { keyPerMinute: 2 } },
    { who: 'an address', caller: null, options: { unknownPerMinute: 2 } },
  ])('until $who has less left than the least that one costs', async ({ caller, options }) => {
    const limits = await limitsOf(options)
    for (let n = 0; n < 2; n++) {
      limits.begin(caller, '192.0.2.1')
      limits.charge(caller, '192.0.2.1', 0)
    }
    expect(() => limits.begin(caller, '192.0.2.1')).toThrow(exceeded)
    limits.begin({ ...viewer, participant: anId('other') }, '192.0.2.1')
  })

  test('and is refused with its cost when that is more than what is left', async () => {
    const limits = await limitsOf({ participantPerMinute: 2 })
    limits.begin(viewer, '')
    expect(() => limits.charge(viewer, '', 3)).toThrow(
      expect.objectContaining({ code: 'BUDGET_EXCEEDED', details: expect.objectContaining({ cost: 3 }) }),
    )
  })

  test('until those before it have taken the share: ten times their time, when they are refused', async () => {
    const limits = await limitsOf({ loopShare: 0.5 })
    const admitted = limits.begin(viewer, '')
    admitted.run(() => {
      busyFor(51)
      admitted.admit()
    })
    limits.begin(viewer, '').run(() => busyFor(51))
    expect(() => limits.begin(viewer, '')).toThrow(exceeded)
  })
})
