// `node test/faults/readiness.ts URL…` calls `/readyz` of each hub four times a second, and sends each answer
// to its parent. A process of its own: that of the clients is often busy when an answer arrives.

import type { Readiness } from './history.ts'

const everyMs = 250

for (const [hub, url] of process.argv.slice(2).entries()) {
  setInterval(() => {
    const sentAt = performance.now()
    const answered = (status: number | null): void => {
      const answer: Readiness = {
        hub,
        at: performance.timeOrigin + sentAt,
        tookMs: performance.now() - sentAt,
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
