// The counts at one moment: the index of the days and the recent hours in memory, and everything else where
// MongoDB has it. Each request refreshes them by reading what has changed.

import type { Db } from 'mongodb'
import { publishedOf, resultsOf } from '../log/checkpoint.ts'
import type { LogReader } from '../log/reader.ts'
import { createLoader } from '../platform/async/batching.ts'
import { inSlices } from '../platform/async/slices.ts'
import { BlocksReplacedError, type BlockSource, type CellUse } from './activity.ts'
import { activityBatchMax, activityProjectionName } from './activity-projection.ts'
import { BlockCache } from './block-cache.ts'
import { BlockReader, decode, type Moment } from './block-reader.ts'
import { openActivity, type ActivityStore } from './block-store.ts'
import type { CounterBlock } from './counter-block.ts'
import { DayIndex } from './day-index.ts'
import { Names } from './names.ts'
import { dayMs, type Range } from './range.ts'
import { RecentHours } from './recent-hours.ts'
import { SharedAnswers } from './shared-answers.ts'
import { openSums } from './sum-store.ts'

export interface ActivityCache {
  /** The names of all blocks that were read here. Names are added; their numbers never change. */
  readonly names: Names
  /** Of questions about the hours. */
  readonly sharedAnswers: SharedAnswers
  /** The counts at a moment after the call. Concurrent calls share one read of MongoDB. */
  current(): Promise<Snapshot>
  /** The memory that blocks take now. */
  bytes(): number
}

export interface Snapshot {
  /**
   * Every hour that has payments, or sums of them. A day before the recent hours that changes after the
   * snapshot may be read as it is then.
   */
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

export interface ActivityCacheOptions {
  /** Maximum of bytes of recent hours in memory. */
  readonly recentBytesMax?: number
  /** Maximum of bytes of sums and other hours in memory. */
  readonly cacheBytesMax?: number
}

export function createActivityCache(
  db: Db,
  logReader: LogSource,
  now: () => Date,
  options: ActivityCacheOptions = {},
): ActivityCache {
  const names = new Names()
  const published = new PublishedEpoch(db, names, options)
  const snapshots = createLoader<'now', Snapshot>({
    flightsMax: 1,
    flightMs: 60_000,
    load: async () => [await takeSnapshot(published, logReader, now)],
  })
  return {
    names,
    sharedAnswers: new SharedAnswers(),
    current: async () => (await snapshots.load('now'))!,
    bytes: () => published.bytes,
  }
}

async function takeSnapshot(
  published: PublishedEpoch,
  logReader: LogSource,
  now: () => Date,
): Promise<Snapshot> {
  const tip = logReader.tip()
  const { position, source, monthsOf } = await published.refresh()
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

/** The counts of the published epoch. */
class PublishedEpoch {
  readonly #db: Db
  readonly #names: Names
  readonly #options: Required<ActivityCacheOptions>
  #current: CurrentCounts | null = null

  constructor(
    db: Db,
    names: Names,
    { recentBytesMax = 16_000_000, cacheBytesMax = 48_000_000 }: ActivityCacheOptions,
  ) {
    this.#db = db
    this.#names = names
    this.#options = { recentBytesMax, cacheBytesMax }
  }

  get bytes(): number {
    return this.#current?.bytes ?? 0
  }

  async refresh(): Promise<Pick<Snapshot, 'source' | 'position' | 'monthsOf'>> {
    for (;;) {
      // The checkpoint is read before the blocks: they contain at least all entries up to it, so the next
      // refresh, which reads the blocks with later entries, misses none.
      const { epoch, position } = await publishedOf(this.#db, activityProjectionName)
      // A rebuild has published another epoch: nothing that was read before belongs to it.
      if (this.#current?.epoch !== epoch) {
        this.#current = new CurrentCounts(this.#db, this.#names, epoch, this.#options)
      }
      const counts = this.#current
      const moment = await counts.refresh(position)
      if (moment) return this.#at(counts, moment)
    }
  }

  #at(counts: CurrentCounts, moment: Moment): Pick<Snapshot, 'source' | 'position' | 'monthsOf'> {
    return {
      position: moment.position,
      source: (range, use) => this.#blocksAt(counts, moment, range, use),
      monthsOf: async (merchant, range) => {
        const found = await counts.store.monthsOf(merchant, range)
        return (await counts.isPublished()) ? found : (await this.refresh()).monthsOf(merchant, range)
      },
    }
  }

  async *#blocksAt(
    counts: CurrentCounts,
    moment: Moment,
    range: Range,
    use: CellUse,
  ): AsyncGenerator<readonly CounterBlock[], void> {
    if (counts.isReplaced) yield* (await this.refresh()).source(range, use)
    else yield* counts.reader.blocksAt(moment, range, use)
  }
}

/** The counts of one epoch, while it is published. */
class CurrentCounts {
  readonly epoch: number
  readonly store: ActivityStore
  readonly reader: BlockReader
  /** True once another epoch is known to be published: the results of this one may be gone. */
  isReplaced = false
  readonly #db: Db
  readonly #names: Names
  readonly #recentBytesMax: number
  readonly #cache: BlockCache
  #moment: Moment | null = null

  constructor(
    db: Db,
    names: Names,
    epoch: number,
    { recentBytesMax, cacheBytesMax }: Required<ActivityCacheOptions>,
  ) {
    const results = resultsOf(db, epoch)
    this.epoch = epoch
    this.store = openActivity(results)
    this.#db = db
    this.#names = names
    this.#recentBytesMax = recentBytesMax
    this.#cache = new BlockCache(cacheBytesMax)
    this.reader = new BlockReader({
      store: this.store,
      sums: openSums(results),
      names,
      cache: this.#cache,
      check: async () => {
        if (!(await this.isPublished())) throw new BlocksReplacedError()
      },
    })
  }

  get bytes(): number {
    return this.#cache.bytes + (this.#moment?.recent.bytes ?? 0)
  }

  async isPublished(): Promise<boolean> {
    const { epoch } = await publishedOf(this.#db, activityProjectionName)
    this.isReplaced ||= epoch !== this.epoch
    return !this.isReplaced
  }

  /** What is counted up to `position`, at least; null when another epoch has been published meanwhile. */
  async refresh(position: bigint): Promise<Moment | null> {
    const before = this.#moment
    if (before?.position === position) return before
    const after = before?.position ?? 0n
    const index = (before?.index ?? new DayIndex()).with(await this.store.daysCountedAfter(after))
    const recent = await this.#recentHours(before?.recent ?? new RecentHours(0), index.newest, after)
    if (!(await this.isPublished())) return null
    return (this.#moment = { position, index, recent })
  }

  async #recentHours(before: RecentHours, newest: number | null, after: bigint): Promise<RecentHours> {
    if (newest === null) return before
    const from = Math.max(before.from, newest - dayMs)
    const changed = new Map<string, CounterBlock>()
    let bytes = 0
    for await (const content of this.store.hoursIn({ from, to: endOfTime }, after)) {
      const [block] = await inSlices(decode([content], this.#names))
      changed.set(content._id, block!)
      if ((bytes += block!.bytes) > this.#recentBytesMax) break
    }
    return before.with(changed, from, this.#recentBytesMax)
  }
}

const endOfTime = Date.UTC(9999, 0)
