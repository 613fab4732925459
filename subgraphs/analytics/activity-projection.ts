// From the log to the counts: each entry is counted into the hour and into the merchant's month that its payment was created
// in. Where the reading stands is kept by `../projection.ts`.
import type { IdempotentProjection } from '../log/projection.ts'
import { deltaOf, type Delta } from './delta.ts'
import type { LogEntry } from '../log/entry.ts'
import { hourMs, monthStart } from './range.ts'
import {
  createActivityStore,
  hourName,
  merchantMonthName,
  type ActivityStore,
  type BlockStore,
} from './block-store.ts'

export const activityProjectionName = 'activity'

/** Counts the log. Each slab says how far it has counted, so counting again adds nothing: see store.ts. */
export function activityProjection(): IdempotentProjection {
  let store: ActivityStore
  return {
    name: activityProjectionName,
    collections: ['activityHours', 'activityMerchants'],
    kind: 'idempotent',
    wants: (entry) => deltaOf(entry) !== null,
    // Each batch writes the slabs that it touches as a whole: fewer batches, fewer bytes.
    gatherMs: 1_000,
    async begin(results) {
      store = await createActivityStore(results)
    },
    apply: (entries) => countBatch(store, entries),
  }
}

/** Counts entries that follow one another. Doing it again, whole or in part, changes nothing. */
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
}

/** Until nobody else has written between reading and writing: then everything is counted, by us or by them. */
async function count(blockStore: BlockStore, { starts, changes }: Spans): Promise<void> {
  for (;;) {
    const drafts = await blockStore.open(starts)
    for (const [name, { block }] of drafts) {
      for (const { entry, delta } of changes.get(name)!) {
        if (entry._id <= block.upTo) continue
        block.add(entry.payment, delta)
        block.upTo = entry._id
      }
    }
    if (await blockStore.save(drafts)) return
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
