// What a group tells at one time: some answers in order, and how far it has come with them. Its bytes are shared by all.

import type { Positioned, StreamPosition } from '../../subgraphs/platform/async/resumable-stream.ts'

/** A response rendered once as UTF-8 JSON, for all subscribers that receive it. */
export type RenderedEvent = Positioned<Buffer>

export class Batch {
  readonly answers: readonly RenderedEvent[]
  /** How far the stream has come, if it says: at the last answer, or further. */
  readonly position: StreamPosition | null
  /** Whether the stream has told everything there was when it came this far. */
  readonly hasCaughtUp: boolean
  readonly #made = new Map<string, Buffer>()

  constructor(answers: readonly RenderedEvent[], position: StreamPosition | null, hasCaughtUp = false) {
    this.answers = answers
    this.position = position
    this.hasCaughtUp = hasCaughtUp
  }

  /** The batch as a transport sends it. Whoever has the same `key` gets the same bytes, so they are made once. */
  bytesFor(key: string, make: (batch: Batch) => Buffer): Buffer {
    let bytes = this.#made.get(key)
    if (!bytes) {
      bytes = make(this)
      // Clients that name each operation anew would only fill it.
      if (this.#made.size < madeMax) this.#made.set(key, bytes)
    }
    return bytes
  }
}

/** So many different frames are kept of one batch while it is being sent. */
const madeMax = 4
