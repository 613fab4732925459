// `node test/faults/readiness.ts URL…` calls `/readyz` of each hub four times a second, and sends each answer
// to its parent. A process of its own: that of the clients is often busy when an answer arrives. Time for
// which it stood still itself, because the processors were taken, is not the hub's. Neither is time for which
// the hub waited for a processor: both are recorded.

import { readFileSync } from 'node:fs'
import type { HubProcess, Readiness } from './history.ts'

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

const pids = new Map<number, number>()
process.on('message', (message) => {
  const { hub, pid } = message as HubProcess
  pids.set(hub, pid)
})

/** How long a hub's main thread has run and waited for a processor, in ms; zeros when there is none. */
function scheduled(hub: number): readonly [ranMs: number, waitedMs: number] {
  try {
    const [ran, waited] = readFileSync(`/proc/${pids.get(hub)}/schedstat`, 'utf8').split(' ')
    return [Number(ran) / 1e6, Number(waited) / 1e6]
  } catch {
    return [0, 0]
  }
}

for (const [hub, url] of process.argv.slice(2).entries()) {
  setInterval(() => {
    const sentAt = performance.now()
    const before = scheduled(hub)
    const stoodStillBefore = stoodStillMs + stallNow()
    const answered = (status: number | null): void => {
      const ownMs = stoodStillMs + stallNow() - stoodStillBefore
      const after = scheduled(hub)
      const answer: Readiness = {
        hub,
        at: performance.timeOrigin + sentAt,
        tookMs: performance.now() - sentAt - ownMs,
        ownMs,
        // A process that has been replaced meanwhile has other figures.
        hubRanMs: Math.max(0, after[0] - before[0]),
        hubWaitedMs: Math.max(0, after[1] - before[1]),
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
