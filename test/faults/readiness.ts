// `node test/faults/readiness.ts URL…` calls `/readyz` of each hub four times a second, and sends each answer
// to its parent. A process of its own: that of the clients is often busy when an answer arrives. Time for
// which it stood still itself, because the processors were taken, is not the hub's.

import type { Readiness } from './history.ts'

const everyMs = 250
const tickMs = 20
const stallMs = 100

let lastTick = performance.now()
let stoodStillMs = 0
/** Since the last tick; an answer can be handled before the tick that is late. */
const stallNow = (): number => {
  const late = performance.now() - lastTick - tickMs
  return late > stallMs ? late : 0
}
setInterval(() => {
  stoodStillMs += stallNow()
  lastTick = performance.now()
}, tickMs)

for (const [hub, url] of process.argv.slice(2).entries()) {
  setInterval(() => {
    const sentAt = performance.now()
    const stoodStillBefore = stoodStillMs + stallNow()
    const answered = (status: number | null): void => {
      const ownMs = stoodStillMs + stallNow() - stoodStillBefore
      const answer: Readiness = {
        hub,
        at: performance.timeOrigin + sentAt,
        tookMs: performance.now() - sentAt - ownMs,
        ownMs,
        status,
      }
      process.send?.(answer)
    }
    fetch(`${url}/readyz`, { signal: AbortSignal.timeout(5_000) }).then(
      ({ status }) => answered(status),
      (error: Error) => answered(error.name === 'TimeoutError' ? null : 0),
    )
  }, everyMs)
}
process.once('disconnect', () => process.exit(0))
