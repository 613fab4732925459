// Takes what an upstream tells and passes it on in batches: what comes within one turn goes out together.

import type { StreamPosition } from '../../subgraphs/platform/async/resumable-stream.ts'
import type { SubscriptionEvent } from '../supergraph/index.ts'
import { Batch, type RenderedEvent } from './batch.ts'

/** Who gets what an upstream tells. */
export interface BatchConsumer {
  /** A promise holds the upstream up until it resolves. */
  take(batch: Batch): Promise<void> | void
  /** The upstream has ended; with an error when it failed. Never after `stop`. */
  ended(error: { readonly thrown: unknown } | null): void
}

/** Bytes of answers that go out together. With what may wait in a socket already, it stays far below what a client may cost. */
const batchBytesMax = 16_384

export class StreamBatcher {
  /** May be changed at any time: the next batch goes to the new one. */
  reader: BatchConsumer
  readonly #events: AsyncIterator<SubscriptionEvent>
  #answers: RenderedEvent[] = []
  #mark: StreamPosition | null = null
  #bytes = 0
  #hasCaughtUp = false
  #isDue = false
  #held: Promise<void> | null = null
  #isStopped = false

  /**
   * `ahead` events are asked for at once, so that what they need from other subgraphs is fetched together; they come out in
   * order all the same.
   */
  constructor(events: AsyncIterator<SubscriptionEvent>, reader: BatchConsumer, ahead: number) {
    this.#events = events
    this.reader = reader
    void this.#run(ahead).then(
      () => this.#finish(null),
      (thrown: unknown) => this.#finish({ thrown }),
    )
  }

  /** Leaves the upstream. One that fails while it is being left has nobody to tell. */
  stop(): void {
    if (this.#isStopped) return
    this.#isStopped = true
    this.#answers = []
    this.#events.return?.().catch(() => {})
  }

  async #run(ahead: number): Promise<void> {
    const asked = Array.from({ length: ahead }, () => this.#next())
    for (;;) {
      const { done, value } = await asked.shift()!
      if (this.#isStopped || done) return
      asked.push(this.#next())
      this.#put(value)
      while (this.#held) {
        await this.#held
        if (this.#isStopped) return
      }
    }
  }

  #next(): Promise<IteratorResult<SubscriptionEvent>> {
    const next = this.#events.next()
    // Told when its turn comes; until then it is not an error that nobody has seen.
    next.catch(() => {})
    return next
  }

  #put({ value, position }: SubscriptionEvent): void {
    if (position) this.#mark = position
    if (value !== null) {
      const bytes = Buffer.from(value)
      this.#answers.push({ value: bytes, position })
      this.#bytes += bytes.length
    } else this.#hasCaughtUp = true
    if (this.#bytes >= batchBytesMax) return this.#flush()
    if (this.#isDue) return
    this.#isDue = true
    setImmediate(() => this.#flush())
  }

  #flush(): void {
    this.#isDue = false
    if (this.#isStopped || this.#held || (this.#answers.length === 0 && !this.#mark)) return
    const batch = new Batch(this.#answers, this.#mark, this.#hasCaughtUp)
    this.#answers = []
    this.#mark = null
    this.#bytes = 0
    this.#hasCaughtUp = false
    const held = this.reader.take(batch)
    if (held) this.#held = this.#hold(held)
  }

  async #hold(held: Promise<void>): Promise<void> {
    await held
    this.#held = null
    // What came meanwhile.
    this.#flush()
  }

  async #finish(error: { readonly thrown: unknown } | null): Promise<void> {
    this.#flush()
    while (this.#held) await this.#held
    if (this.#isStopped) return
    // What fails on the way here has not ended at its source.
    this.stop()
    this.reader.ended(error)
  }
}
