// Follows the small collections that every process keeps in memory. MongoDB sends each change stream every
// write of the database, so one stream serves all watches of a process: each further stream would cost a
// little with every payment.

import type { ChangeStream, ChangeStreamDocument, Db, Document, MongoClient, Timestamp } from 'mongodb'
import { pause } from '../async/promise.ts'
import type { Logger } from '../logger.ts'

const smallCollections = [
  'participants',
  'projects',
  'corridors',
  'rates',
  'apiKeys',
  'coverage',
  'coverageProfiles',
  'qrProducts',
  'subgraphs',
  'alertEvents',
] as const
export type WatchedCollection = (typeof smallCollections)[number]

export interface CollectionChange {
  readonly collection: WatchedCollection
  readonly operationType: string
  /** Left out when the collection changed as a whole. */
  readonly documentKey?: { readonly _id: string }
}

export interface CollectionWatchOptions {
  readonly db: Db
  readonly logger: Pick<Logger, 'warn'>
  /** Names the content in log lines: "participants and corridors". */
  readonly content: string
  readonly collections: readonly WatchedCollection[]
  /**
   * Reads the collections as a whole, in a session that sees everything written before. Called whenever the
   * watch (re)opens.
   */
  reload(): Promise<void>
  /** Reads what `change` affects. When it rejects, the watch reopens. */
  apply(change: CollectionChange): Promise<void>
}

export interface CollectionWatch {
  close(): Promise<void>
}

/**
 * Reads `collections` and applies every later change until `close`. When the change stream breaks or a read
 * fails, the watch reopens and reloads, after a pause that doubles with each failure. Rejects when the first
 * read fails.
 */
export async function openCollectionWatch(options: CollectionWatchOptions): Promise<CollectionWatch> {
  const { logger, content } = options
  const closing = new AbortController()
  const { signal } = closing
  let failures = 0
  // A change proves that the stream works again.
  const onChange = (): void => void (failures = 0)
  let following = await follow(options, onChange)

  const reopen = async (): Promise<unknown> => {
    following = await follow(options, onChange)
    if (signal.aborted) await following.close()
    return following.lost
  }
  const keepOpen = async (): Promise<void> => {
    let cause = await following.lost
    while (!signal.aborted) {
      await following.close().catch(() => {})
      const afterMs = Math.min(100 * 2 ** failures++, reopenAfterMsMax)
      if (failures === 1) logger.warn({ err: cause }, `lost the changes of ${content}: reloading soon`)
      await pause(afterMs, signal)
      if (!signal.aborted) cause = await reopen().catch((error: unknown) => error)
    }
  }
  void keepOpen()

  return {
    close: () => {
      closing.abort()
      return following.close()
    },
  }
}

interface Following {
  /** Resolves with the cause when changes no longer arrive or cannot be read. */
  readonly lost: Promise<unknown>
  close(): Promise<void>
}

/** Subscribes before it reloads, so that no change is missed in between. */
async function follow(
  { db, collections, reload, apply }: CollectionWatchOptions,
  onChange: () => void,
): Promise<Following> {
  const { promise: lost, resolve: onLost } = Promise.withResolvers<unknown>()
  const close = await subscribe(db, {
    collections: new Set<string>(collections),
    onChange(change) {
      onChange()
      apply(change).catch(onLost)
    },
    onLost,
  })
  try {
    await reload()
  } catch (error) {
    await close()
    throw error
  }
  return { lost, close }
}

/** Neither function may throw. */
interface Subscriber {
  readonly collections: ReadonlySet<string>
  onChange(change: CollectionChange): void
  /** No more changes follow. */
  onLost(cause: unknown): void
}

/** The change stream of one database, and everything that follows it. */
interface Feed {
  readonly subscribers: Set<Subscriber>
  close(): Promise<void>
}

/** The feeds of each client, by the name of the database. */
const feeds = new WeakMap<MongoClient, Map<string, Promise<Feed>>>()

/**
 * Passes on each change after this resolves. Call the result to stop; the last subscriber closes the change
 * stream.
 */
async function subscribe(db: Db, subscriber: Subscriber): Promise<() => Promise<void>> {
  let byName = feeds.get(db.client)
  if (!byName) feeds.set(db.client, (byName = new Map()))
  const shared = byName
  let opening = shared.get(db.databaseName)
  if (!opening) {
    opening = openFeed(db, () => shared.delete(db.databaseName))
    shared.set(db.databaseName, opening)
    opening.catch(() => shared.delete(db.databaseName))
  }
  const feed = await opening
  feed.subscribers.add(subscriber)
  return async () => {
    if (!feed.subscribers.delete(subscriber) || feed.subscribers.size > 0) return
    shared.delete(db.databaseName)
    await feed.close()
  }
}

type Stream = ChangeStream<
  Document,
  ChangeStreamDocument & { ns: { coll: WatchedCollection }; documentKey?: { _id: string } }
>

async function openFeed(db: Db, onEnd: () => void): Promise<Feed> {
  const subscribers = new Set<Subscriber>()
  const { operationTime } = (await db.command({ ping: 1 })) as { operationTime?: Timestamp }
  if (!operationTime) throw new Error('MongoDB gave no operation time: is it a replica set?')
  const stream: Stream = db.watch(
    [
      { $match: { 'ns.coll': { $in: smallCollections } } },
      { $project: { ns: 1, operationType: 1, documentKey: 1 } },
    ],
    { startAtOperationTime: operationTime },
  )
  const end = (cause: unknown): void => {
    const all = [...subscribers]
    subscribers.clear()
    onEnd()
    stream.close().catch(() => {})
    for (const { onLost } of all) onLost(cause)
  }
  stream.on('change', ({ ns, operationType, documentKey }) => {
    const change = { collection: ns.coll, operationType, ...(documentKey && { documentKey }) }
    for (const { collections, onChange } of subscribers) if (collections.has(ns.coll)) onChange(change)
  })
  stream.on('error', end)
  stream.on('close', () => end(new Error('the change stream ended')))
  return {
    subscribers,
    async close() {
      stream.removeAllListeners()
      stream.on('error', () => {})
      await stream.close()
    },
  }
}

/** While MongoDB is away, an attempt fails at once. */
const reopenAfterMsMax = 1_000
