// The activity projection: counts each entry of the log into two blocks, that of the hour and that of the
// merchant's month in which the payment was created. `../log/projection.ts` stores the checkpoint.

import type { LogEntry } from '../log/entry.ts'
import type { IdempotentProjection } from '../log/projection.ts'
import {
  createActivityStore,
  hourName,
  merchantMonthName,
  monthName,
  type ActivityStore,
  type BlockStore,
} from './block-store.ts'
import { deltaOf, type Delta } from './delta.ts'
import { hourMs, monthStart } from './range.ts'
import { sumsName } from './sum-store.ts'

export const activityProjectionName = 'activity'
/** Maximum of entries that are counted together. */
export const activityBatchMax = 5_000

/**
 * Counts the log. Counting an entry again changes nothing: each block stores the position up to which it has
 * counted.
 */
export function activityProjection(): IdempotentProjection {
  let store: ActivityStore
  return {
    name: activityProjectionName,
    collections: ['activityHours', 'activityMerchants', sumsName],
    kind: 'idempotent',
    wants: (entry) => deltaOf(entry) !== null,
    // Each batch rewrites whole blocks, so larger batches write fewer bytes. An entry waits for at most this
    // pause and two batches: less than a second where a batch takes a quarter of it.
    gatherMs: (tookMs) => Math.min(1_000, Math.max(250, 2 * tookMs)),
    batchMax: activityBatchMax,
    async begin(results) {
      store = await createActivityStore(results)
    },
    apply: (entries) => countBatch(store, entries),
  }
}

/** Counts consecutive entries. Repeating it, whole or in part, changes nothing. */
export async function countBatch(store: ActivityStore, entries: readonly LogEntry[]): Promise<void> {
  const { hours, merchants } = spansOf(entries)
  await Promise.all([count(store.hours, hours), count(store.merchants, merchants)])
}

/** The changes by `entries` of hours, and of months of merchants. */
export function spansOf(entries: readonly LogEntry[]): { readonly hours: Spans; readonly merchants: Spans } {
  const hours = new Spans()
  const merchants = new Spans()
  const startsByHour = new Map<number, Starts>()
  for (const entry of entries) {
    const delta = deltaOf(entry)
    if (!delta) continue
    const hour = Math.floor(entry.payment.createdAt.getTime() / hourMs)
    let starts = startsByHour.get(hour)
    if (!starts) startsByHour.set(hour, (starts = startsOf(hour * hourMs)))
    hours.put(starts.hourName, starts.hour, entry, delta)
    merchants.put(merchantMonthName(entry.payment.merchant, starts.monthName), starts.month, entry, delta)
  }
  return { hours, merchants }
}

/** The spans of the payments of one hour: to format a date takes as long as to count an entry. */
interface Starts {
  readonly hour: Date
  readonly hourName: string
  readonly month: Date
  readonly monthName: string
}

function startsOf(hourStart: number): Starts {
  const hour = new Date(hourStart)
  const month = new Date(monthStart(hourStart))
  return { hour, hourName: hourName(hour), month, monthName: monthName(month) }
}

/**
 * Repeats until no other process writes between the read and the write: the entries are counted then, here or
 * there.
 */
async function count(blockStore: BlockStore, { starts, changes }: Spans): Promise<void> {
  for (;;) {
    const blocks = await blockStore.open(starts)
    for (const [name, { block }] of blocks) {
      for (const { entry, delta } of changes.get(name)!) {
        if (entry._id <= block.upTo) continue
        block.add(entry.payment, delta)
        block.upTo = entry._id
      }
    }
    if (await blockStore.save(blocks)) return
  }
}

/** The changes of one batch, by the name of the span of time. */
export class Spans {
  readonly starts = new Map<string, Date>()
  readonly changes = new Map<string, { readonly entry: LogEntry; readonly delta: Delta }[]>()

  put(name: string, start: Date, entry: LogEntry, delta: Delta): void {
    const changes = this.changes.get(name)
    if (changes) {
      changes.push({ entry, delta })
    } else {
      this.starts.set(name, start)
      this.changes.set(name, [{ entry, delta }])
    }
  }
}
