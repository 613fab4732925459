// The alternative: the queue by hand on which the loader stood before DataLoader.

import { OutageError } from '../../subgraphs/platform/async/outage.ts'
import type { BatchOptions, Loader } from '../../subgraphs/platform/async/batching.ts'

type WriteBatch<Item, Outcome> = (
  items: readonly Item[],
  signal: AbortSignal,
) => Promise<readonly (Outcome | Error)[]>

interface Pending<Item, Outcome> {
  readonly item: Item
  readonly resolve: (outcome: Outcome) => void
  readonly reject: (error: unknown) => void
}

class BatchQueue<Item, Outcome> {
  readonly #write: WriteBatch<Item, Outcome>
  readonly #options: Required<BatchOptions>
  #pending: Pending<Item, Outcome>[] = []
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
  }

  add(item: Item): Promise<Outcome> {
    if (this.#pending.length >= this.#options.pendingMax)
      return Promise.reject(new OutageError('a queue is full'))
    return new Promise((resolve, reject) => {
      this.#pending.push({ item, resolve, reject })
      this.#schedule()
    })
  }

  #schedule(): void {
    const { flightsMax, gatherMs } = this.#options
    if (this.#isScheduled || this.#flights === flightsMax || this.#pending.length === 0) return
    this.#isScheduled = true
    const restMs = this.#isBusy ? this.#sentAtMs + gatherMs - performance.now() : 0
    if (restMs > 0) setTimeout(this.#send, restMs)
    // Runs after sockets are read and before they are read again, so the batch holds every request that has
    // arrived.
    else setImmediate(this.#send)
  }

  readonly #send = (): void => {
    const { batchMax, gatherMs } = this.#options
    this.#isScheduled = false
    const batch = this.#pending.length > batchMax ? this.#pending.splice(0, batchMax) : this.#pending
    if (batch === this.#pending) this.#pending = []
    if (gatherMs > 0) {
      this.#isBusy = batch.length > 1
      this.#sentAtMs = performance.now()
    }
    void this.#fly(batch)
    this.#schedule()
  }

  async #fly(batch: readonly Pending<Item, Outcome>[]): Promise<void> {
    this.#flights++
    const flight = new AbortController()
    const { flightMs } = this.#options
    const timer = setTimeout(
      () => flight.abort(new OutageError(`a call took longer than ${flightMs} ms`)),
      flightMs,
    )
    try {
      const items = batch.map(({ item }) => item)
      const outcomes = await Promise.race([this.#write(items, flight.signal), aborted(flight.signal)])
      if (outcomes.length !== batch.length) {
        throw new TypeError(
          `write must return one outcome per item: ${batch.length} items, ${outcomes.length} outcomes`,
        )
      }
      for (const [index, { resolve, reject }] of batch.entries()) {
        const outcome = outcomes[index]!
        if (outcome instanceof Error) reject(outcome)
        else resolve(outcome)
      }
    } catch (error) {
      for (const { reject } of batch) reject(error)
    } finally {
      clearTimeout(timer)
      this.#flights--
      this.#schedule()
    }
  }
}

const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) =>
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }),
  )

/** As `createLoader` of the hub. */
export function createLoader<Key, Value>(
  options: BatchOptions & {
    readonly load: (keys: readonly Key[], signal: AbortSignal) => Promise<readonly (Value | null)[]>
    readonly key?: (key: Key) => unknown
  },
): Loader<Key, Value> {
  const { load: read, key: identityOf = (key: Key) => key, ...batch } = options
  const shared = new Map<unknown, Promise<Value | null>>()

  const queue = new BatchQueue<Key, Value | null>((keys, signal) => {
    for (const key of keys) shared.delete(identityOf(key))
    return read(keys, signal)
  }, batch)

  const load = (key: Key): Promise<Value | null> => {
    const identity = identityOf(key)
    const pending = shared.get(identity)
    if (pending) return pending
    const loading = queue.add(key)
    shared.set(identity, loading)
    return loading
  }

  return { load, loadMany: (keys) => Promise.all(keys.map(load)) }
}
