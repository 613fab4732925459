// Work in slices: a generator that yields where it may be interrupted. So the same code runs at once, or lets
// requests run in between.

export type Sliced<Result> = Generator<void, Result, void>

/** Runs it at once. */
export function atOnce<Result>(work: Sliced<Result>): Result {
  for (;;) {
    const { done, value } = work.next()
    if (done) return value
  }
}

/** After this long, the event loop runs. */
const sliceMs = 3

/** Runs it in slices, with turns of the event loop in between. */
export async function inSlices<Result>(work: Sliced<Result>): Promise<Result> {
  let beganAtMs = performance.now()
  for (;;) {
    const { done, value } = work.next()
    if (done) return value
    if (performance.now() - beganAtMs < sliceMs) continue
    await new Promise<void>((resolve) => setImmediate(resolve))
    beganAtMs = performance.now()
  }
}
