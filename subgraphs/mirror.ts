// Small collections that every process keeps in memory, as one that all look into: read as a whole, and again whenever one of
// them changes.

import type { FastifyBaseLogger } from 'fastify'
import type { ChangeStream, ChangeStreamDocument, ClientSession, Db, Document, Timestamp } from 'mongodb'

export interface Mirror {
  /** Reads everything again now: for who has just written and wants to see it. */
  refresh(): Promise<void>
  close(): Promise<void>
}

export interface MirrorOptions<Name extends string> {
  readonly db: Db
  readonly log: Pick<FastifyBaseLogger, 'warn'>
  /** For the log: "participants and corridors". */
  readonly what: string
  readonly collections: readonly Name[]
  /**
   * Reads those collections as a whole, in `session`, and puts them into place once all are there. One call at a time, so what
   * it puts never goes back in time.
   */
  read(names: ReadonlySet<Name>, session: ClientSession): Promise<void>
}

type Changes = ChangeStream<Document, ChangeStreamDocument & { ns: { coll: string } }>

const reopenAfterMsMax = 5_000

/**
 * Reads the collections and follows them until `close`. A change makes its collection be read again: they are small, and so
 * what was read never goes back in time, whatever the order of events. When the stream of changes breaks, everything is read
 * again as soon as it can be. Rejects when the first read fails.
 */
export async function openMirror<Name extends string>(options: MirrorOptions<Name>): Promise<Mirror> {
  const { db, log, what, collections } = options
  const reload = reloader(options)
  const changesOfOurs = [{ $match: { 'ns.coll': { $in: collections } } }, { $project: { ns: 1 } }]
  let stream: Changes | null = null
  let reopening: NodeJS.Timeout | undefined
  let failures = 0
  let closed = false

  const open = async (): Promise<void> => {
    const startAtOperationTime = await reload(collections)
    if (closed) return
    const opened: Changes = db.watch(changesOfOurs, { startAtOperationTime })
    const lost = (cause: unknown): void => {
      if (stream !== opened) return
      stream = null
      opened.close().catch(() => {})
      reopen(cause)
    }
    opened.on('change', ({ ns }) => {
      failures = 0
      reload([ns.coll as Name]).catch(lost)
    })
    opened.on('error', lost)
    opened.on('close', () => lost(new Error('the stream of changes ended')))
    stream = opened
  }
  const reopen = (cause: unknown): void => {
    if (closed) return
    const afterMs = Math.min(100 * 2 ** failures++, reopenAfterMsMax)
    log.warn({ err: cause, afterMs }, `${what} are not followed; reading them again soon`)
    reopening = setTimeout(() => void open().catch(reopen), afterMs).unref()
  }

  await open()
  return {
    refresh: async () => void (await reload(collections)),
    close: async () => {
      closed = true
      clearTimeout(reopening)
      const following = stream
      stream = null
      await following?.close()
    },
  }
}

/**
 * Reads collections, one read at a time. Calls that come while one reads share the next one, so a thousand changes in a row
 * cost a few reads. Resolves with a time: everything written before it has been seen.
 */
function reloader<Name extends string>({
  db,
  read,
}: MirrorOptions<Name>): (names: readonly Name[]) => Promise<Timestamp> {
  let last: Promise<unknown> = Promise.resolve()
  let next: { readonly names: Set<Name>; readonly done: Promise<Timestamp> } | null = null

  /** A causally consistent session makes the reads wait for the time that the ping gives. */
  const readNow = async (names: ReadonlySet<Name>): Promise<Timestamp> => {
    const session = db.client.startSession({ causalConsistency: true })
    try {
      await db.command({ ping: 1 }, { session })
      const time = session.operationTime
      if (!time) throw new Error('MongoDB gave no operation time: is it a replica set?')
      await read(names, session)
      return time
    } finally {
      await session.endSession()
    }
  }

  return (names) => {
    if (next) {
      names.forEach((name) => next?.names.add(name))
      return next.done
    }
    const wanted = new Set(names)
    const begin = (): Promise<Timestamp> => {
      next = null
      return readNow(wanted)
    }
    const done = last.then(begin, begin)
    last = done
    next = { names: wanted, done }
    return done
  }
}
