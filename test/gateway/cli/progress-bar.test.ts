import { describe, expect, test } from 'vitest'
import { createProgressBar } from '../../../gateway/cli/progress-bar.ts'

function aBar(isTTY: boolean) {
  let now = 0
  let written = ''
  const bar = createProgressBar({ isTTY, write: (text) => void (written += text) }, () => now)
  return { bar, text: () => written, after: (ms: number) => void (now += ms) }
}

describe('a progress bar', () => {
  test('shows the phase, the share, the rate and the time left', () => {
    const { bar, text, after } = aBar(true)
    bar.show('merchants', 0, 1_200_000)
    after(10_000)
    bar.show('merchants', 300_000, 1_200_000)
    expect(text()).toMatch(/merchants .*█░.* 25 % {2}30,000\/s {2}0:30 left$/)
  })

  test('measures the rate of this run, not of what an earlier one had done', () => {
    const { bar, text, after } = aBar(true)
    bar.show('payments', 900, 2_000)
    after(1_000)
    bar.show('payments', 1_000, 2_000)
    expect(text()).toContain('100/s  0:10 left')
  })

  test('is a line now and then where the output is no terminal', () => {
    const { bar, text, after } = aBar(false)
    for (let done = 0; done <= 100; done++) {
      bar.show('merchants', done, 100)
      after(1_000)
    }
    bar.line('loaded')
    bar.end()
    const lines = text().trimEnd().split('\n')
    expect(lines.length).toBeLessThan(15)
    expect(lines.at(-2)).toContain('100 %')
    expect(lines.at(-1)).toBe('loaded')
    expect(text()).not.toContain('\r')
  })
})
