// An async iterator over another one, each item mapped.

/**
 * Written by hand, because an async generator cannot be left while it waits: its `return()` waits as well.
 * This one ends at once, pending calls of `next` included; the source is told to end, and not waited for.
 */
export class MappedStream<Item, Mapped> implements AsyncIterableIterator<Mapped> {
  readonly #source: AsyncIterator<Item>
  readonly #map: (item: Item) => Mapped | Promise<Mapped>
  readonly #waiting = new Set<(result: IteratorResult<Mapped>) => void>()
  #left = false

  constructor(source: AsyncIterable<Item>, map: (item: Item) => Mapped | Promise<Mapped>) {
    this.#source = source[Symbol.asyncIterator]()
    this.#map = map
  }

  /** Rejects with what the source threw. */
  next(): Promise<IteratorResult<Mapped>> {
    if (this.#left) return Promise.resolve(end)
    const { promise, resolve, reject } = Promise.withResolvers<IteratorResult<Mapped>>()
    this.#waiting.add(resolve)
    const settled = (): boolean => this.#waiting.delete(resolve)
    this.#take().finally(settled).then(resolve, reject)
    return promise
  }

  async #take(): Promise<IteratorResult<Mapped>> {
    const item = await this.#source.next()
    return item.done || this.#left ? end : { value: await this.#map(item.value), done: false }
  }

  return(): Promise<IteratorResult<Mapped>> {
    if (!this.#left) {
      this.#left = true
      this.#waiting.forEach((resolve) => resolve(end))
      this.#waiting.clear()
      // Nobody is left to be told what goes wrong while the source ends.
      this.#source.return?.().catch(() => {})
    }
    return Promise.resolve(end)
  }

  async throw(error: unknown): Promise<IteratorResult<Mapped>> {
    await this.return()
    throw error
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }
}

const end: IteratorReturnResult<undefined> = { value: undefined, done: true }
