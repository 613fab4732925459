// Memory that starting needed and running does not.

import { performance } from 'node:perf_hooks'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/**
 * Gives memory back in `ms`, or as much later if the hub has been busy until then: it would need it again at once, and compile
 * again what goes with it.
 */
export function releaseMemoryAfter(ms: number): void {
  const before = performance.eventLoopUtilization()
  const look = (): void => {
    if (performance.eventLoopUtilization(before).utilization < busyFrom) giveBackMemory()
    else releaseMemoryAfter(ms)
  }
  setTimeout(look, ms).unref()
}

/** Share of the time in which the main thread worked. */
const busyFrom = 0.4

/**
 * Collects garbage to the last bit and gives free memory back to the system: 340 MB become 180. V8 would keep it for as
 * long as the hub is quiet. Takes some 0.3 s in which nothing else runs.
 */
function giveBackMemory(): void {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as NodeJS.GCFunction
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' })
}
