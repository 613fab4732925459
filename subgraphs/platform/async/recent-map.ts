// What was used lately, so that it need not be read again: a map that forgets its oldest entries. It forgets them by the
// generation, because taking the first entry out of a large Map is slow.

export class RecentMap<Key, Value> {
  readonly #max: number
  #young = new Map<Key, Value>()
  #old = new Map<Key, Value>()

  /** Keeps the last `max` entries that were set, and at most as many again. */
  constructor(max: number) {
    this.#max = max
  }

  get(key: Key): Value | undefined {
    return this.#young.get(key) ?? this.#old.get(key)
  }

  has(key: Key): boolean {
    return this.#young.has(key) || this.#old.has(key)
  }

  set(key: Key, value: Value): void {
    if (this.#young.size >= this.#max) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(key, value)
  }

  delete(key: Key): void {
    this.#young.delete(key)
    this.#old.delete(key)
  }
}
