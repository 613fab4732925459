// Somebody at the other end of an operation, as the live room sees it, whatever carries the answers there.

import type { StreamPosition } from '../../subgraphs/platform/async/resumable-stream.ts'
import type { Batch } from './batch.ts'

/** None of these may throw. */
export interface Subscriber {
  /** Takes answers, or only how far the stream has come. The bytes are shared: they must not be changed. */
  next(batch: Batch): void
  /** Ends with errors, given as JSON text of an answer without data. */
  refuse(answer: string): void
  complete(): void
  /** Ends because the client cannot follow; `mark` is what it was given up to, to resume from. */
  letGo(position: StreamPosition | null): void
  /** True while much of what was sent before still waits to leave the hub. */
  readonly isBehind: boolean
  /** Resolves when all that was sent has left the hub, or the client is gone. */
  caughtUp(): Promise<void>
}
