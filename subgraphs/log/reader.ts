// The transaction log: every event of every transaction, at dense positions 1, 2, 3 … One process writes it
// (the sequencer), everybody else reads it.
//
// What is appended at once is one document: MongoDB's work, and that of every change stream, is for documents, not for entries.

import { setTimeout as sleep } from 'node:timers/promises'
import { readTip, readLog } from './store.ts'
import type { ClientSession, Db, Filter } from 'mongodb'
import type { LogEntry, LogBatch } from './entry.ts'
import { openChangeStream, type ChangeStream } from '../platform/mongo/change-stream.ts'
import type { Logger } from '../platform/logger.ts'

/** Follows the log in this process, for all who read it here. */
export interface LogReader {
  /** Position of the latest entry that this process knows of; 0 when there is none. */
  tip(): bigint
  /**
   * Entries after position `after`, oldest first, `max` at most: from memory when they are recent, else from MongoDB. Empty
   * when nothing is known after it. When the first one is not at `after + 1`, those between are no longer kept.
   */
  read(after: bigint, max: number): Promise<readonly LogEntry[]>
  /** The same, of entries that match `filter` and are not after position `upTo`. From MongoDB. */
  find(
    filter: Filter<LogEntry>,
    range: { readonly after: bigint; readonly upTo: bigint; readonly max: number },
  ): Promise<readonly LogEntry[]>
  /** Calls `onEntries` with each batch from now on: in order, with no gap. It must not throw. Call the result to stop. */
  subscribe(onEntries: (entries: readonly LogEntry[]) => void): () => void
  /** For a writer of the log in this same process: until the feed is ended, the reader takes what it is offered. */
  feed(): LogFeed
  close(): Promise<void>
}

export interface LogFeed {
  /** Entries that are in the log, each batch after the one before it. */
  offer(entries: readonly LogEntry[]): void
  end(): void
}

export interface LogReaderOptions {
  readonly db: Db
  readonly logger: Pick<Logger, 'error'>
  /** Entries kept in memory, at least. */
  readonly recentMax?: number
}

/** Starts following the log from where it stands. */
export async function startLogReader({ db, logger, recentMax = 8192 }: LogReaderOptions): Promise<LogReader> {
  const subscribers = new Set<(entries: readonly LogEntry[]) => void>()
  let recent: LogEntry[] = []
  let tip = await readTip(db)

  /** Publishes what is new in `batch`; false when something is missing before it. */
  const take = (batch: readonly LogEntry[]): boolean => {
    const known = batch.findIndex(({ _id }) => _id > tip)
    if (known < 0) return true
    const news = known === 0 ? batch : batch.slice(known)
    if (news[0]!._id !== tip + 1n) return false
    tip = news.at(-1)!._id
    recent.push(...news)
    // Cut seldom, so that keeping an entry costs next to nothing.
    if (recent.length > 2 * recentMax) recent = recent.slice(-recentMax)
    for (const onEntries of subscribers) onEntries(news)
    return true
  }

  const catchUp = async (session?: ClientSession) => {
    for (;;) {
      const batch = await readLog(db, { after: tip, max: batchMax, ...(session && { session }) })
      if (!take(batch)) throw new Error(`the log no longer holds what comes after position ${tip}`)
      if (batch.length < batchMax) return
    }
  }

  const follow = async (signal: AbortSignal) => {
    const changes = await openLogChanges(db)
    const stop = () => void changes.close()
    signal.addEventListener('abort', stop)
    try {
      // What was written before the change stream was opened.
      await catchUp(changes.session)
      while (!signal.aborted) {
        const batch = await changes.next()
        if (!take(batch.changes.flatMap(({ fullDocument }) => fullDocument.entries))) await catchUp()
      }
    } finally {
      signal.removeEventListener('abort', stop)
      await changes.close()
    }
  }

  const startFollowing = () => {
    const leaving = new AbortController()
    const { signal } = leaving
    const run = async () => {
      while (!signal.aborted) {
        await follow(signal).catch(async (error: unknown) => {
          if (signal.aborted) return
          logger.error({ err: error }, 'following the log failed; trying again')
          await sleep(retryMs, undefined, { signal }).catch(() => {})
        })
      }
    }
    const done = run()
    return () => {
      leaving.abort()
      return done
    }
  }
  let stopFollowing = startFollowing()

  return {
    tip: () => tip,
    async read(after, max) {
      if (after >= tip) return []
      const start = recent.length - Number(tip - after)
      return start >= 0 ? recent.slice(start, start + max) : readLog(db, { after, upTo: tip, max })
    },
    find: (filter, range) => readLog(db, { ...range, filter }),
    subscribe(onEntries) {
      subscribers.add(onEntries)
      return () => subscribers.delete(onEntries)
    },
    feed() {
      // Reading again what this process has just written costs as much as writing it.
      void stopFollowing()
      return {
        offer(batch) {
          if (take(batch)) return
          catchUp().catch((error: unknown) => logger.error({ err: error }, 'reading the log failed'))
        },
        end() {
          stopFollowing = startFollowing()
        },
      }
    },
    close: () => stopFollowing(),
  }
}

const batchMax = 1000
const retryMs = 500

const openLogChanges = (
  db: Db,
): Promise<ChangeStream<{ readonly fullDocument: Pick<LogBatch, 'entries'> }>> =>
  openChangeStream(db, {
    collection: 'log',
    resumeAfter: null,
    pipeline: [{ $match: { operationType: 'insert' } }, { $project: { 'fullDocument.entries': 1 } }],
  })
