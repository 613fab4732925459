// Long computations in slices, so that a process answers other requests in between.

import { LoopTimeError, type LoopTime } from './loop-time.ts'

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
 * one after another, share the slice of a turn. The slices count as `loopTime` of an operation; rejects with
 * LoopTimeError when it is spent.
 */
export async function inSlices<Result>(steps: Steps<Result>, loopTime?: LoopTime): Promise<Result> {
  for (;;) {
    if (isOver()) await nextTurn()
    const { done, value } = loopTime ? loopTime.run(() => slice(steps)) : slice(steps)
    if (done) return value
    if (loopTime?.isSpent) throw new LoopTimeError()
  }
}

/** Runs steps, at least one, until the slice of this turn ends. */
function slice<Result>(steps: Steps<Result>): IteratorResult<undefined, Result> {
  for (;;) {
    const result = steps.next()
    if (result.done || isOver()) return result
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
