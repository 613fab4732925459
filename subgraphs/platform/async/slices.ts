// Long computations in slices, so that a process answers other requests in between.

/** How long all slices of one turn of the event loop take: well below what a client would notice. */
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

/**
 * Runs the steps, and lets other work of the process run after each slice. Computations that run at once, or
 * one after another, share the slice of a turn.
 */
export async function inSlices<Result>(steps: Steps<Result>): Promise<Result> {
  for (;;) {
    if (isOver()) await nextTurn()
    const { done, value } = steps.next()
    if (done) return value
  }
}

/** When the slice of this turn ends; null until a computation runs in it. */
let endMs: number | null = null
/** Computations that have used up their turn, in order of arrival. */
const waiting: (() => void)[] = []

function isOver(): boolean {
  if (endMs !== null) return performance.now() >= endMs
  endMs = performance.now() + sliceMs
  setImmediate(beginTurn)
  return false
}

const nextTurn = (): Promise<void> => new Promise((resolve) => waiting.push(resolve))

/** One computation a turn: each takes at least a step. */
function beginTurn(): void {
  endMs = null
  const resume = waiting.shift()
  if (!resume) return
  resume()
  isOver()
}
