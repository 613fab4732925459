import { describe, expect, test } from 'vitest'
import { ProgressWatch, type LogHealth } from '../../../gateway/http/log-health.ts'

/** A hub's view of the log, and a clock that tests move. */
function aWatch() {
  const state = { tip: 5n, advancedAt: new Date(0), position: 5n, behind: 0, activity: 1n }
  let now = 0
  const health = (): LogHealth => ({
    tip: state.tip,
    advancedAt: state.advancedAt,
    backlog: { due_payments: 0, webhook_deliveries: 0 },
    readers: [
      { projection: 'live', position: state.position, entries: state.behind, ms: 0 },
      { projection: 'activity', position: state.activity, entries: 1_000_000, ms: 3_600_000 },
    ],
  })
  const watch = new ProgressWatch(health(), () => now)
  return {
    state,
    watch,
    /** Reads the log once more, `ms` milliseconds later; why the hub is not ready then. */
    after: (ms: number) => {
      now += ms
      watch.take(health())
      return watch.whyNotReady()
    },
    /** The same without a reading. */
    unread: (ms: number) => {
      now += ms
      return watch.whyNotReady()
    },
    sequencerAdvances: () => (state.advancedAt = new Date(state.advancedAt.getTime() + 1)),
  }
}

describe('a hub is ready', () => {
  test('while the log advances and is read, whatever the lag of a projection', () => {
    const { after, sequencerAdvances } = aWatch()
    expect(after(14_999)).toBeNull()
    sequencerAdvances()
    expect(after(14_999)).toBeNull()
    sequencerAdvances()
    expect(after(3_600_000)).toBeNull()
  })

  test('until the log has not advanced for 15 s, by an entry or without one', () => {
    const { state, watch, after } = aWatch()
    expect(after(14_999)).toBeNull()
    expect(watch.latest().isWritten).toBe(true)
    expect(after(1)).toBe('the log has not advanced for 15 s')
    expect(watch.latest().isWritten).toBe(false)
    state.tip = 6n
    expect(after(1)).toBeNull()
  })

  test('until it has been stuck behind the tip of the log for 30 s', () => {
    const { state, after, sequencerAdvances } = aWatch()
    const later = (ms: number) => {
      sequencerAdvances()
      return after(ms)
    }
    state.behind = 3
    expect(later(29_999)).toBeNull()
    state.position = 6n
    expect(later(1)).toBeNull()
    expect(later(29_999)).toBeNull()
    expect(later(1)).toBe('this hub has read no entry of the log for 30 s')
    state.behind = 0
    expect(later(1)).toBeNull()
  })

  test('until it has not been able to read the state of the log for 10 s', () => {
    const { after, unread } = aWatch()
    expect(unread(9_999)).toBeNull()
    expect(unread(1)).toBe('the state of the log has not been read for 10 s')
    expect(after(1)).toBeNull()
  })
})

describe('a projection is shown', () => {
  const stuckOf = (watch: ProgressWatch) =>
    watch.latest().readers.flatMap(({ projection, isStuck }) => (isStuck ? [projection] : []))

  test('as stuck once it has stayed at one position behind the log for 30 s, by a hub that stays ready', () => {
    const { state, watch, after, sequencerAdvances } = aWatch()
    const later = (ms: number) => {
      sequencerAdvances()
      state.tip++
      state.position++
      return after(ms)
    }
    expect(later(29_999)).toBeNull()
    expect(stuckOf(watch)).toEqual([])
    expect(later(1)).toBeNull()
    expect(stuckOf(watch)).toEqual(['activity'])
    state.activity = 2n
    expect(later(3_600_000)).toBeNull()
    expect(stuckOf(watch)).toEqual([])
  })
})
