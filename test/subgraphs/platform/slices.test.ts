import { setImmediate } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { atOnce, inSlices, type Steps } from '../../../subgraphs/platform/async/slices.ts'

function* busyFor(steps: number, stepMs: number): Steps<string> {
  for (let step = 0; step < steps; step++) {
    for (const end = performance.now() + stepMs; performance.now() < end;);
    yield
  }
  return 'done'
}

describe('a computation in steps', () => {
  test('has the same result at once and in slices', async () => {
    expect(atOnce(busyFor(3, 0))).toBe('done')
    expect(await inSlices(busyFor(3, 0))).toBe('done')
  })

  test('lets other work run in between', async () => {
    let isDone = false
    const computing = inSlices(busyFor(30, 1)).finally(() => (isDone = true))
    let turns = 0
    while (!isDone) {
      await setImmediate()
      turns += 1
    }
    await computing
    expect(turns).toBeGreaterThan(5)
  })

  test('shares its turn with the others, however many run at once', async () => {
    let steps = 0
    function* longSteps(): Steps<void> {
      for (const step of busyFor(3, 3)) {
        steps++
        yield step
      }
    }
    const computing = Array.from({ length: 8 }, () => inSlices(longSteps()))
    expect(steps).toBeLessThanOrEqual(1)
    while (steps < 8 * 3) {
      const before = steps
      await setImmediate()
      expect(steps - before).toBeLessThanOrEqual(1)
    }
    await Promise.all(computing)
  })
})
