// A mirror: a copy of small collections in memory, kept current by a change stream.

import type { ClientSession, Db } from 'mongodb'
import type { Logger } from '../logger.ts'
import { openCollectionWatch, type WatchedCollection } from './collection-watch.ts'
import { withFreshSession } from './fresh-session.ts'

export interface Mirror {
  /** Reads everything again now. When it resolves, the copy holds what was written before the call. */
  refresh(): Promise<void>
  close(): Promise<void>
}

export interface MirrorOptions<Name extends WatchedCollection> {
  readonly db: Db
  readonly logger: Pick<Logger, 'warn'>
  /** Names the content in log lines: "participants and corridors". */
  readonly content: string
  readonly collections: readonly Name[]
  /**
   * Reads the collections `names` as a whole, in `session`, and replaces their copies once all are read.
   * Calls do not overlap, so a copy never goes back in time.
   */
  read(names: ReadonlySet<Name>, session: ClientSession): Promise<void>
}

/**
 * Reads the collections and keeps their copies current until `close`. A change reads its collection again as
 * a whole: the collections are small, and the order of events does not matter then. Rejects when the first
 * read fails.
 */
export async function openMirror<Name extends WatchedCollection>(
  options: MirrorOptions<Name>,
): Promise<Mirror> {
  const { db, logger, content, collections } = options
  const reload = createReloader(options)
  const { close } = await openCollectionWatch({
    db,
    logger,
    content,
    collections,
    reload: () => reload(collections),
    apply: ({ collection }) => reload([collection as Name]),
  })
  return { refresh: () => reload(collections), close }
}

/**
 * Reads collections, one read at a time. Calls during a read share the next one, so a thousand changes in a
 * row cost a few reads. Each call resolves once everything that was written before it has been read.
 */
function createReloader<Name extends WatchedCollection>({
  db,
  read,
}: MirrorOptions<Name>): (names: readonly Name[]) => Promise<void> {
  let last: Promise<unknown> = Promise.resolve()
  let next: { readonly names: Set<Name>; readonly done: Promise<void> } | null = null

  return (names) => {
    if (next) {
      names.forEach((name) => next?.names.add(name))
      return next.done
    }
    const wanted = new Set(names)
    const begin = (): Promise<void> => {
      next = null
      return withFreshSession(db, (session) => read(wanted, session))
    }
    const done = last.then(begin, begin)
    last = done
    next = { names: wanted, done }
    return done
  }
}
