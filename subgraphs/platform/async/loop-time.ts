// How long one operation holds the event loop of this process: the sum of its own synchronous work, without
// what it waits for. Measured around that work, because asynchronous hooks would slow down every promise.

/** What an operation throws that has held the event loop for as long as it may. */
export class LoopTimeError extends Error {
  override readonly name = 'LoopTimeError'
  readonly extensions = { code: 'OPERATION_TOO_LONG' }

  constructor() {
    super('The computation was ended: it takes more of the hub’s time than one operation may.')
  }
}

export class LoopTime {
  readonly #maxMs: number
  readonly #take: ((ms: number) => void) | null
  #weight: number
  #spentMs = 0
  /** Of the piece of work that runs. */
  #beganAtMs = 0
  #isRunning = false

  /**
   * `take` receives the milliseconds of each piece of work when it ends, `refusedWeight` times as many unless
   * the operation has been admitted.
   */
  constructor(maxMs: number, take: ((ms: number) => void) | null = null, refusedWeight = 1) {
    this.#maxMs = maxMs
    this.#take = take
    this.#weight = refusedWeight
  }

  /** The operation may run: its work counts once from now on, with the piece that has begun. */
  admit(): void {
    this.#weight = 1
  }

  /** Milliseconds up to now. */
  get spentMs(): number {
    return this.#isRunning ? this.#spentMs + performance.now() - this.#beganAtMs : this.#spentMs
  }

  /** True once the operation has held the event loop for longer than it may. */
  get isSpent(): boolean {
    return this.spentMs > this.#maxMs
  }

  /** Runs synchronous work and counts its time; a part of other work is counted once. */
  run<Result>(work: () => Result): Result {
    if (this.#isRunning) return work()
    this.#isRunning = true
    this.#beganAtMs = performance.now()
    try {
      return work()
    } finally {
      const ms = performance.now() - this.#beganAtMs
      this.#isRunning = false
      this.#spentMs += ms
      this.#take?.(ms * this.#weight)
    }
  }
}
