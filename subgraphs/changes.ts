// A change stream, a batch at a time. The driver's own gives one event at a time and hides where a batch ends; whoever
// writes on what it reads wants all there is in one go, and the resume token that belongs to exactly that much.

import { MongoServerError, type Db, type Document } from 'mongodb'

export interface ChangeBatch<Change> {
  /** In the order of their majority commit; empty when nothing came for a while. */
  readonly changes: readonly Change[]
  /** Resumes after these changes. */
  readonly token: unknown
}

export interface Changes<Change> {
  /** The next batch: at once when there are changes, else when some come or `quietMs` have passed. */
  next(): Promise<ChangeBatch<Change>>
  close(): Promise<void>
}

export interface ChangesOptions {
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

/** The token is older than what the oplog keeps, or of another history: what came since can only be found by looking. */
export class HistoryLostError extends Error {
  override readonly name = 'HistoryLostError'
}

/** Opens a change stream on `collection`. Throws HistoryLostError, here or in `next`, when it cannot resume. */
export async function openChanges<Change>(db: Db, options: ChangesOptions): Promise<Changes<Change>> {
  const { collection, pipeline, resumeAfter, batchMax = 1000, quietMs = 1000 } = options
  const session = db.client.startSession()
  const run = async (command: Document): Promise<CursorReply> => {
    try {
      // A command takes nothing over from the client's settings, not even how an int64 is read.
      const reply = await db.command(command, { session, useBigInt64: true })
      return (reply as { cursor: CursorReply }).cursor
    } catch (error) {
      throw isHistoryLost(error) ? new HistoryLostError('cannot resume', { cause: error }) : error
    }
  }
  const start = {
    aggregate: collection,
    pipeline: [{ $changeStream: resumeAfter === null ? {} : { resumeAfter } }, ...pipeline],
    cursor: { batchSize: batchMax },
  }
  const opened = await run(start).catch(async (error: unknown) => {
    await session.endSession()
    throw error
  })
  let first: CursorReply | null = opened

  return {
    async next() {
      const reply =
        first ?? (await run({ getMore: opened.id, collection, batchSize: batchMax, maxTimeMS: quietMs }))
      first = null
      if (reply.id === 0n) throw new HistoryLostError(`the collection ${collection} was dropped or renamed`)
      const changes = (reply.firstBatch ?? reply.nextBatch) as Change[]
      return { changes, token: reply.postBatchResumeToken }
    },
    async close() {
      // Without this a `next` that waits would hold its connection until it is quiet.
      await db.command({ killCursors: collection, cursors: [opened.id] }).catch(() => {})
      await session.endSession()
    },
  }
}

/** ChangeStreamHistoryLost, ChangeStreamFatalError, InvalidResumeToken. */
const lostCodes: ReadonlySet<unknown> = new Set([286, 280, 260])
const isHistoryLost = (error: unknown): boolean =>
  error instanceof MongoServerError && lostCodes.has(error.code)
