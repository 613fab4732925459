// Reads a database at one point of time, while hubs write to it.

import type { ClientSession, Collection, Db, Document, Filter, FindOptions, MongoClient } from 'mongodb'

export interface Snapshot {
  /** The documents of a collection as they were at the point of time of the snapshot. */
  find<Doc extends Document>(
    name: string,
    filter?: Filter<Doc>,
    options?: FindOptions,
  ): AsyncIterable<Doc> & { toArray(): Promise<Doc[]> }
  /** A collection as it is now. */
  now<Doc extends Document>(name: string): Collection<Doc>
  close(): Promise<void>
}

/** Opens a snapshot; the first read fixes its point of time. MongoDB keeps it for five minutes by default. */
export function openSnapshot(client: MongoClient, db: Db): Snapshot {
  const session: ClientSession = client.startSession({ snapshot: true })
  return {
    find: <Doc extends Document>(name: string, filter: Filter<Doc> = {}, options: FindOptions = {}) =>
      // A read concern of the connection would win over that of the session.
      db
        .collection<Doc>(name)
        .find(filter, { session, readConcern: 'snapshot', batchSize: 1000, ...options }) as never,
    now: (name) => db.collection(name),
    close: () => session.endSession(),
  }
}
