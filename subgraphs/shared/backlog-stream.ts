// A stream to one subscriber. Past items are read at the subscriber’s pace; live items are pushed into a
// short backlog. On overflow the backlog is dropped, and the stream reads again from its own position. So a
// slow subscriber costs no memory and delays no other subscriber.
//
// The iterator is written by hand, for the reason that platform/async/map-stream.ts gives.

import { mapStream } from '../platform/async/map-stream.ts'
import { pacedRetry } from '../platform/async/retry.ts'
import { isOutage } from '../platform/mongo/errors.ts'
import type { StreamPosition, Positioned, ResumableStream } from '../platform/async/resumable-stream.ts'

export interface BacklogSource<Item> {
  /**
   * Reads a bounded number of items after the ones accepted so far, oldest first. Calls `backlog.goLive()`
   * once the items read reach up to the live ones. Null when no item can ever follow.
   */
  refill(backlog: Backlog<Item>): Promise<readonly Item[] | null>
  /** Starts pushing live items to `backlog`; the result stops it. */
  subscribe(backlog: Backlog<Item>): () => void
  /**
   * Called once for each item, in order, before its delivery: false for an item that was delivered earlier.
   */
  accept(item: Item): boolean
  /** True when nothing can follow `item`. */
  isLast?(item: Item): boolean
  /** Called when the pushed items from `first` on were dropped, so that `refill` reads them again. */
  onOverflow?(first: Item): void
}

/** What a source sees of its stream. */
export interface Backlog<Item> {
  /** Starts live delivery: what is pushed from now on follows what was read. */
  goLive(): void
  push(item: Item): void
}

export interface BacklogStream<Item> extends AsyncIterableIterator<Item, undefined> {
  return(): Promise<IteratorResult<Item, undefined>>
}

/** Streams the items of `source`, from its own position. At most `backlogMax` items are held. */
export const openBacklogStream = <Item>(source: BacklogSource<Item>, backlogMax = 64): BacklogStream<Item> =>
  new SourceStream(source, backlogMax)

interface PendingRead<Item> {
  readonly resolve: (result: IteratorResult<Item, undefined>) => void
  readonly reject: (error: unknown) => void
}

/** How long a stream waits for MongoDB before it ends. */
const outageMaxMs = 30_000

const done: IteratorResult<never, undefined> = { done: true, value: undefined }

class SourceStream<Item> implements BacklogStream<Item>, Backlog<Item> {
  readonly #source: BacklogSource<Item>
  readonly #backlogMax: number
  #backlog: Item[] = []
  #pending: PendingRead<Item>[] = []
  #unsubscribe: (() => void) | null = null
  #isRefilling = false
  #isEnded = false

  constructor(source: BacklogSource<Item>, backlogMax: number) {
    this.#source = source
    this.#backlogMax = backlogMax
  }

  next(): Promise<IteratorResult<Item, undefined>> {
    if (this.#isEnded) return Promise.resolve(done)
    return new Promise((resolve, reject) => {
      this.#pending.push({ resolve, reject })
      this.#deliver()
    })
  }

  return(): Promise<IteratorResult<Item, undefined>> {
    this.#end()
    return Promise.resolve(done)
  }

  throw(error: unknown): Promise<IteratorResult<Item, undefined>> {
    this.#end()
    return Promise.reject(error)
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  goLive(): void {
    if (!this.#isEnded) this.#unsubscribe ??= this.#source.subscribe(this)
  }

  push(item: Item): void {
    if (this.#isEnded || !this.#unsubscribe) return
    if (this.#backlog.length >= this.#backlogMax) {
      this.#stopLive()
      this.#source.onOverflow?.(this.#backlog[0]!)
      this.#backlog = []
      return
    }
    this.#backlog.push(item)
    this.#deliver()
  }

  /** Settles pending reads from the backlog; refills an empty backlog while the stream is not live. */
  #deliver(): void {
    while (this.#pending.length > 0 && !this.#isRefilling) {
      const item = this.#backlog.shift()
      if (item === undefined) {
        if (!this.#unsubscribe) void this.#refill()
        return
      }
      if (!this.#source.accept(item)) continue
      this.#pending.shift()!.resolve({ done: false, value: item })
      if (this.#source.isLast?.(item)) this.#end()
    }
  }

  async #refill(): Promise<void> {
    this.#isRefilling = true
    try {
      const items = await this.#read()
      if (this.#isEnded) return
      if (items === null) return this.#end()
      // Items pushed during the read follow the items read, or repeat them and are not accepted.
      this.#backlog = [...items, ...this.#backlog]
    } catch (error) {
      const rejected = this.#pending
      this.#pending = []
      this.#end()
      for (const { reject } of rejected) reject(error)
    } finally {
      this.#isRefilling = false
    }
    this.#deliver()
  }

  /** Reads again after each outage of MongoDB: the stream would otherwise end for all its clients. */
  async #read(): Promise<readonly Item[] | null> {
    const retry = pacedRetry(outageMaxMs)
    for (;;) {
      try {
        return await this.#source.refill(this)
      } catch (error) {
        if (this.#isEnded || !isOutage(error) || !(await retry())) throw error
      }
    }
  }

  #stopLive(): void {
    this.#unsubscribe?.()
    this.#unsubscribe = null
  }

  #end(): void {
    this.#isEnded = true
    this.#stopLive()
    this.#backlog = []
    for (const { resolve } of this.#pending) resolve(done)
    this.#pending = []
  }
}

/**
 * A stream of the items of `steps` that can also be read with positions. `itemOf` gives the item of a step,
 * or null for a step that only advances the position.
 */
export function withPositions<Step, Item>(
  steps: BacklogStream<Step>,
  itemOf: (step: Step) => Item | null,
  positionOf: (step: Step) => StreamPosition,
): ResumableStream<Item> {
  const items = mapStream(steps, itemOf)
  const positioned = mapStream<Step, Positioned<Item | null, StreamPosition>>(steps, (step) => ({
    value: itemOf(step),
    position: positionOf(step),
  }))
  return Object.assign(items, { positioned: () => positioned })
}
