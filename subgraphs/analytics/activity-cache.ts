// The counts in memory, for who answers: brought up to date when somebody asks, by reading the slabs that have changed.

import type { Db } from 'mongodb'
import { createLoader } from '../platform/async/batching.ts'
import type { LogReader } from '../log/reader.ts'
import { batchMax } from '../log/projection.ts'
import { activityProjectionName } from './activity-projection.ts'
import { Names, readCounterBlock, type CounterBlock } from './counter-block.ts'
import { resultsOf, publishedOf } from '../log/checkpoint.ts'
import { openActivity, type ActivityStore } from './block-store.ts'

export interface ActivityCache {
  /** The names in all slabs that were read here. They become more, and their numbers stay. */
  readonly names: Names
  /** The counts as of a moment after the call. Calls of all requests in flight share one look at MongoDB. */
  current(): Promise<Snapshot>
}

export interface Snapshot {
  /** Every hour that has payments. Never changed afterwards. */
  readonly blocks: readonly CounterBlock[]
  /** Position up to which the log is counted. */
  readonly place: bigint
  /** Slabs of one merchant's months, as they are now. */
  readonly monthsOf: ActivityStore['monthsOf']
  /** The time up to which the log is counted. */
  readonly asOf: Date
  readonly lagMs: number
  /** False while more is left to be counted than one batch takes. */
  readonly complete: boolean
}

export function createActivityCache(
  db: Db,
  logReader: Pick<LogReader, 'tip' | 'read'>,
  now: () => Date,
): ActivityCache {
  const names = new Names()
  const blocks = new Map<string, CounterBlock>()
  let all: readonly CounterBlock[] = []
  let seen = 0n
  let epoch = -1
  let store: ActivityStore

  const refresh = async (): Promise<Snapshot> => {
    const tip = logReader.tip()
    // The place first: what lies before it is in the slabs by now, so nothing is missed by asking for what comes after it.
    const shown = await publishedOf(db, activityProjectionName)
    const place = shown.position
    if (shown.epoch !== epoch) {
      // The counts were made anew.
      epoch = shown.epoch
      store = openActivity(resultsOf(db, epoch))
      blocks.clear()
      seen = 0n
    }
    const changed = await store.hoursCountedAfter(seen)
    for (const content of changed) blocks.set(content._id, readCounterBlock(content, names))
    if (changed.length > 0 || blocks.size === 0) all = [...blocks.values()]
    seen = place
    const [next] = place < tip ? await logReader.read(place, 1) : []
    const asOf = next?.at ?? now()
    return {
      blocks: all,
      place,
      monthsOf: store.monthsOf,
      asOf,
      lagMs: Math.min(Math.max(0, now().getTime() - asOf.getTime()), 2 ** 31 - 1),
      complete: tip - place <= batchMax,
    }
  }

  const snapshots = createLoader<'now', Snapshot>({ flightsMax: 1, load: async () => [await refresh()] })
  return {
    names,
    current: async () => (await snapshots.load('now'))!,
  }
}
