import { describe, expect, test } from 'vitest'
import { logCheck, type LogHealth } from '../../../gateway/http/log-health.ts'

/** A hub's view of the log, which tests change, and a clock that they move. */
function aCheck() {
  const state = { isWritten: true, position: 5n, behind: 0 }
  let now = 0
  const read = async (): Promise<Pick<LogHealth, 'isWritten' | 'readers'>> => ({
    isWritten: state.isWritten,
    readers: [
      { projection: 'live', position: state.position, entries: state.behind, ms: 0 },
      { projection: 'activity', position: 1n, entries: 1_000_000, ms: 3_600_000 },
    ],
  })
  const check = logCheck(read, () => now)
  return {
    state,
    /** The result of the check `ms` milliseconds later. */
    after: async (ms: number) => {
      now += ms
      return check()
    },
  }
}

describe('a hub is ready', () => {
  test('while the log is written and read, whatever the lag of a projection', async () => {
    const { after } = aCheck()
    expect(await after(0)).toBeNull()
    expect(await after(3_600_000)).toBeNull()
  })

  test('until no process has held the lease of the sequencer for 15 s', async () => {
    const { state, after } = aCheck()
    await after(1_000)
    state.isWritten = false
    expect(await after(14_999)).toBeNull()
    expect(await after(1)).toBe('no process has held the lease of the sequencer for 15 s')
    state.isWritten = true
    expect(await after(1)).toBeNull()
  })

  test('until it has been stuck behind the tip of the log for 30 s', async () => {
    const { state, after } = aCheck()
    state.behind = 3
    await after(0)
    expect(await after(29_999)).toBeNull()
    state.position = 6n
    expect(await after(1)).toBeNull()
    expect(await after(29_999)).toBeNull()
    expect(await after(1)).toBe('this hub has read no entry of the log for 30 s')
    state.behind = 0
    expect(await after(1)).toBeNull()
  })
})
