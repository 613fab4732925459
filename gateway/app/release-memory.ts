// Returns start-up memory to the operating system.

import { performance } from 'node:perf_hooks'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Share of the time that the main thread must have worked for the hub to count as busy. */
const busyFrom = 0.4

/**
 * Releases memory in `ms`. If the hub has been busy until then, tries again after as long: a busy hub would
 * need the memory at once, and would have to compile again the code that is released with it.
 */
export function releaseMemoryAfter(ms: number): void {
  const before = performance.eventLoopUtilization()
  const releaseIfQuiet = (): void => {
    if (performance.eventLoopUtilization(before).utilization < busyFrom) releaseMemory()
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
