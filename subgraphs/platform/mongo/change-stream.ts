// A change stream, a batch at a time. The driver's own gives one event at a time and hides where a batch ends; whoever
// writes on what it reads wants all there is in one go, and the resume token that belongs to exactly that much.

import { MongoServerError, type ClientSession, type Db, type Document } from 'mongodb'

export interface ChangeBatch<Change> {
  /** In the order of their majority commit; empty when nothing came for a while. */
  readonly changes: readonly Change[]
  /** Resumes after these changes. */
  readonly token: unknown
}

export interface ChangeStream<Change> {
  /**
   * Reads in this session see everything that happened before the stream begins: so whoever reads first what is there and
   * then follows the changes misses nothing. Use it only while no `next` is under way.
   */
  readonly session: ClientSession
  /** The next batch: at once when there are changes, else when some come or `waitMs` have passed (left out: `quietMs`). */
  next(waitMs?: number): Promise<ChangeBatch<Change>>
  close(): Promise<void>
}

export interface ChangeStreamOptions {
  readonly collection: string
  /** Stages after `$changeStream`. */
  readonly pipeline: readonly Document[]
  /** Null: from now on. */
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

/** What came since the token cannot be read from here: it is older than what the oplog keeps, or of another history. */
export class HistoryLostError extends Error {
  override readonly name = 'HistoryLostError'
}

/** Opens a change stream on `collection`. Throws HistoryLostError, here or in `next`, when it cannot resume. */
export async function openChangeStream<Change>(
  db: Db,
  options: ChangeStreamOptions,
): Promise<ChangeStream<Change>> {
  const { collection, pipeline, resumeAfter, batchMax = 1000, quietMs = 1000 } = options
  const session = db.client.startSession()
  const run = async (command: Document): Promise<CursorReply> => {
    // A plain command does not go by the client's settings.
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
  // The stream begins at the cluster's time, which is ahead of what a majority has: a plain majority read could miss what
  // is in between, and so would the stream.
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
      // MongoDB does not interrupt a cursor that waits: whoever leaves does not wait for it either.
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
 * On a MongoDB that nobody writes to, a read that waits for the time at which the stream begins would wait for the next entry
 * that MongoDB makes by itself: up to ten seconds.
 */
async function tick(db: Db, collection: string): Promise<void> {
  const ticks = db.collection<{ readonly _id: string }>('ticks')
  await ticks.updateOne({ _id: collection }, { $currentDate: { at: true } }, { upsert: true })
}

const lost = (cause: unknown) => new HistoryLostError('the change stream cannot resume', { cause })

/** MongoDB understood and said no: the token itself is at fault. */
const isRefused = (error: unknown): boolean =>
  error instanceof MongoServerError && !error.hasErrorLabel('ResumableChangeStreamError')

/** ChangeStreamHistoryLost, ChangeStreamFatalError, InvalidResumeToken. */
const isLost = (error: unknown): boolean =>
  error instanceof MongoServerError && [286, 280, 260].includes(Number(error.code))
