// A cache that is bounded by the number and the size of its entries, and drops those not used for longest.

export interface CacheBounds {
  readonly entriesMax: number
  /** The most of the sizes that `set` receives, together. */
  readonly sizeMax: number
}

interface Entry<Value> {
  readonly value: Value
  readonly size: number
}

/**
 * Entries lie in two generations, each with half of the bounds. When the young one is full, the old one is
 * dropped and the young one takes its place; an entry that is read moves to the young one. An exact order of
 * use would be changed by every read.
 */
export class RecentCache<Value> {
  readonly #bounds: CacheBounds
  #young = new Map<string, Entry<Value>>()
  #old = new Map<string, Entry<Value>>()
  #youngSize = 0
  #oldSize = 0

  constructor(bounds: CacheBounds) {
    this.#bounds = bounds
  }

  /** The sizes of all entries together: at most `sizeMax`. */
  get size(): number {
    return this.#youngSize + this.#oldSize
  }

  get(key: string): Value | undefined {
    const young = this.#young.get(key)
    if (young) return young.value
    const old = this.#old.get(key)
    if (old) this.#put(key, old)
    return old?.value
  }

  /** An entry that is larger than half of `sizeMax` is not kept. */
  set(key: string, value: Value, size: number): void {
    this.#put(key, { value, size })
  }

  #put(key: string, entry: Entry<Value>): void {
    this.#remove(key)
    const { entriesMax, sizeMax } = this.#bounds
    if (entry.size > sizeMax / 2) return
    if (this.#young.size + 1 > Math.max(1, entriesMax / 2) || this.#youngSize + entry.size > sizeMax / 2) {
      this.#old = this.#young
      this.#oldSize = this.#youngSize
      this.#young = new Map()
      this.#youngSize = 0
    }
    this.#young.set(key, entry)
    this.#youngSize += entry.size
  }

  #remove(key: string): void {
    this.#youngSize -= this.#young.get(key)?.size ?? 0
    this.#oldSize -= this.#old.get(key)?.size ?? 0
    this.#young.delete(key)
    this.#old.delete(key)
  }
}
