// Returns start-up memory to the operating system.

import { performance } from 'node:perf_hooks'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Share of the time that the main thread may have worked for the hub to count as quiet. */
const quietBelow = 0.15
/** A timer that is later than this: the process, or its machine, stood still or is overloaded. */
const lateMs = 500

/**
 * Releases memory in `ms`. If the hub has not been quiet until then, tries again after as long: a hub with
 * requests collects its garbage by itself, in parts, and they would wait for all of it at once.
 */
export function releaseMemoryAfter(ms: number): void {
  const before = performance.eventLoopUtilization()
  const startedAt = performance.now()
  const releaseIfQuiet = (): void => {
    const isLate = performance.now() - startedAt > ms + lateMs
    // Time for which a process is stopped counts as idle.
    if (!isLate && performance.eventLoopUtilization(before).utilization < quietBelow) releaseMemory()
    else releaseMemoryAfter(ms)
  }
  setTimeout(releaseIfQuiet, ms).unref()
}

/**
 * Collects all garbage and returns free memory to the system: 340 MB become 180. V8 would keep the memory for
 * as long as the hub is quiet. Blocks the main thread for some 0.3 s.
 */
function releaseMemory(): void {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as NodeJS.GCFunction
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' })
}
