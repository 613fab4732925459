// Reads the log from a position to its end, and waits there for more.

import type { Db } from 'mongodb'
import type { LogEntry } from './entry.ts'
import type { LogReader } from './reader.ts'
import { archiveOf, readLog } from './store.ts'

export interface LogTailOptions {
  readonly db: Db
  readonly logReader: LogReader
  /** The first entry is the one after this position. */
  readonly after: bigint
  readonly batchMax: number
  /** Ends waiting. */
  readonly signal: AbortSignal
}

export class LogTail {
  readonly #options: LogTailOptions
  readonly #unsubscribe: () => void
  #position: bigint
  /** The batch after `#position`, being read; null when there was no backlog. */
  #ahead: Promise<readonly LogEntry[]> | null = null
  #appended = Promise.withResolvers<void>()
  readonly #wake = (): void => this.#appended.resolve()

  constructor(options: LogTailOptions) {
    this.#options = options
    this.#position = options.after
    this.#unsubscribe = options.logReader.subscribe(this.#wake)
    options.signal.addEventListener('abort', this.#wake)
  }

  /** Position of the last entry that was read. */
  get position(): bigint {
    return this.#position
  }

  /**
   * Reads at most `batchMax` entries, in order and with no gap; none at the end of the log. After a full
   * batch the next one is read while the caller uses this one.
   */
  async next(): Promise<readonly LogEntry[]> {
    // Set before reading, so that an entry appended meanwhile ends the next wait.
    this.#appended = Promise.withResolvers()
    const ahead = await this.#ahead
    this.#ahead = null
    const entries = ahead?.length ? ahead : await readBatch(this.#position, this.#options)
    this.#position = entries.at(-1)?._id ?? this.#position
    if (entries.length === this.#options.batchMax) {
      this.#ahead = readBatch(this.#position, this.#options)
      // The next call receives the error.
      this.#ahead.catch(() => {})
    }
    return entries
  }

  /** Waits for `maxMs` at most; true when there are more entries. */
  async wait(maxMs: number): Promise<boolean> {
    const timer = setTimeout(this.#wake, maxMs)
    await this.#appended.promise
    clearTimeout(timer)
    return this.#options.logReader.tip() > this.#position
  }

  close(): void {
    this.#unsubscribe()
    this.#options.signal.removeEventListener('abort', this.#wake)
  }
}

async function readBatch(position: bigint, options: LogTailOptions): Promise<readonly LogEntry[]> {
  const { batchMax, signal } = options
  const entries: LogEntry[] = []
  while (entries.length < batchMax && !signal.aborted) {
    const after = entries.at(-1)?._id ?? position
    const read = await readAfter(after, batchMax - entries.length, options)
    if (read.length === 0) break
    for (const entry of read) entries.push(entry)
  }
  return entries
}

/** Reads from the log, or from the archive what retention has moved there. */
async function readAfter(
  after: bigint,
  max: number,
  { db, logReader }: LogTailOptions,
): Promise<readonly LogEntry[]> {
  const logged = await logReader.read(after, max)
  if (logged.length === 0 || logged[0]!._id === after + 1n) return logged
  const archived = await readLog(db, { after, max: Math.min(max, pageMax), batches: archiveOf(db) })
  if (archived[0]?._id === after + 1n) return archived
  throw new Error(`the entry after position ${after} is neither in the log nor in its archive`)
}

/** Entries of the archive that are read at a time. */
const pageMax = 512
