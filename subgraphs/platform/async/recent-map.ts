/**
 * A bounded map that drops its oldest entries: it holds at most `max`, and always the `max / 2` latest.
 *
 * Entries lie in two generations of half the size. When the young generation is full, the old one is dropped
 * and the young one takes its place. Deleting the first entry of a large `Map` is slow, and a list in exact
 * order of use would be changed by every read.
 */
export class RecentMap<Key, Value> {
  readonly #generationMax: number
  readonly #refreshOnRead: boolean
  #young = new Map<Key, Value>()
  #old = new Map<Key, Value>()

  /**
   * With `refreshOnRead`, an entry counts as new again whenever it is read; otherwise only when it is set.
   */
  constructor(max: number, { refreshOnRead = false }: { readonly refreshOnRead?: boolean } = {}) {
    this.#generationMax = Math.max(1, Math.floor(max / 2))
    this.#refreshOnRead = refreshOnRead
  }

  get(key: Key): Value | undefined {
    const young = this.#young.get(key)
    if (young !== undefined) return young
    const old = this.#old.get(key)
    if (old !== undefined && this.#refreshOnRead) this.set(key, old)
    return old
  }

  has(key: Key): boolean {
    return this.#young.has(key) || this.#old.has(key)
  }

  set(key: Key, value: Value): void {
    this.#old.delete(key)
    if (this.#young.size >= this.#generationMax) {
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
