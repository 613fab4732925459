/** An iterator that can be left at any time. */
export interface MappedStream<Item> extends AsyncIterableIterator<Item, undefined> {
  return(): Promise<IteratorResult<Item, undefined>>
}

/**
 * Maps each item of `source`, and leaves out the items for which `map` returns null. Rejects with what the
 * source or `map` throws. `left` is aborted when the stream is left.
 *
 * The iterator is written by hand, because the `return()` of an async generator waits for its pending
 * `next()`: a quiet stream could never be left. Here `return()` ends pending calls of `next` at once. It
 * calls the source's `return()`, does not wait for it and ignores its errors.
 */
export function mapStream<From, To>(source: AsyncIterable<From>, map: MapItem<From, To>): MappedStream<To> {
  return new Mapped(source[Symbol.asyncIterator](), map)
}

type MapItem<From, To> = (item: From, left: AbortSignal) => Promise<To | null> | To | null

type Result<Item> = IteratorResult<Item, undefined>

class Mapped<From, To> implements MappedStream<To> {
  readonly #source: AsyncIterator<From>
  readonly #map: MapItem<From, To>
  readonly #pending = new Set<(result: Result<To>) => void>()
  readonly #leaving = new AbortController()

  constructor(source: AsyncIterator<From>, map: MapItem<From, To>) {
    this.#source = source
    this.#map = map
  }

  next(): Promise<Result<To>> {
    if (this.#leaving.signal.aborted) return Promise.resolve(end)
    return new Promise((resolve, reject) => {
      this.#pending.add(resolve)
      void this.#deliver(resolve, reject)
    })
  }

  async #deliver(resolve: (result: Result<To>) => void, reject: (error: unknown) => void): Promise<void> {
    try {
      resolve(await this.#pull())
    } catch (error) {
      reject(error)
    } finally {
      this.#pending.delete(resolve)
    }
  }

  async #pull(): Promise<Result<To>> {
    const left = this.#leaving.signal
    for (;;) {
      const item = await this.#source.next()
      if (item.done || left.aborted) return end
      const value = await this.#map(item.value, left)
      if (value !== null) return { done: false, value }
    }
  }

  return(): Promise<Result<To>> {
    if (!this.#leaving.signal.aborted) {
      this.#leaving.abort()
      for (const resolve of this.#pending) resolve(end)
      this.#pending.clear()
      this.#source.return?.().catch(() => {})
    }
    return Promise.resolve(end)
  }

  async throw(error: unknown): Promise<Result<To>> {
    await this.return()
    throw error
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}

const end: IteratorReturnResult<undefined> = { done: true, value: undefined }
