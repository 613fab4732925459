// Virtual time: one queue of what happens when, for all simulated processes.
//
// The code under test runs unchanged. It takes its timers and clocks from Node, so those are replaced while a
// simulation runs: for code in the context of a simulated process they use the queue, for all other code they
// are the real ones. Between two steps, everything that the last one has set going runs to its end, so a run
// depends on nothing but its seed.

import { AsyncLocalStorage } from 'node:async_hooks'
import { syncBuiltinESMExports } from 'node:module'

/** A process that can stand still, or be gone. Its steps then wait, or never happen. */
export class SimulatedProcess {
  readonly name: string
  /** Difference of its monotonic clock: no two processes share one. */
  readonly clockMs: number
  isDead = false
  isPaused = false
  /** What is due while it stands still. */
  readonly due: Step[] = []

  constructor(name: string, clockMs: number) {
    this.name = name
    this.clockMs = clockMs
  }
}

interface Step {
  readonly atMs: number
  readonly order: number
  readonly process: SimulatedProcess | null
  readonly run: () => void
  isCancelled: boolean
}

export class VirtualTime {
  readonly #steps: Step[] = []
  #order = 0
  #nowMs = 0
  /** Of all steps so far: two runs with the same digest were the same. */
  #digest = 0

  get nowMs(): number {
    return this.#nowMs
  }

  get digest(): number {
    return this.#digest
  }

  get stepCount(): number {
    return this.#order
  }

  /** Runs `run` in `delayMs`, in the context of `process`; the result cancels it. */
  schedule(delayMs: number, process: SimulatedProcess | null, run: () => void): () => void {
    const atMs = this.#nowMs + Math.max(0, delayMs)
    const step: Step = { atMs, order: ++this.#order, process, run, isCancelled: false }
    this.#push(step)
    return () => {
      step.isCancelled = true
    }
  }

  /** Runs `process` again, which first does what has become due. */
  resume(process: SimulatedProcess): void {
    process.isPaused = false
    for (const { isCancelled, run } of process.due.splice(0)) {
      if (!isCancelled) this.schedule(0, process, run)
    }
  }

  /** Runs every step up to `endMs`. */
  async runTo(endMs: number): Promise<void> {
    for (;;) {
      const step = this.#steps[0]
      if (!step || step.atMs > endMs) break
      this.#pop()
      const { process } = step
      if (step.isCancelled || process?.isDead) continue
      this.#nowMs = step.atMs
      if (process?.isPaused) {
        process.due.push(step)
        continue
      }
      this.#digest = (Math.imul(this.#digest, 31) + step.order + Math.round(step.atMs * 1000)) | 0
      context.run({ time: this, process }, step.run)
      await settle()
    }
    this.#nowMs = endMs
  }

  #push(step: Step): void {
    const steps = this.#steps
    let n = steps.length
    while (n > 0) {
      const parent = (n - 1) >> 1
      if (isBefore(steps[parent]!, step)) break
      steps[n] = steps[parent]!
      n = parent
    }
    steps[n] = step
  }

  #pop(): void {
    const steps = this.#steps
    const last = steps.pop()!
    if (steps.length === 0) return
    let n = 0
    for (;;) {
      let child = 2 * n + 1
      if (child >= steps.length) break
      if (child + 1 < steps.length && isBefore(steps[child + 1]!, steps[child]!)) child++
      if (isBefore(last, steps[child]!)) break
      steps[n] = steps[child]!
      n = child
    }
    steps[n] = last
  }
}

const isBefore = (a: Step, b: Step): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)

/** Every microtask is done before Node takes its next immediate. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

interface Context {
  readonly time: VirtualTime
  readonly process: SimulatedProcess | null
}

const context = new AsyncLocalStorage<Context>()

const timersPromises = process.getBuiltinModule('node:timers/promises')
const real = {
  sleep: timersPromises.setTimeout,
  globals: { setTimeout, clearTimeout, setInterval, clearInterval, Date },
  now: performance.now,
}

/** Replaces Node's timers and clocks while `run` runs. */
export async function withVirtualTime<Result>(run: () => Promise<Result>): Promise<Result> {
  timersPromises.setTimeout = sleep as typeof timersPromises.setTimeout
  syncBuiltinESMExports()
  Object.assign(globalThis, {
    Date: virtualDate,
    setTimeout: once,
    clearTimeout: clear,
    setInterval: repeat,
    clearInterval: clear,
  })
  performance.now = now
  // Half of the time would go into the stacks of errors that are expected.
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  try {
    return await run()
  } finally {
    timersPromises.setTimeout = real.sleep
    syncBuiltinESMExports()
    Object.assign(globalThis, real.globals)
    performance.now = real.now
    Error.stackTraceLimit = stackTraceLimit
  }
}

/** The time at which a simulation begins. */
export const epochMs = Date.parse('2026-03-01T04:00:00Z')

/** All hubs have one wall clock: the order of a backfill is by theirs. */
const virtualDate = new Proxy(Date, {
  construct(target, args: []) {
    const running = args.length === 0 && context.getStore()
    return running ? new target(epochMs + running.time.nowMs) : new target(...args)
  },
})

class SimulatedTimer {
  readonly cancel: () => void

  constructor(cancel: () => void) {
    this.cancel = cancel
  }

  ref = (): this => this
  unref = (): this => this
}

function now(): number {
  const running = context.getStore()
  return running ? running.time.nowMs + (running.process?.clockMs ?? 0) : real.now.call(performance)
}

function once(run: (...args: unknown[]) => void, ms = 0, ...args: unknown[]): unknown {
  const running = context.getStore()
  if (!running) return real.globals.setTimeout(run, ms, ...args)
  return new SimulatedTimer(running.time.schedule(Math.max(1, ms), running.process, () => run(...args)))
}

function repeat(run: (...args: unknown[]) => void, ms = 0, ...args: unknown[]): unknown {
  const running = context.getStore()
  if (!running) return real.globals.setInterval(run, ms, ...args)
  let cancel = (): void => {}
  const next = (): void => {
    cancel = running.time.schedule(Math.max(1, ms), running.process, () => {
      next()
      run(...args)
    })
  }
  next()
  return new SimulatedTimer(() => cancel())
}

function clear(timer: unknown): void {
  if (timer instanceof SimulatedTimer) timer.cancel()
  else real.globals.clearTimeout(timer as NodeJS.Timeout)
}

function sleep(ms = 1, value?: unknown, options: { readonly signal?: AbortSignal } = {}): Promise<unknown> {
  const running = context.getStore()
  if (!running) return real.sleep(ms, value, options)
  const { signal } = options
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason as Error)
    const onAbort = (): void => {
      cancel()
      reject(signal!.reason as Error)
    }
    const cancel = running.time.schedule(Math.max(1, ms), running.process, () => {
      signal?.removeEventListener('abort', onAbort)
      resolve(value)
    })
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}
