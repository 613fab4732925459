// Batches: a call to MongoDB has costs per call rather than per document, so concurrent work of all requests
// shares calls.

import type { Span } from '@opentelemetry/api'
import DataLoader from 'dataloader'
import { tracing } from '../tracing.ts'
import { OutageError } from './outage.ts'

export interface BatchOptions {
  /** Maximum of items in one call. */
  readonly batchMax?: number
  /** Maximum of concurrent calls. While that many run, the next batch fills. */
  readonly flightsMax?: number
  /**
   * Minimum of milliseconds between two batches, for calls whose cost does not depend on their size. A batch
   * after one of a single item does not wait, so a single caller is never delayed.
   */
  readonly gatherMs?: number
  /** Maximum of items that wait for a call. One more is rejected with an OutageError. */
  readonly pendingMax?: number
  /** Milliseconds after which a call is left, and its signal aborted, with an OutageError. */
  readonly flightMs?: number
}

export interface BatchWriter<Item, Outcome> {
  /** Writes `item` in the next batch, and fulfils or rejects with the item's own outcome. */
  write(item: Item): Promise<Outcome>
}

type WriteBatch<Item, Outcome> = (
  items: readonly Item[],
  signal: AbortSignal,
) => Promise<readonly (Outcome | Error)[]>

interface Waiting<Item> {
  readonly item: Item
  /** The span of its caller; left out without traces. */
  readonly caller?: Span | undefined
}

/**
 * Collects items of concurrent callers into calls of `write`, which returns one outcome per item in their
 * order. An outcome that is an Error rejects its caller only; when `write` itself throws, all callers of the
 * batch are rejected. So are they when the call takes longer than `flightMs`; then its outcome is unknown.
 *
 * Without `gatherMs` there is no timer. Items of one turn of the event loop, from any number of requests,
 * leave at its end; while `flightsMax` calls run, items leave when one of them returns. So a quiet hub adds
 * no delay, and the busier the hub, the larger its batches. Concurrent batches may overtake each other: a
 * caller that needs an order awaits each outcome.
 */
export function createBatchWriter<Item, Outcome>({
  write,
  ...options
}: BatchOptions & { readonly write: WriteBatch<Item, Outcome> }): BatchWriter<Item, Outcome> {
  const queue = new BatchQueue(write, options)
  return { write: (item) => queue.add(item) }
}

/** The items of all queues of this process that wait for a call. */
let waiting = 0
export const batchedItems = (): number => waiting

/** A DataLoader without its cache, which schedules its batches by the calls in flight. */
class BatchQueue<Item, Outcome> {
  readonly #write: WriteBatch<Item, Outcome>
  readonly #options: Required<BatchOptions>
  readonly #loader: DataLoader<Waiting<Item>, Outcome>
  /** Each sends one batch. All but the last are full. */
  readonly #sends: (() => void)[] = []
  #waiting = 0
  #flights = 0
  #isScheduled = false
  #sentAtMs = 0
  /** True when the last batch had several items. Set only where `gatherMs` is. */
  #isBusy = false

  constructor(
    write: WriteBatch<Item, Outcome>,
    {
      batchMax = 200,
      flightsMax = 2,
      gatherMs = 0,
      pendingMax = 50 * batchMax,
      flightMs = 5_000,
    }: BatchOptions,
  ) {
    this.#write = write
    this.#options = { batchMax, flightsMax, gatherMs, pendingMax, flightMs }
    this.#loader = new DataLoader((batch) => this.#fly(batch), {
      cache: false,
      maxBatchSize: batchMax,
      batchScheduleFn: (send) => {
        this.#sends.push(send)
        this.#schedule()
      },
    })
  }

  add(item: Item): Promise<Outcome> {
    if (this.#waiting >= this.#options.pendingMax) return Promise.reject(new OutageError('a queue is full'))
    waiting++
    this.#waiting++
    return this.#loader.load(tracing ? { item, caller: tracing.current() } : { item })
  }

  #schedule(): void {
    const { flightsMax, gatherMs } = this.#options
    if (this.#isScheduled || this.#flights === flightsMax || this.#sends.length === 0) return
    this.#isScheduled = true
    const restMs = this.#isBusy ? this.#sentAtMs + gatherMs - performance.now() : 0
    if (restMs > 0) setTimeout(this.#send, restMs)
    // Runs after sockets are read and before they are read again, so the batch holds every request that has
    // arrived.
    else setImmediate(this.#send)
  }

  readonly #send = (): void => {
    this.#isScheduled = false
    this.#sends.shift()!()
    this.#schedule()
  }

  async #fly(batch: readonly Waiting<Item>[]): Promise<readonly (Outcome | Error)[]> {
    const { gatherMs, flightMs } = this.#options
    this.#flights++
    waiting -= batch.length
    this.#waiting -= batch.length
    if (gatherMs > 0) {
      this.#isBusy = batch.length > 1
      this.#sentAtMs = performance.now()
    }
    const flight = new AbortController()
    const timer = setTimeout(
      () => flight.abort(new OutageError(`a call took longer than ${flightMs} ms`)),
      flightMs,
    )
    try {
      const outcomes = await Promise.race([this.#call(batch, flight.signal), aborted(flight.signal)])
      if (outcomes.length === batch.length) return outcomes
      throw new TypeError(
        `write must return one outcome per item: ${batch.length} items, ${outcomes.length} outcomes`,
      )
    } finally {
      clearTimeout(timer)
      this.#flights--
      this.#schedule()
    }
  }

  #call(batch: readonly Waiting<Item>[], signal: AbortSignal): Promise<readonly (Outcome | Error)[]> {
    const items = batch.map(({ item }) => item)
    if (!tracing) return this.#write(items, signal)
    return tracing.shared(
      batch.map(({ caller }) => caller),
      () => this.#write(items, signal),
    )
  }
}

const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) =>
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }),
  )

export interface Loader<Key, Value> {
  /**
   * Loads the value of `key`; null when there is none. Concurrent callers share the value, so it must not be
   * changed.
   */
  load(key: Key): Promise<Value | null>
  /** Loads the values of `keys`, in their order. */
  loadMany(keys: readonly Key[]): Promise<(Value | null)[]>
}

/**
 * Collects reads of concurrent callers as `createBatchWriter` does. Calls for the same key share one read.
 *
 * `load` receives distinct keys and returns their values in order, null where there is none. Nothing is
 * cached: a call after its batch has left starts a new read. The caller checks what it may read. `key`
 * returns the identity of keys that are neither strings nor numbers.
 */
export function createLoader<Key, Value>(
  options: BatchOptions & {
    readonly load: (keys: readonly Key[], signal: AbortSignal) => Promise<readonly (Value | null)[]>
    readonly key?: (key: Key) => unknown
  },
): Loader<Key, Value> {
  const { load: read, key: identityOf = (key: Key) => key, ...batch } = options
  const shared = new Map<unknown, Promise<Value | null>>()

  const { write } = createBatchWriter<Key, Value | null>({
    ...batch,
    write: (keys, signal) => {
      for (const key of keys) shared.delete(identityOf(key))
      return read(keys, signal)
    },
  })

  const load = (key: Key): Promise<Value | null> => {
    const identity = identityOf(key)
    const pending = shared.get(identity)
    if (pending) return pending
    const loading = write(key)
    shared.set(identity, loading)
    return loading
  }

  return { load, loadMany: (keys) => Promise.all(keys.map(load)) }
}
