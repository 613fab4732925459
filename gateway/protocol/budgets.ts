// What each caller may still spend: a budget that refills evenly, and holds what one minute gives.

import { HttpError } from './http-error.ts'

interface Budget {
  remaining: number
  atMs: number
}

const minuteMs = 60_000

export class Budgets {
  readonly #perMinute: number
  readonly #clock: () => number
  readonly #budgets = new Map<string, Budget>()
  #sweptAtMs: number

  constructor(perMinute: number, clock: () => number = () => performance.now()) {
    this.#perMinute = perMinute
    this.#clock = clock
    this.#sweptAtMs = clock()
  }

  /** How many callers have less than a full budget, at most. */
  get size(): number {
    return this.#budgets.size
  }

  /** Takes `cost` from the budget of `caller`, and returns what is left. Throws BUDGET_EXCEEDED. */
  spend(caller: string, cost: number): number {
    const now = this.#clock()
    this.#sweep(now)
    const budget = this.#budgets.get(caller)
    const remaining = budget ? this.#refilled(budget, now) : this.#perMinute
    if (cost > remaining) {
      const waitMs = ((Math.min(cost, this.#perMinute) - remaining) / this.#perMinute) * minuteMs
      throw new HttpError('BUDGET_EXCEEDED', undefined, {
        cost,
        limit: this.#perMinute,
        remaining: Math.floor(remaining),
        retryAfterMs: Math.ceil(waitMs),
      })
    }
    const left = remaining - cost
    if (budget) Object.assign(budget, { remaining: left, atMs: now })
    else this.#budgets.set(caller, { remaining: left, atMs: now })
    return Math.floor(left)
  }

  #refilled({ remaining, atMs }: Budget, now: number): number {
    return Math.min(this.#perMinute, remaining + ((now - atMs) / minuteMs) * this.#perMinute)
  }

  /** A budget that has not been used for a minute is full again. */
  #sweep(now: number): void {
    if (now - this.#sweptAtMs < minuteMs) return
    this.#sweptAtMs = now
    for (const [caller, { atMs }] of this.#budgets) if (now - atMs >= minuteMs) this.#budgets.delete(caller)
  }
}
