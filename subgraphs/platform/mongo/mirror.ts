// Small collections that every process keeps in memory, as one that all look into: read as a whole, and again whenever one of
// them changes.
import type { ClientSession, Db } from 'mongodb'
import { openCollectionWatch, type CollectionWatch, type WatchedCollection } from './collection-watch.ts'
import type { Logger } from '../logger.ts'

export interface Mirror {
  /** Reads everything again now: for who has just written and wants to see it. */
  refresh(): Promise<void>
  close(): Promise<void>
}

export interface MirrorOptions<Name extends WatchedCollection> {
  readonly db: Db
  readonly logger: Pick<Logger, 'warn'>
  /** For the log: "participants and corridors". */
  readonly what: string
  readonly collections: readonly Name[]
  /**
   * Reads those collections as a whole, in `session`, and puts them into place once all are there. One call at a time, so what
   * it puts never goes back in time.
   */
  read(names: ReadonlySet<Name>, session: ClientSession): Promise<void>
}

const reopenAfterMsMax = 5_000

/**
 * Reads the collections and follows them until `close`. A change makes its collection be read again: they are small, and so
 * what was read never goes back in time, whatever the order of events. When the stream of changes breaks, everything is read
 * again as soon as it can be. Rejects when the first read fails.
 */
export async function openMirror<Name extends WatchedCollection>(
  options: MirrorOptions<Name>,
): Promise<Mirror> {
  const { db, logger, what, collections } = options
  const reload = reloader(options)
  let following: CollectionWatch | null = null
  let stop = async () => {}
  let reopening: NodeJS.Timeout | undefined
  let failures = 0
  let closed = false

  const open = async (): Promise<void> => {
    const lost = (cause: unknown): void => {
      if (following !== follower) return
      following = null
      void stop()
      reopen(cause)
    }
    const follower: CollectionWatch = {
      changed({ collection }) {
        failures = 0
        reload([collection as Name]).catch(lost)
      },
      lost,
    }
    stop = await openCollectionWatch(db, collections, follower)
    following = follower
    await reload(collections)
    if (closed) await stop()
  }
  const reopen = (cause: unknown): void => {
    if (closed) return
    const afterMs = Math.min(100 * 2 ** failures++, reopenAfterMsMax)
    logger.warn({ err: cause, afterMs }, `${what} are not followed; reading them again soon`)
    reopening = setTimeout(() => {
      open().catch(async (error: unknown) => {
        following = null
        await stop()
        reopen(error)
      })
    }, afterMs).unref()
  }

  await open()
  return {
    refresh: () => reload(collections),
    close: async () => {
      closed = true
      clearTimeout(reopening)
      following = null
      await stop()
    },
  }
}

/**
 * Reads collections, one read at a time. Calls that come while one reads share the next one, so a thousand changes in a row
 * cost a few reads. What was written before a call has been seen when it resolves.
 */
function reloader<Name extends WatchedCollection>({
  db,
  read,
}: MirrorOptions<Name>): (names: readonly Name[]) => Promise<void> {
  let last: Promise<unknown> = Promise.resolve()
  let next: { readonly names: Set<Name>; readonly done: Promise<void> } | null = null

  /** A causally consistent session makes the reads wait for the time that the ping gives. */
  const readNow = async (names: ReadonlySet<Name>): Promise<void> => {
    const session = db.client.startSession({ causalConsistency: true })
    try {
      await db.command({ ping: 1 }, { session })
      await read(names, session)
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
    const begin = (): Promise<void> => {
      next = null
      return readNow(wanted)
    }
    const done = last.then(begin, begin)
    last = done
    next = { names: wanted, done }
    return done
  }
}
