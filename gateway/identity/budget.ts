// A token bucket: what a caller may still spend. It refills evenly, and holds what some time gives. Pure.

const minuteMs = 60_000

export class Budget {
  readonly #perMinute: number
  readonly #max: number
  #remaining: number
  #atMs: number

  /** Is full, and holds what `holdsMs` give. */
  constructor(perMinute: number, nowMs: number, holdsMs: number = minuteMs) {
    this.#perMinute = perMinute
    this.#max = (perMinute / minuteMs) * holdsMs
    this.#remaining = this.#max
    this.#atMs = nowMs
  }

  /** What is left; negative when more was taken than there was. */
  remainingAt(nowMs: number): number {
    const refill = ((nowMs - this.#atMs) / minuteMs) * this.#perMinute
    return Math.min(this.#max, this.#remaining + refill)
  }

  /** Takes `cost`; false when there is too little left, and then nothing is taken. */
  spend(cost: number, nowMs: number): boolean {
    const remaining = this.remainingAt(nowMs)
    if (cost > remaining) return false
    this.set(remaining - cost, nowMs)
    return true
  }

  set(remaining: number, nowMs: number): void {
    this.#remaining = Math.min(this.#max, remaining)
    this.#atMs = nowMs
  }

  /** Milliseconds until `cost` can be spent; until the budget is full, for a cost that it never holds. */
  waitMs(cost: number, nowMs: number): number {
    const missing = Math.min(cost, this.#max) - this.remainingAt(nowMs)
    return Math.max(0, Math.ceil((missing / this.#perMinute) * minuteMs))
  }
}
