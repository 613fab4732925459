// Long computations in slices, so that a process answers other requests in between.

import { setImmediate } from 'node:timers/promises'

/** How long a slice takes: well below what a client would notice. */
const sliceMs = 2

/** A computation that yields between steps of some microseconds, and returns its result. */
export type Steps<Result> = Generator<undefined, Result, undefined>

/** Runs all steps at once. */
export function atOnce<Result>(steps: Steps<Result>): Result {
  for (;;) {
    const { done, value } = steps.next()
    if (done) return value
  }
}

/** Runs the steps, and lets other work of the process run after each slice. */
export async function inSlices<Result>(steps: Steps<Result>): Promise<Result> {
  let endMs = performance.now() + sliceMs
  for (;;) {
    const { done, value } = steps.next()
    if (done) return value
    if (performance.now() < endMs) continue
    await setImmediate()
    endMs = performance.now() + sliceMs
  }
}
