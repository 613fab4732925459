// What changes in the small collections that processes keep in memory. One change stream a process tells all who follow some of
// them: MongoDB shows each stream everything that is written, so every further one costs a little with every payment.

import type { ChangeStream, ChangeStreamDocument, Db, Document, MongoClient, Timestamp } from 'mongodb'

const smallCollections = [
  'participants',
  'projects',
  'corridors',
  'rates',
  'apiKeys',
  'coverage',
  'coverageProfiles',
  'qrProducts',
] as const
export type WatchedCollection = (typeof smallCollections)[number]

export interface CollectionChange {
  readonly collection: WatchedCollection
  readonly operationType: string
  /** Left out when the collection changed as a whole. */
  readonly documentKey?: { readonly _id: string }
}

/** Neither may throw. */
export interface CollectionWatch {
  /** Something has changed. */
  changed(change: CollectionChange): void
  /** From here on nothing is told any more: follow again, and then read everything again. */
  lost(cause: unknown): void
}

interface Feed {
  readonly followers: Map<CollectionWatch, ReadonlySet<string>>
  close(): Promise<void>
}

type Stream = ChangeStream<
  Document,
  ChangeStreamDocument & { ns: { coll: WatchedCollection }; documentKey?: { _id: string } }
>

/** Shared by all who use one client, by the database's name. */
const feeds = new WeakMap<MongoClient, Map<string, Promise<Feed>>>()

/**
 * Tells `follower` what changes in `collections` after this resolves: who then reads them, in a session that waits for what was
 * written before, misses nothing. What it resolves to stops it.
 */
export async function openCollectionWatch(
  db: Db,
  collections: readonly WatchedCollection[],
  follower: CollectionWatch,
): Promise<() => Promise<void>> {
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
  feed.followers.set(follower, new Set(collections))
  return async () => {
    if (!feed.followers.delete(follower) || feed.followers.size > 0) return
    shared.delete(db.databaseName)
    await feed.close()
  }
}

async function openFeed(db: Db, onEnd: () => void): Promise<Feed> {
  const followers: Feed['followers'] = new Map()
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
    const told = [...followers.keys()]
    followers.clear()
    onEnd()
    stream.close().catch(() => {})
    for (const { lost } of told) lost(cause)
  }
  stream.on('change', ({ ns, operationType, documentKey }) => {
    const change = { collection: ns.coll, operationType, ...(documentKey && { documentKey }) }
    for (const [{ changed }, wanted] of followers) if (wanted.has(ns.coll)) changed(change)
  })
  stream.on('error', end)
  stream.on('close', () => end(new Error('the stream of changes ended')))
  return {
    followers,
    async close() {
      stream.removeAllListeners()
      stream.on('error', () => {})
      await stream.close()
    },
  }
}
