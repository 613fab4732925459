// Streams of events: their types, and the map over them. A position is where a stream resumes.

/** A value and its position in an ordered stream; the position is null where the stream cannot be resumed. */
export interface Positioned<Value, At = StreamPosition | null> {
  readonly value: Value
  readonly position: At
}

/** Every item up to this position has been delivered. */
export interface StreamPosition {
  /** Grows along a stream, and is comparable between all streams of one field. */
  readonly ordinal: number
  /** Resumes the stream after this position. */
  readonly cursor: string
}

/** A stream that can also be read with positions. A null value only moves the position. */
export interface ResumableStream<Item> extends AsyncIterable<Item> {
  positioned(): AsyncIterable<Positioned<Item | null, StreamPosition>>
}

type Result<Item> = IteratorResult<Item, undefined>

/**
 * Maps each item of `source`. Rejects with what the source or `map` throws. `left` is aborted when the stream
 * is left.
 *
 * Written by hand, because the `return()` of an async generator waits for its pending `next()`: a quiet
 * stream could never be left. Here `return()` ends pending calls of `next` at once, and does not wait for
 * the source.
 */
export function mapStream<From, To>(
  source: AsyncIterable<From>,
  map: (item: From, left: AbortSignal) => Promise<To> | To,
): AsyncIterableIterator<To, undefined> {
  const iterator = source[Symbol.asyncIterator]()
  const leaving = new AbortController()
  const pending = new Set<(result: Result<To>) => void>()
  const pull = async (): Promise<Result<To>> => {
    const item = await iterator.next()
    if (item.done || leaving.signal.aborted) return end
    return { done: false, value: await map(item.value, leaving.signal) }
  }
  return {
    next() {
      if (leaving.signal.aborted) return Promise.resolve(end)
      return new Promise((resolve, reject) => {
        pending.add(resolve)
        pull()
          .then(resolve, reject)
          .finally(() => pending.delete(resolve))
      })
    },
    return() {
      if (!leaving.signal.aborted) {
        leaving.abort()
        for (const resolve of pending) resolve(end)
        pending.clear()
        iterator.return?.().catch(() => {})
      }
      return Promise.resolve(end)
    },
    async throw(error) {
      await this.return!()
      throw error
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
}

const end: IteratorReturnResult<undefined> = { done: true, value: undefined }
