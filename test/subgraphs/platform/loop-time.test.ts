import fc from 'fast-check'
import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { LoopTime, LoopTimeError } from '../../../subgraphs/platform/async/loop-time.ts'
import { inSlices, type Steps } from '../../../subgraphs/platform/async/slices.ts'

function busyFor(ms: number): void {
  for (const end = performance.now() + ms; performance.now() < end;);
}

describe('the loop time of an operation', () => {
  test('is its synchronous work, without what it waits for', async () => {
    const loopTime = new LoopTime(1_000)
    loopTime.run(() => busyFor(3))
    await pause(60)
    loopTime.run(() => busyFor(3))
    expect(loopTime.spentMs).toBeGreaterThanOrEqual(6)
    expect(loopTime.spentMs).toBeLessThan(60)
  })

  test('counts work within work once, and all that it takes from the share of its caller', () => {
    const { tree: trees } = fc.letrec<{ tree: readonly unknown[] }>((tie) => ({
      tree: fc.oneof({ maxDepth: 4 }, fc.constant([]), fc.array(tie('tree'), { maxLength: 3 })),
    }))
    fc.assert(
      fc.property(trees, (tree) => {
        let taken = 0
        const loopTime = new LoopTime(1_000, (ms) => void (taken += ms))
        const doAll = (inner: readonly unknown[]): void =>
          loopTime.run(() => inner.forEach((one) => doAll(one as readonly unknown[])))
        const beganAt = performance.now()
        doAll(tree)
        doAll(tree)
        expect(loopTime.spentMs).toBeLessThanOrEqual(performance.now() - beganAt)
        expect(taken).toBeCloseTo(loopTime.spentMs, 9)
      }),
    )
  })

  test('is taken more than once from the share of its caller, unless the operation is admitted', () => {
    let takenMs = 0
    const refused = new LoopTime(1_000, (ms) => void (takenMs += ms), 10)
    refused.run(() => busyFor(1))
    expect(takenMs).toBeCloseTo(10 * refused.spentMs, 9)

    takenMs = 0
    const admitted = new LoopTime(1_000, (ms) => void (takenMs += ms), 10)
    admitted.run(() => {
      busyFor(1)
      admitted.admit()
    })
    admitted.run(() => busyFor(1))
    expect(takenMs).toBeCloseTo(admitted.spentMs, 9)
  })

  test('is counted also for work that fails', () => {
    const loopTime = new LoopTime(2)
    const failing = (): never => {
      busyFor(3)
      throw new RangeError('of the work')
    }
    expect(() => loopTime.run(failing)).toThrow('of the work')
    expect(loopTime.isSpent).toBe(true)
  })

  test('ends a computation in slices that takes more than one operation may', async () => {
    let steps = 0
    function* endless(): Steps<never> {
      for (;;) {
        busyFor(1)
        steps++
        yield
      }
    }
    await expect(inSlices(endless(), new LoopTime(20))).rejects.toThrow(LoopTimeError)
    expect(steps).toBeLessThanOrEqual(21)
  })
})
