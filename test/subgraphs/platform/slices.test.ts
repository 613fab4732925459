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
})
