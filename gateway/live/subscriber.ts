// One client's side of one subscription, over any transport. The broker delivers events and the ending.

import type { StreamPosition } from '../../subgraphs/platform/async/resumable-stream.ts'
import type { Batch } from './batch.ts'

/** Bytes buffered for a client above which it counts as behind. */
export const behindBytes = 16_384

/** No method may throw. */
export interface Subscriber {
  /** Sends events, or only the new position of the stream. The bytes are shared: they must not be changed. */
  next(batch: Batch): void
  /** Ends with errors: `errorResponse` is the JSON text of a response without data. */
  refuse(errorResponse: string): void
  complete(): void
  /** Disconnects a client that is too slow. `position` is the last one that it received, to resume from. */
  close(position: StreamPosition | null): void
  /** True while more than `behindBytes` are buffered for the client. */
  readonly isBehind: boolean
  /** Resolves when everything sent so far has left the hub, or the client is gone. Never rejects. */
  flushed(): Promise<void>
}
