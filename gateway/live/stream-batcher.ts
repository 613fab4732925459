// Reads one upstream in batches: the events that arrive within one turn of the event loop go out together.

import type { StreamPosition } from '../../subgraphs/platform/async/resumable-stream.ts'
import type { SubscriptionEvent } from '../supergraph/index.ts'
import { Batch, type RenderedEvent } from './batch.ts'

export interface BatchConsumer {
  /** A returned promise holds the upstream until it resolves. */
  take(batch: Batch): Promise<void> | void
  /** The upstream has ended; with an error when it failed. Never called after `close`. */
  ended(error: { readonly thrown: unknown } | null): void
}

/** Bytes of events in one batch. With `behindBytes`, it bounds what the hub buffers for one client. */
const batchBytesMax = 16_384

export class StreamBatcher {
  /** May be replaced at any time: the next batch goes to the new consumer. */
  consumer: BatchConsumer
  readonly #events: AsyncIterator<SubscriptionEvent>
  #batch: RenderedEvent[] = []
  #batchBytes = 0
  #position: StreamPosition | null = null
  #hasCaughtUp = false
  #isFlushDue = false
  #held: Promise<void> | null = null
  #isClosed = false

  /**
   * `prefetch` events are requested at once, so that the engine reads their entities from other subgraphs in
   * one call. They still come out in order.
   */
  constructor(events: AsyncIterator<SubscriptionEvent>, consumer: BatchConsumer, prefetch: number) {
    this.#events = events
    this.consumer = consumer
    void this.#run(prefetch).then(
      () => this.#finish(null),
      (thrown: unknown) => this.#finish({ thrown }),
    )
  }

  /** Closes the upstream. Its errors from then on are ignored. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#batch = []
    closeStream(this.#events)
  }

  async #run(prefetch: number): Promise<void> {
    const requested = Array.from({ length: prefetch }, () => this.#request())
    for (;;) {
      const { done, value } = await requested.shift()!
      if (this.#isClosed || done) return
      requested.push(this.#request())
      this.#add(value)
      while (this.#held) {
        await this.#held
        if (this.#isClosed) return
      }
    }
  }

  #request(): Promise<IteratorResult<SubscriptionEvent>> {
    const next = this.#events.next()
    // An error is handled when its turn comes; until then Node must not report it as unhandled.
    next.catch(() => {})
    return next
  }

  #add({ value, position }: SubscriptionEvent): void {
    if (position) this.#position = position
    if (value !== null) {
      const bytes = Buffer.from(value)
      this.#batch.push({ value: bytes, position })
      this.#batchBytes += bytes.length
    } else this.#hasCaughtUp = true
    if (this.#batchBytes >= batchBytesMax) return this.#flush()
    if (this.#isFlushDue) return
    this.#isFlushDue = true
    setImmediate(() => this.#flush())
  }

  #flush(): void {
    this.#isFlushDue = false
    if (this.#isClosed || this.#held || (this.#batch.length === 0 && !this.#position)) return
    const batch = new Batch(this.#batch, this.#position, this.#hasCaughtUp)
    this.#batch = []
    this.#batchBytes = 0
    this.#position = null
    this.#hasCaughtUp = false
    const held = this.consumer.take(batch)
    if (held) this.#held = this.#hold(held)
  }

  async #hold(held: Promise<void>): Promise<void> {
    await held
    this.#held = null
    // Events that arrived while the upstream was held.
    this.#flush()
  }

  async #finish(error: { readonly thrown: unknown } | null): Promise<void> {
    this.#flush()
    while (this.#held) await this.#held
    if (this.#isClosed) return
    // After an error in between, the source itself may still be open.
    this.close()
    this.consumer.ended(error)
  }
}

/** Closes a stream without waiting for it. Its errors are ignored. */
export function closeStream(stream: AsyncIterator<unknown>): void {
  stream.return?.().catch(() => {})
}
