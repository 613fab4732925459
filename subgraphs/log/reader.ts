// Follows the transaction log in this process. One process appends to the log (the sequencer); every other
// one reads it here.
//
// Entries that are appended together are one document, because MongoDB and its change streams have costs per
// document, not per entry.

import type { ClientSession, Db, Filter } from 'mongodb'
import { pause } from '../platform/async/promise.ts'
import type { Logger } from '../platform/logger.ts'
import { openChangeStream, type ChangeStream } from '../platform/mongo/change-stream.ts'
import { readForClient } from '../platform/mongo/client-reads.ts'
import { isOutage } from '../platform/mongo/errors.ts'
import type { LogBatch, LogEntry } from './entry.ts'
import { LogPages } from './pages.ts'
import { readLog, readTip, type LogRange } from './store.ts'

type OnEntries = (entries: readonly LogEntry[]) => void

/** Shared by everything in this process that reads the log. */
export interface LogReader {
  /** Position of the latest entry that has reached this process; 0 when there is none. */
  tip(): bigint
  /**
   * Reads at most `max` entries after position `after`, oldest first: from memory when they are recent, else
   * from MongoDB, and then possibly fewer than there are. Empty when no later entry has reached this process.
   * When the first one is not at `after + 1`, those between are in the archive. A read for a client waits for
   * its turn, as `find` does.
   */
  read(after: bigint, max: number, options?: { readonly forClient: boolean }): Promise<readonly LogEntry[]>
  /**
   * Reads entries that match `filter`, after `after` and up to and including `upTo`, from MongoDB, for a
   * client: see `readForClient`.
   */
  find(
    filter: Filter<LogEntry>,
    range: Required<Pick<LogRange, 'after' | 'upTo' | 'max'>> & Pick<LogRange, 'signal'>,
  ): Promise<readonly LogEntry[]>
  /**
   * Calls `onEntries` with each later batch, in order and with no gap. It must not throw. Call the result to
   * stop.
   */
  subscribe(onEntries: OnEntries): () => void
  /**
   * Opens a feed for a writer of the log in this process. From its first batch that follows what this process
   * has read, it replaces the change stream.
   */
  openFeed(): LogFeed
  close(): Promise<void>
}

export interface LogFeed {
  /** Takes entries that have been appended to the log, in order. */
  offer(entries: readonly LogEntry[]): void
  close(): void
}

export interface LogReaderOptions {
  readonly db: Db
  readonly logger: Pick<Logger, 'error'>
  /** Minimum of entries kept in memory. */
  readonly recentMax?: number
}

/** Starts following the log from its present end. */
export async function startLogReader({ db, logger, recentMax = 8192 }: LogReaderOptions): Promise<LogReader> {
  const recent = new RecentEntries(await readTip(db), recentMax)
  const pages = new LogPages(db)
  let following: Following | null = startFollowing(db, recent, logger)
  return {
    tip: () => recent.tip,
    async read(after, max, options) {
      const found = recent.read(after, max)
      if (found) return found
      const read = async (): Promise<readonly LogEntry[]> =>
        (await pages.read(after, max, recent.tip)) ?? readLog(db, { after, upTo: recent.tip, max })
      return options?.forClient ? readForClient(db, 'log', read) : read()
    },
    find: (filter, range) => readForClient(db, 'log', () => readLog(db, { ...range, filter }), range.signal),
    subscribe: (onEntries) => recent.subscribe(onEntries),
    openFeed: () => ({
      offer(batch) {
        if (recent.take(batch)) {
          // Reading what this process has just written would cost as much as writing it.
          void following?.close()
          following = null
        } else following ??= startFollowing(db, recent, logger)
      },
      close() {
        following ??= startFollowing(db, recent, logger)
      },
    }),
    close: async () => following?.close(),
  }
}

/** The latest entries, in memory. */
class RecentEntries {
  readonly #min: number
  readonly #subscribers = new Set<OnEntries>()
  #entries: LogEntry[] = []
  #tip: bigint

  constructor(tip: bigint, min: number) {
    this.#tip = tip
    this.#min = min
  }

  get tip(): bigint {
    return this.#tip
  }

  /** Publishes the new entries of `batch`; false when there is a gap before them. */
  take(batch: readonly LogEntry[]): boolean {
    const start = batch.findIndex(({ _id }) => _id > this.#tip)
    if (start < 0) return true
    const entries = start === 0 ? batch : batch.slice(start)
    if (entries[0]!._id !== this.#tip + 1n) return false
    this.#tip = entries.at(-1)!._id
    this.#entries.push(...entries)
    // Cutting only at twice the size keeps the cost per entry low.
    if (this.#entries.length > 2 * this.#min) this.#entries = this.#entries.slice(-this.#min)
    for (const onEntries of this.#subscribers) onEntries(entries)
    return true
  }

  /** Null when the entries after `after` are no longer in memory. */
  read(after: bigint, max: number): readonly LogEntry[] | null {
    if (after >= this.#tip) return []
    const start = this.#entries.length - Number(this.#tip - after)
    return start < 0 ? null : this.#entries.slice(start, start + max)
  }

  subscribe(onEntries: OnEntries): () => void {
    this.#subscribers.add(onEntries)
    return () => this.#subscribers.delete(onEntries)
  }
}

interface Following {
  close(): Promise<void>
}

/** Follows the log until closed, and starts again when that fails. */
function startFollowing(db: Db, recent: RecentEntries, logger: Pick<Logger, 'error'>): Following {
  const closing = new AbortController()
  const { signal } = closing
  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      try {
        await follow(db, recent, signal)
      } catch (error) {
        if (signal.aborted) return
        // An outage has a line of its own, and lasts for many attempts.
        if (!isOutage(error)) logger.error({ err: error, retryMs }, 'cannot follow the log: retrying')
        await pause(retryMs, signal)
      }
    }
  }
  const done = run()
  return {
    close() {
      closing.abort()
      return done
    },
  }
}

async function follow(db: Db, recent: RecentEntries, signal: AbortSignal): Promise<void> {
  const changes = await openLogChanges(db)
  const close = (): void => void changes.close()
  signal.addEventListener('abort', close)
  try {
    // Reads what was appended before the change stream was opened.
    await catchUp(db, recent, changes.session)
    while (!signal.aborted) {
      const batch = await changes.next()
      const entries = batch.changes.flatMap(({ fullDocument }) => fullDocument.entries)
      if (!recent.take(entries)) await catchUp(db, recent)
    }
  } finally {
    signal.removeEventListener('abort', close)
    await changes.close()
  }
}

/** Reads what the log has after the tip of `recent`. */
async function catchUp(db: Db, recent: RecentEntries, session?: ClientSession): Promise<void> {
  for (;;) {
    const batch = await readLog(db, { after: recent.tip, max: batchMax, ...(session && { session }) })
    if (!recent.take(batch)) throw new Error(`the entry after position ${recent.tip} is no longer in the log`)
    if (batch.length < batchMax) return
  }
}

const openLogChanges = (
  db: Db,
): Promise<ChangeStream<{ readonly fullDocument: Pick<LogBatch, 'entries'> }>> =>
  openChangeStream(db, {
    collection: 'log',
    resumeAfter: null,
    pipeline: [{ $match: { operationType: 'insert' } }, { $project: { 'fullDocument.entries': 1 } }],
  })

const batchMax = 1000
const retryMs = 500
