// From the log to the counts: one process at a time reads on from its place, counts each entry into the hour and into the
// merchant's month that its payment was created in, and saves its place.

import type { FastifyBaseLogger } from 'fastify'
import type { Db } from 'mongodb'
import { setTimeout as sleep } from 'node:timers/promises'
import { holdLease, type Lease, type LeaseHolder } from '../lease.ts'
import type { LogEntry, LogReader } from '../log.ts'
import { deltaOf, type Delta } from './delta.ts'
import { hourMs, monthStart } from './range.ts'
import { hourName, merchantMonthName, type ActivityStore, type Shelf } from './store.ts'

/** Entries in one batch at most. */
export const batchMax = 5_000
/** Between two batches, so that a steady stream is written a few times a second and not once for each event. */
const gatherMs = 100

export interface ProjectionOptions {
  readonly db: Db
  readonly store: ActivityStore
  readonly reader: LogReader
  readonly log: FastifyBaseLogger
}

/** Counts the log until closed, whenever this process holds the lease. */
export const startProjection = ({ db, store, reader, log }: ProjectionOptions): LeaseHolder =>
  holdLease({ db, name: 'activity', log }, async (lease) => {
    store.hours.forget()
    await follow(store, reader, lease)
  })

async function follow(store: ActivityStore, reader: LogReader, { signal }: Lease): Promise<void> {
  let news = Promise.withResolvers<void>()
  const wake = (): void => news.resolve()
  const unsubscribe = reader.subscribe(wake)
  signal.addEventListener('abort', wake)
  try {
    let place = await store.place()
    while (!signal.aborted) {
      news = Promise.withResolvers<void>()
      const entries = await reader.read(place, batchMax)
      if (entries.length === 0) {
        await news.promise
        continue
      }
      if (entries[0]!._id !== place + 1n)
        throw new Error(`the log is no longer kept from position ${place + 1n}`)
      await countBatch(store, entries)
      place = entries.at(-1)!._id
      if (entries.length < batchMax) await sleep(gatherMs, undefined, { signal }).catch(() => {})
    }
  } finally {
    unsubscribe()
    signal.removeEventListener('abort', wake)
  }
}

/** Counts entries that follow one another and saves the place after them. Doing it again, whole or in part, changes nothing. */
export async function countBatch(store: ActivityStore, entries: readonly LogEntry[]): Promise<void> {
  const hours = new Spans()
  const merchants = new Spans()
  for (const entry of entries) {
    const delta = deltaOf(entry)
    if (!delta) continue
    const created = entry.payment.createdAt.getTime()
    const hour = new Date(created - (created % hourMs))
    const month = new Date(monthStart(created))
    hours.put(hourName(hour), hour, entry, delta)
    merchants.put(merchantMonthName(entry.payment.merchant, month), month, entry, delta)
  }
  await count(store.hours, hours)
  await count(store.merchants, merchants)
  const last = entries.at(-1)
  if (last) await store.savePlace(last._id)
}

/** Until nobody else has written between reading and writing: then everything is counted, by us or by them. */
async function count(shelf: Shelf, { starts, changes }: Spans): Promise<void> {
  for (;;) {
    const drafts = await shelf.open(starts)
    for (const [name, { slab }] of drafts) {
      for (const { entry, delta } of changes.get(name)!) {
        if (entry._id <= slab.upTo) continue
        slab.add(entry.payment, delta)
        slab.upTo = entry._id
      }
    }
    if (await shelf.save(drafts)) return
  }
}

/** What a batch changes, by the name of the span of time that it falls in. */
class Spans {
  readonly starts = new Map<string, Date>()
  readonly changes = new Map<string, { readonly entry: LogEntry; readonly delta: Delta }[]>()

  put(name: string, start: Date, entry: LogEntry, delta: Delta): void {
    const known = this.changes.get(name)
    if (known) {
      known.push({ entry, delta })
    } else {
      this.starts.set(name, start)
      this.changes.set(name, [{ entry, delta }])
    }
  }
}
