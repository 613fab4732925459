// A bounded map that forgets what was not used for long.

/**
 * Two generations of half the size: what is read moves to the young one, and when that is full the old one is
 * dropped. So a hit among the young changes nothing, where a list in exact order of use would be changed by
 * every read.
 */
export class LruMap<Value> {
  readonly #half: number
  #young = new Map<string, Value>()
  #old = new Map<string, Value>()

  constructor(max: number) {
    this.#half = Math.max(1, max >> 1)
  }

  /** How many are kept; never more than `max`. */
  get size(): number {
    return this.#young.size + this.#old.size
  }

  get(key: string): Value | undefined {
    const value = this.#young.get(key)
    if (value !== undefined) return value
    const old = this.#old.get(key)
    if (old !== undefined) this.set(key, old)
    return old
  }

  set(key: string, value: Value): void {
    this.#old.delete(key)
    if (this.#young.size >= this.#half) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(key, value)
  }
}
