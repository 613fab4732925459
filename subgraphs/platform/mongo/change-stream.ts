// A change stream that is read a batch at a time. The driver's change stream gives one event at a time and
// hides where a batch ends. The sequencer appends whole batches, and needs the resume token after exactly
// these changes.

import { MongoServerError, type ClientSession, type Db, type Document } from 'mongodb'

export interface ChangeBatch<Change> {
  /** In the order of their majority commit; empty when nothing has changed for a while. */
  readonly changes: readonly Change[]
  /** Resumes after these changes. */
  readonly token: unknown
}

export interface ChangeStream<Change> {
  /**
   * Reads in this session see every change before the start of the stream, so a caller that reads documents
   * first and then follows the changes misses nothing. The session is free only while no `next` is pending.
   */
  readonly session: ClientSession
  /** Reads the next batch. Waits for changes for at most `waitMs` milliseconds, by default `quietMs`. */
  next(waitMs?: number): Promise<ChangeBatch<Change>>
  close(): Promise<void>
}

export interface ChangeStreamOptions {
  readonly collection: string
  /** Stages after `$changeStream`. */
  readonly pipeline: readonly Document[]
  /** A resume token; null starts the stream now. */
  readonly resumeAfter: unknown
  readonly batchMax?: number
  readonly quietMs?: number
}

interface CursorReply {
  readonly id: bigint
  readonly firstBatch?: Document[]
  readonly nextBatch?: Document[]
  readonly postBatchResumeToken: unknown
}

/**
 * The changes since the token can no longer be read: the oplog has dropped them, or the token is of another
 * history.
 */
export class HistoryLostError extends Error {
  override readonly name = 'HistoryLostError'
}

/**
 * Opens a change stream on `collection`. Throws HistoryLostError, here or in `next`, when it cannot resume.
 */
export async function openChangeStream<Change>(
  db: Db,
  options: ChangeStreamOptions,
): Promise<ChangeStream<Change>> {
  const { collection, pipeline, resumeAfter, batchMax = 1000, quietMs = 1000 } = options
  const session = db.client.startSession()
  const run = async (command: Document): Promise<CursorReply> => {
    // A plain command does not use the client's settings.
    const reply = await db.command(command, { session, useBigInt64: true })
    return (reply as { cursor: CursorReply }).cursor
  }
  const start = {
    aggregate: collection,
    pipeline: [{ $changeStream: resumeAfter === null ? {} : { resumeAfter } }, ...pipeline],
    cursor: { batchSize: batchMax },
  }
  const opened = await run(start).catch(async (error: unknown) => {
    await session.endSession()
    throw resumeAfter !== null && isRefused(error) ? lost(error) : error
  })
  // The stream begins at the cluster's time, which is ahead of the majority's. A plain majority read would
  // miss the changes in between, and so would the stream.
  session.advanceOperationTime(session.clusterTime!.clusterTime)
  if (resumeAfter === null) await tick(db, collection)
  let first: CursorReply | null = opened
  let abandon: (reason: Error) => void = () => {}

  const read = async (waitMs: number): Promise<CursorReply> => {
    if (!first) return run({ getMore: opened.id, collection, batchSize: batchMax, maxTimeMS: waitMs })
    const reply = first
    first = null
    return reply
  }
  return {
    session,
    async next(waitMs = quietMs) {
      // MongoDB does not interrupt a waiting cursor, so `close` rejects the pending read instead of waiting
      // for it.
      const reply = await new Promise<CursorReply>((resolve, reject) => {
        abandon = reject
        read(waitMs).then(resolve, (error: unknown) => reject(isLost(error) ? lost(error) : (error as Error)))
      })
      if (reply.id === 0n) throw new HistoryLostError(`the collection ${collection} was dropped or renamed`)
      const changes = (reply.firstBatch ?? reply.nextBatch) as Change[]
      return { changes, token: reply.postBatchResumeToken }
    },
    async close() {
      abandon(new Error('the change stream was closed'))
      await db.command({ killCursors: collection, cursors: [opened.id] }).catch(() => {})
      await session.endSession()
    },
  }
}

/**
 * Writes a document, so that MongoDB's time passes the start of the stream. Without any write, a read that
 * waits for that time would wait up to ten seconds for MongoDB's next periodic entry.
 */
async function tick(db: Db, collection: string): Promise<void> {
  const ticks = db.collection<{ readonly _id: string }>('ticks')
  await ticks.updateOne({ _id: collection }, { $currentDate: { at: true } }, { upsert: true })
}

const lost = (cause: unknown) => new HistoryLostError('the change stream cannot resume', { cause })

/** True when MongoDB rejects the token itself. */
const isRefused = (error: unknown): boolean =>
  error instanceof MongoServerError && !error.hasErrorLabel('ResumableChangeStreamError')

/** ChangeStreamHistoryLost, ChangeStreamFatalError, InvalidResumeToken. */
const isLost = (error: unknown): boolean =>
  error instanceof MongoServerError && [286, 280, 260].includes(Number(error.code))
