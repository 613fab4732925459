// A stream to one subscriber: what is behind is read at the subscriber's pace, what is live is pushed into a short backlog.
// When the backlog overflows it is dropped, and the stream goes back to reading from its own place: so a slow subscriber
// costs no memory and delays nobody. Iterators are written by hand: an async generator's `return` waits for its pending `next`,
// so leaving a quiet stream would leak it.

import type { StreamPosition, Positioned, ResumableStream } from '../../platform/async/resumable-stream.ts'

export interface BacklogSource<Item> {
  /**
   * Reads items that come after those that were taken, oldest first, a bounded number. It attaches `seat` when what it
   * reads reaches up to what is pushed from then on. Null: nothing can ever come.
   */
  refill(seat: BacklogSeat<Item>): Promise<readonly Item[] | null>
  /** Begins pushing live items to `seat`; the result ends it. */
  attach(seat: BacklogSeat<Item>): () => void
  /** Asked once for each item, in order, before it is delivered: false for those that were delivered before. */
  take(item: Item): boolean
  /** True when nothing can follow `item`. */
  isLast?(item: Item): boolean
  /** Items from `first` on were pushed and dropped: `refill` reads them again. */
  fellBehind?(first: Item): void
}

/** What a source sees of its stream. */
export interface BacklogSeat<Item> {
  attach(): void
  push(item: Item): void
}

export interface BacklogStream<Item> extends AsyncIterableIterator<Item, undefined> {
  return(): Promise<IteratorResult<Item, undefined>>
}

interface Waiting<Item> {
  readonly resolve: (result: IteratorResult<Item, undefined>) => void
  readonly reject: (error: unknown) => void
}

const done: IteratorResult<never, undefined> = { done: true, value: undefined }

/** A stream of what `source` gives, from where the source stands. */
export function openBacklogStream<Item>(source: BacklogSource<Item>, backlogMax = 64): BacklogStream<Item> {
  let backlog: Item[] = []
  let waiting: Waiting<Item>[] = []
  let detach: (() => void) | null = null
  let isRefilling = false
  let isEnded = false

  const end = () => {
    isEnded = true
    detach?.()
    detach = null
    backlog = []
    for (const { resolve } of waiting) resolve(done)
    waiting = []
  }

  /** Hands out what there is to those who wait; reads on when there is nothing and nothing is pushed. */
  const serve = () => {
    while (waiting.length > 0 && !isRefilling) {
      const item = backlog.shift()
      if (item === undefined) {
        if (!detach) void refill()
        return
      }
      if (!source.take(item)) continue
      waiting.shift()!.resolve({ done: false, value: item })
      if (source.isLast?.(item)) end()
    }
  }

  const refill = async () => {
    isRefilling = true
    try {
      const items = await source.refill(seat)
      if (isEnded) return
      if (items === null) return end()
      // What was pushed while reading comes after what was read, or is the same and not taken again.
      backlog = [...items, ...backlog]
    } catch (error) {
      const refused = waiting
      waiting = []
      end()
      for (const { reject } of refused) reject(error)
    } finally {
      isRefilling = false
    }
    serve()
  }

  const seat: BacklogSeat<Item> = {
    attach() {
      if (!isEnded) detach ??= source.attach(seat)
    },
    push(item) {
      if (isEnded || !detach) return
      if (backlog.length >= backlogMax) {
        detach()
        detach = null
        source.fellBehind?.(backlog[0]!)
        backlog = []
        return
      }
      backlog.push(item)
      serve()
    },
  }

  return {
    next: () =>
      isEnded
        ? Promise.resolve(done)
        : new Promise((resolve, reject) => {
            waiting.push({ resolve, reject })
            serve()
          }),
    return() {
      end()
      return Promise.resolve(done)
    },
    throw(error: unknown) {
      end()
      return Promise.reject(error)
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
}

/** A stream of `steps` that can be read with marks: `read` gives a step's item, or null for one that only says how far it is. */
export function withPositions<Step, Item>(
  steps: BacklogStream<Step>,
  read: (step: Step) => Item | null,
  positionOf: (step: Step) => StreamPosition,
): ResumableStream<Item> {
  const items = mapStream(steps, (step) => read(step))
  const positioned = mapStream<Step, Positioned<Item | null, StreamPosition>>(steps, (step) => ({
    value: read(step),
    position: positionOf(step),
  }))
  return Object.assign(items, { positioned: () => positioned })
}

/** The same stream with each item turned into another, or left out where `map` gives null. */
export function mapStream<From, To>(
  stream: BacklogStream<From>,
  map: (item: From) => Promise<To | null> | To | null,
): BacklogStream<To> {
  return {
    async next() {
      for (;;) {
        const result = await stream.next()
        if (result.done) return result
        const item = await map(result.value)
        if (item !== null) return { done: false, value: item }
      }
    },
    return: () => stream.return() as Promise<IteratorResult<To, undefined>>,
    throw: (error: unknown) => stream.throw!(error) as Promise<IteratorResult<To, undefined>>,
    [Symbol.asyncIterator]() {
      return this
    },
  }
}
