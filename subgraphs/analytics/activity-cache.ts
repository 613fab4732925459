// The counter blocks of all hours in memory, with their sums by month. Each request refreshes them by reading
// the blocks that have changed.

import type { Db } from 'mongodb'
import { publishedOf, resultsOf } from '../log/checkpoint.ts'
import type { LogReader } from '../log/reader.ts'
import { createLoader } from '../platform/async/batching.ts'
import type { BlockSource } from './activity.ts'
import { activityBatchMax, activityProjectionName } from './activity-projection.ts'
import { openActivity, type ActivityStore } from './block-store.ts'
import { CounterBlock } from './counter-block.ts'
import { MonthSums } from './month-sums.ts'
import { Names } from './names.ts'

export interface ActivityCache {
  /** The names of all blocks that were read here. Names are added; their numbers never change. */
  readonly names: Names
  /** The counts at a moment after the call. Concurrent calls share one read of MongoDB. */
  current(): Promise<Snapshot>
}

export interface Snapshot {
  /** Every hour that has payments, or sums of them. What it gives never changes. */
  readonly source: BlockSource
  /** Every log entry up to this position is counted. */
  readonly position: bigint
  /** Blocks of one merchant's months, read from MongoDB by each call. */
  readonly monthsOf: ActivityStore['monthsOf']
  /** The time up to which the log is counted. */
  readonly asOf: Date
  readonly lagMs: number
  /** False while more entries are uncounted than one batch takes. */
  readonly complete: boolean
}

type LogSource = Pick<LogReader, 'tip' | 'read'>

export function createActivityCache(db: Db, logReader: LogSource, now: () => Date): ActivityCache {
  const names = new Names()
  const hours = new CachedHours(db, names)
  const snapshots = createLoader<'now', Snapshot>({
    flightsMax: 1,
    // The first one reads all hours.
    flightMs: 60_000,
    load: async () => [await takeSnapshot(hours, logReader, now)],
  })
  return {
    names,
    current: async () => (await snapshots.load('now'))!,
  }
}

async function takeSnapshot(hours: CachedHours, logReader: LogSource, now: () => Date): Promise<Snapshot> {
  const tip = logReader.tip()
  const { source, position, monthsOf } = await hours.refresh()
  const [next] = position < tip ? await logReader.read(position, 1) : []
  const asOf = next?.at ?? now()
  return {
    source,
    position,
    monthsOf,
    asOf,
    lagMs: Math.min(Math.max(0, now().getTime() - asOf.getTime()), 2 ** 31 - 1),
    complete: tip - position <= activityBatchMax,
  }
}

/** The hours of the published epoch. */
class CachedHours {
  readonly #db: Db
  readonly #names: Names
  #hours: MonthSums
  #store: ActivityStore | null = null
  #epoch = -1
  #position = 0n

  constructor(db: Db, names: Names) {
    this.#db = db
    this.#names = names
    this.#hours = new MonthSums(names)
  }

  async refresh(): Promise<Pick<Snapshot, 'source' | 'position' | 'monthsOf'>> {
    // The checkpoint is read before the blocks: they contain at least all entries up to it, so the next
    // refresh, which reads the blocks with later entries, misses none.
    const { epoch, position } = await publishedOf(this.#db, activityProjectionName)
    const store = this.#storeOf(epoch)
    const changed = await store.hoursCountedAfter(this.#position)
    const blocks = changed.map((content) => [content._id, new CounterBlock(content, this.#names)] as const)
    this.#hours = this.#hours.with(new Map(blocks))
    this.#position = position
    return { source: this.#hours.source, position, monthsOf: store.monthsOf }
  }

  /** A rebuild has published another epoch: nothing that was read before belongs to it. */
  #storeOf(epoch: number): ActivityStore {
    if (this.#store && epoch === this.#epoch) return this.#store
    this.#epoch = epoch
    this.#hours = new MonthSums(this.#names)
    this.#position = 0n
    return (this.#store = openActivity(resultsOf(this.#db, epoch)))
  }
}
