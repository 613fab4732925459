import { OutageError } from './outage.ts'

/**
 * The time by which a request is answered. Work for it that is late, or that its client no longer wants, is
 * left: `signal` is aborted with an OutageError, and `race` settles.
 */
export class Deadline {
  readonly #untilMs: number
  /** Null until `race` is called: most requests call no other process. */
  #leaving: Set<() => void> | null = null
  #timer: NodeJS.Timeout | undefined
  #controller: AbortController | null = null
  #isPast = false

  /** Passes in `ms` milliseconds, unless `end` is called before. */
  constructor(ms: number) {
    this.#untilMs = performance.now() + ms
  }

  get isPast(): boolean {
    return this.#isPast
  }

  /** Milliseconds until it passes by itself; negative afterwards. */
  get leftMs(): number {
    return this.#untilMs - performance.now()
  }

  /** For calls that can be aborted. */
  get signal(): AbortSignal {
    this.#start()
    this.#controller ??= new AbortController()
    if (this.#isPast) this.#controller.abort(late)
    return this.#controller.signal
  }

  /** The value of `promise`, or `instead()` as soon as the deadline has passed. */
  race<Value>(promise: Promise<Value>, instead: () => Value): Promise<Value> {
    this.#start()
    const leaving = (this.#leaving ??= new Set())
    return new Promise((resolve, reject) => {
      const leave = (): void => resolve(instead())
      if (this.#isPast) leave()
      else leaving.add(leave)
      promise.then(resolve, reject).finally(() => leaving.delete(leave))
    })
  }

  /** A timer costs as much as parsing a request, so one that waits for nothing has none. */
  #start(): void {
    // A blocked process first takes the answers that have arrived meanwhile: they come between a timer and
    // an immediate.
    this.#timer ??= setTimeout(() => setImmediate(() => this.leave()), Math.max(0, this.leftMs))
  }

  /** Passes now: the request has no client any more. */
  leave(): void {
    if (this.#isPast) return
    this.#isPast = true
    clearTimeout(this.#timer)
    this.#controller?.abort(late)
    for (const leave of this.#leaving ?? []) leave()
    this.#leaving?.clear()
  }

  /** The request has been answered: the deadline never passes. */
  end(): void {
    clearTimeout(this.#timer)
  }
}

const late = new OutageError('the request was not answered in time, or its client has gone')
