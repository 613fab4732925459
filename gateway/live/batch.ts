// A batch: the events that one upstream delivers together, each rendered once for all subscribers.

import type { Positioned, StreamPosition } from '../../subgraphs/platform/async/resumable-stream.ts'

/** The response of one event, rendered once as UTF-8 JSON for all subscribers that receive it. */
export type RenderedEvent = Positioned<Buffer>

/** Different framings of one batch that are kept while it is sent. */
const framesMax = 4

export class Batch {
  /** In the order of the stream; empty when only the position has moved. */
  readonly events: readonly RenderedEvent[]
  /** That of the last event, or a later one; null when the stream has no positions. */
  readonly position: StreamPosition | null
  /** Whether the stream had delivered everything up to its end when it reached `position`. */
  readonly hasCaughtUp: boolean
  readonly #frames = new Map<string, Buffer>()

  constructor(events: readonly RenderedEvent[], position: StreamPosition | null, hasCaughtUp = false) {
    this.events = events
    this.position = position
    this.hasCaughtUp = hasCaughtUp
  }

  /** The batch as a transport sends it. All callers with the same `key` share one buffer. */
  bytesFor(key: string, frame: (batch: Batch) => Buffer): Buffer {
    let bytes = this.#frames.get(key)
    if (!bytes) {
      bytes = frame(this)
      // Bounded, because clients may give each operation an id of its own.
      if (this.#frames.size < framesMax) this.#frames.set(key, bytes)
    }
    return bytes
  }
}
