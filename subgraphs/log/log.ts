// The transaction log: every event of every transaction, at dense positions 1, 2, 3 … One process writes it
// (the sequencer), everybody else reads it.
//
// What is appended at once is one document: MongoDB's work, and that of every change stream, is for documents, not for entries.

import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyBaseLogger } from 'fastify'
import type { ClientSession, Collection, Db, Filter } from 'mongodb'
import type { Currency } from '../../schema/values/currency.ts'
import type { ReasonCode } from '../../schema/values/reasons.ts'
import { openChanges, type Changes } from '../platform/mongo/change-stream.ts'
import type { EntryMode } from '../shared/merchant-directory.ts'
import type { Direction } from '../shared/registry.ts'

export type TransactionStatus =
  | 'RECEIVED'
  | 'ROUTED'
  | 'COMPLETED'
  | 'DECLINED'
  | 'FAILED'
  | 'IN_DOUBT'
  | 'EXPIRED'
  | 'REVERSING'
  | 'REVERSED'
  | 'CANCELLING'
  | 'CANCELLED'

export type StepKind =
  | 'SUBMITTED'
  | 'RULE_DECLINED'
  | 'SENT'
  | 'APPROVED'
  | 'REFUSED'
  | 'UNDELIVERABLE'
  | 'TIMED_OUT'
  | 'INQUIRED'
  | 'NEVER_SEEN'
  | 'REVERSAL_STARTED'
  | 'REVERSAL_RETRIED'
  | 'REVERSAL_ACKNOWLEDGED'
  | 'CANCEL_REQUESTED'
  | 'CANCEL_RETRIED'
  | 'CANCEL_ACKNOWLEDGED'
  | 'REFUNDED'
  | 'LATE_MESSAGE'

/** LIQUIDITY changes one currency into the other; SPREAD is what the mark-up and rounding leave there. */
export type Account = 'WALLET' | 'ACQUIRER' | 'FEE' | 'LIQUIDITY' | 'SPREAD'

/** One leg of a double entry. Per currency, the postings of one event sum to zero. */
export interface Posting {
  readonly account: Account
  /** Id of the participant whose account it is. */
  readonly participant: string
  readonly currency: Currency
  /** In minor units. Positive: it is owed this (credit); negative: it owes this (debit). Never zero. */
  readonly minor: bigint
}

/** What an event that moves money puts into the books. */
export interface Booking {
  /** In the corridor's zone, when it happened: "2026-03-01". */
  readonly settlementDate: string
  readonly postings: readonly Posting[]
}

/** What every entry says about the payment, so that a reader of the log needs nothing else. */
export interface LoggedPayment {
  readonly createdAt: Date
  readonly wallet: string
  readonly acquirer: string
  readonly merchant: string
  readonly merchantCountry: string
  readonly walletCountry: string
  readonly corridor: string
  readonly project: string | null
  readonly direction: Direction
  /** ISO 18245. */
  readonly mcc: string
  readonly entryMode: EntryMode
  /** Value in CNY, in fen. */
  readonly reportingMinor: bigint
  /** From submission to the counterparty's answer; null in every entry that is not such an answer. */
  readonly authorizeMs: number | null
}

export interface LogEntry {
  /** Position: 1, 2, 3 … with no gap. */
  readonly _id: bigint
  /** Id of the payment or refund. */
  readonly transaction: string
  /** 1, 2, 3 … within the transaction. */
  readonly sequence: number
  readonly kind: StepKind
  readonly from: TransactionStatus | null
  readonly to: TransactionStatus
  /** By the hub's clock. */
  readonly at: Date
  readonly reason: ReasonCode | null
  readonly payment: LoggedPayment
  /** Id of the payment, in the entries of a refund; left out in those of a payment. */
  readonly refundOf?: string
  /** Left out where no money moves. */
  readonly booking?: Booking
}

/** A document of the collection `log`: entries that were appended together, at positions that follow one another. */
export interface LogBatch {
  /** Position of the first entry. It is unique, so of two who append after the same entry one does. */
  readonly _id: bigint
  /** Position of the last entry. */
  readonly last: bigint
  readonly entries: readonly LogEntry[]
  /** Everything that changed in `payments` before this is in the log; left out where that is not known. */
  readonly token?: unknown
}

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
  readonly log: Pick<FastifyBaseLogger, 'error'>
  /** Entries kept in memory, at least. */
  readonly recentMax?: number
}

export const logOf = (db: Db): Collection<LogBatch> => db.collection<LogBatch>('log')

/** What retention has taken out of the log: nobody who follows reads it, only who counts everything anew. */
export const archiveOf = (db: Db): Collection<LogBatch> => db.collection<LogBatch>('logArchive')

/** `entries` must not be empty. */
export const batchOf = (entries: readonly LogEntry[], token?: unknown): LogBatch => ({
  _id: entries[0]!._id,
  last: entries.at(-1)!._id,
  entries,
  ...(token !== undefined && { token }),
})

export async function makeLogIndexes(db: Db): Promise<void> {
  await logOf(db).createIndex({ last: 1 }, { name: 'last', unique: true })
}

/** Position of the latest entry; 0 when there is none. Throws when the log is of a version that wrote each entry by itself. */
export async function readTip(db: Db): Promise<bigint> {
  const latest: Partial<LogBatch> | null = await logOf(db).findOne(
    {},
    { sort: { _id: -1 }, projection: { last: 1 } },
  )
  if (latest && latest.last === undefined) {
    throw new Error(
      `the log in the database ${db.databaseName} is of an earlier version: begin with an empty one`,
    )
  }
  return latest?.last ?? 0n
}

/** Which entries are read. */
export interface LogRange {
  /** Left out: from the first. */
  readonly after?: bigint
  /** Left out: to the latest. */
  readonly upTo?: bigint
  readonly max?: number
  /** Left out: all of them. */
  readonly filter?: Filter<LogEntry>
  readonly session?: ClientSession
  /** Left out: the log. */
  readonly batches?: Collection<LogBatch>
}

/** Reads entries from MongoDB, oldest first. */
export function readLog(
  db: Db,
  { after = 0n, upTo, max, filter, session, batches = logOf(db) }: LogRange = {},
): Promise<LogEntry[]> {
  const isUpTo = upTo === undefined ? {} : { $lte: upTo }
  return batches
    .aggregate<LogEntry>(
      [
        {
          $match: {
            last: { $gt: after },
            ...(upTo !== undefined && { _id: isUpTo }),
            ...(filter && { entries: { $elemMatch: filter } }),
          },
        },
        { $sort: { last: 1 } },
        { $unwind: '$entries' },
        { $replaceRoot: { newRoot: '$entries' } },
        { $match: { $and: [{ _id: { $gt: after, ...isUpTo } }, filter ?? {}] } },
        ...(max === undefined ? [] : [{ $limit: max }]),
      ],
      { ...(max !== undefined && { batchSize: max }), ...(session && { session }) },
    )
    .toArray()
}

/** Starts following the log from where it stands. */
export async function startLogReader({ db, log, recentMax = 8192 }: LogReaderOptions): Promise<LogReader> {
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
          log.error({ err: error }, 'following the log failed; trying again')
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
          catchUp().catch((error: unknown) => log.error({ err: error }, 'reading the log failed'))
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

const openLogChanges = (db: Db): Promise<Changes<{ readonly fullDocument: Pick<LogBatch, 'entries'> }>> =>
  openChanges(db, {
    collection: 'log',
    resumeAfter: null,
    pipeline: [{ $match: { operationType: 'insert' } }, { $project: { 'fullDocument.entries': 1 } }],
  })
