// What a page reports about itself: delays of interactions, frames, and memory.

import type { CDPSession, Page } from 'playwright-core'

declare global {
  /** Milliseconds from each interaction to its next paint, in a watched page. */
  var interactions: number[]
}

/** Notes the interactions of a page from its start. */
export async function watchInteractions(page: Page): Promise<void> {
  await page.addInitScript(() => {
    globalThis.interactions = []
    const note = (list: PerformanceObserverEntryList) => {
      for (const entry of list.getEntries()) {
        if ((entry as PerformanceEventTiming).interactionId) globalThis.interactions.push(entry.duration)
      }
    }
    const options = { type: 'event', buffered: true, durationThreshold: 16 }
    new PerformanceObserver(note).observe(options)
  })
}

interface Frames {
  /** The longest time without a frame. */
  readonly longestMs: number
  readonly text: string
}

/** Measures the frames of a page for some milliseconds. */
export async function framesOf(page: Page, forMs: number): Promise<Frames> {
  const gaps = await page.evaluate(
    (ms) =>
      new Promise<number[]>((resolve) => {
        const found: number[] = []
        const startedAt = performance.now()
        let last = startedAt
        const frame = (now: number): void => {
          found.push(now - last)
          last = now
          if (now - startedAt < ms) requestAnimationFrame(frame)
          else resolve(found)
        }
        requestAnimationFrame(frame)
      }),
    forMs,
  )
  const sorted = gaps.toSorted((a, b) => a - b)
  const longestMs = Math.round(sorted.at(-1) ?? 0)
  const p99 = Math.round(sorted[Math.floor(sorted.length * 0.99)] ?? 0)
  const perSecond = Math.round((1000 * gaps.length) / forMs)
  return { longestMs, text: `${perSecond} frames/s, p99 ${p99} ms, longest ${longestMs} ms between two` }
}

/** Bytes of the page's heap after a collection. */
export async function heapOf(session: CDPSession): Promise<number> {
  await session.send('HeapProfiler.collectGarbage')
  return (await session.send('Runtime.getHeapUsage')).usedSize
}

/** The slope of a line through points, by least squares. */
export function slopeOf(points: readonly (readonly [x: number, y: number])[]): number {
  const mean = (of: 0 | 1) => points.reduce((sum, point) => sum + point[of], 0) / points.length
  const [x, y] = [mean(0), mean(1)]
  const over = points.reduce((sum, point) => sum + (point[0] - x) * (point[1] - y), 0)
  return over / points.reduce((sum, point) => sum + (point[0] - x) ** 2, 0)
}
