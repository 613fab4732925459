// Who reads the log and keeps what comes of it: each projection has its place, saved with its result, and can be made anew
// from the log's first entry.

import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyBaseLogger } from 'fastify'
import type { ClientSession, Db } from 'mongodb'
import { holdLease, type Lease, type LeaseHolder } from './lease.ts'
import type { LogEntry, LogReader } from './log.ts'

export interface Projection {
  /** Names its place and its lease. */
  readonly name: string
  /**
   * Writes what comes of `entries`, which follow one another, within the MongoDB transaction of `session`; the place is saved
   * in the same one. It may be called again with the same entries after a write conflict.
   */
  apply(entries: readonly LogEntry[], session: ClientSession): Promise<void>
  /** Called when what `apply` wrote is there for everybody to see. */
  applied?(): void
  /** Removes everything that `apply` wrote. */
  forget(): Promise<void>
}

export interface ProjectionOptions {
  readonly db: Db
  readonly reader: LogReader
  readonly log: Pick<FastifyBaseLogger, 'error' | 'info'>
}

interface Place {
  readonly _id: string
  readonly position: bigint
}

/** Runs `projection` until closed, whenever this process holds its lease. */
export const startProjection = (options: ProjectionOptions, projection: Projection): LeaseHolder =>
  holdLease({ db: options.db, log: options.log, name: projection.name }, (lease) =>
    follow(options, projection, lease),
  )

/** Position up to which `name` has read; 0 before the first entry. */
export async function placeOf(db: Db, name: string): Promise<bigint> {
  return (await placesOf(db).findOne({ _id: name }))?.position ?? 0n
}

/** Lets `name` begin after `position`, if it has not begun yet: for one that makes nothing of what came before. */
export async function beginAfter(db: Db, name: string, position: bigint): Promise<void> {
  await placesOf(db).updateOne({ _id: name }, { $setOnInsert: { position } }, { upsert: true })
}

async function follow({ db, reader }: ProjectionOptions, projection: Projection, { signal }: Lease) {
  let news = Promise.withResolvers<void>()
  const wake = (): void => news.resolve()
  const unsubscribe = reader.subscribe(wake)
  signal.addEventListener('abort', wake)
  try {
    let place = await placeOf(db, projection.name)
    while (!signal.aborted) {
      news = Promise.withResolvers<void>()
      const entries = await reader.read(place, batchMax)
      if (entries.length === 0) {
        await news.promise
        continue
      }
      if (entries[0]!._id !== place + 1n) {
        throw new Error(`the log is no longer kept from position ${place + 1n}`)
      }
      const next = entries.at(-1)!._id
      if (!(await applyBatch(db, projection, place, next, entries))) return
      projection.applied?.()
      place = next
      if (entries.length < batchMax) await sleep(gatherMs, undefined, { signal }).catch(() => {})
    }
  } finally {
    unsubscribe()
    signal.removeEventListener('abort', wake)
  }
}

/** False when another process has read on from `place` meanwhile: then nothing is written. */
async function applyBatch(
  db: Db,
  projection: Projection,
  place: bigint,
  next: bigint,
  entries: readonly LogEntry[],
): Promise<boolean> {
  const { name } = projection
  const places = placesOf(db)
  if (place === 0n)
    await places.updateOne({ _id: name }, { $setOnInsert: { position: 0n } }, { upsert: true })
  return db.client.withSession((session) =>
    session.withTransaction(async () => {
      const { matchedCount } = await places.updateOne(
        { _id: name, position: place },
        { $set: { position: next } },
        { session },
      )
      if (matchedCount === 0) return false
      await projection.apply(entries, session)
      return true
    }),
  )
}

const placesOf = (db: Db) => db.collection<Place>('places')

const batchMax = 1_000
/** Between two batches, so that a steady stream is written some times a second and not once for each event. */
const gatherMs = 50
