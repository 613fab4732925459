// A token bucket: what a caller may still spend. It refills evenly, and holds what one minute gives. Pure.

const minuteMs = 60_000

export class Budget {
  readonly #perMinute: number
  #remaining: number
  #atMs: number

  constructor(perMinute: number, nowMs: number) {
    this.#perMinute = perMinute
    this.#remaining = perMinute
    this.#atMs = nowMs
  }

  /** What is left; negative when several hubs have spent more than there was. */
  remainingAt(nowMs: number): number {
    const refill = ((nowMs - this.#atMs) / minuteMs) * this.#perMinute
    return Math.min(this.#perMinute, this.#remaining + refill)
  }

  /** Takes `cost`; false when there is too little left, and then nothing is taken. */
  spend(cost: number, nowMs: number): boolean {
    const remaining = this.remainingAt(nowMs)
    if (cost > remaining) return false
    this.set(remaining - cost, nowMs)
    return true
  }

  set(remaining: number, nowMs: number): void {
    this.#remaining = Math.min(this.#perMinute, remaining)
    this.#atMs = nowMs
  }

  /** Milliseconds until `cost` can be spent; until the budget is full, for a cost that it never holds. */
  waitMs(cost: number, nowMs: number): number {
    const missing = Math.min(cost, this.#perMinute) - this.remainingAt(nowMs)
    return Math.max(0, Math.ceil((missing / this.#perMinute) * minuteMs))
  }
}
