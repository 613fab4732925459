// A breaker: after a call that timed out, a silent subgraph is left alone for a while, so that the requests
// that come meanwhile do not wait for it.

/** How long the calls pause after the first time-out; the pause doubles while probes time out. */
const firstPauseMs = 1_000
const lastPauseMs = 30_000

/**
 * Closed while calls are answered. A time-out opens it, unless another call was answered meanwhile: then one
 * operation is slow, and not the subgraph. After the pause, one call is sent as a probe: its answer closes
 * the breaker, its time-out opens it again for twice as long.
 */
export class Breaker {
  readonly #onOpen: () => void
  readonly #clock: () => number
  /** 0 while the breaker is closed. */
  #pauseMs = 0
  #openUntilMs = 0
  #isProbing = false
  #answeredAtMs = Number.NEGATIVE_INFINITY

  /** `clock` gives milliseconds that only grow. */
  constructor(onOpen: () => void, clock: () => number = () => performance.now()) {
    this.#onOpen = onOpen
    this.#clock = clock
  }

  /** Whether a call may be sent now. */
  get admits(): boolean {
    if (this.#pauseMs === 0) return true
    return !this.#isProbing && this.#clock() >= this.#openUntilMs
  }

  /** Notes that a call is sent; the result must be called once, with its end. */
  begin(): (end: 'answered' | 'timed out' | 'other') => void {
    const sentAtMs = this.#clock()
    const isProbe = this.#pauseMs > 0
    if (isProbe) this.#isProbing = true
    return (end) => {
      if (isProbe) this.#isProbing = false
      if (end === 'answered') {
        this.#pauseMs = 0
        this.#answeredAtMs = this.#clock()
      } else if (end === 'timed out' && this.#answeredAtMs < sentAtMs) this.#open(isProbe)
    }
  }

  #open(isAgain: boolean): void {
    // Calls that were sent together time out together: the first of them opens the breaker.
    if (this.#pauseMs > 0 && !isAgain) return
    this.#pauseMs = isAgain ? Math.min(2 * this.#pauseMs, lastPauseMs) : firstPauseMs
    this.#openUntilMs = this.#clock() + this.#pauseMs
    if (!isAgain) this.#onOpen()
  }
}
