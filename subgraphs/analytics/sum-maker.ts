// Makes the sums of days and months, again whenever they have become stale, in one process at a time. Answers
// are right without them, and only slower.

import type { Db } from 'mongodb'
import { epochsOf, resultsOf } from '../log/checkpoint.ts'
import { chunks } from '../platform/async/chunks.ts'
import { pause } from '../platform/async/promise.ts'
import { inSlices } from '../platform/async/slices.ts'
import type { Logger } from '../platform/logger.ts'
import { holdLease, type LeaseHolder } from '../platform/mongo/lease.ts'
import { activityProjectionName } from './activity-projection.ts'
import { openActivity, type ActivityStore } from './block-store.ts'
import { BlockSum, CounterBlock } from './counter-block.ts'
import { DayIndex, type IndexedMonth, type IndexedSpan } from './day-index.ts'
import { Names } from './names.ts'
import { dayViewFor, endOf, hasSums, sumName, viewsOf, type View } from './span-sums.ts'
import { openSums, type SumStore, type SumStoreOptions } from './sum-store.ts'

export interface SumOptions {
  readonly db: Db
  readonly logger: Pick<Logger, 'error' | 'info'>
}

/** A day that changes all the time is summed this often, and read by hours in between. */
const everyMs = 15_000

/** Makes sums until closed, whenever this process holds their lease. */
export const startSums = ({ db, logger }: SumOptions): LeaseHolder =>
  holdLease({ db, logger, name: 'activity-sums' }, async ({ signal }) => {
    let makers = new Map<number, SumMaker>()
    while (!signal.aborted) {
      const epochs = await epochsOf(db, activityProjectionName)
      makers = new Map(epochs.map(({ epoch }) => [epoch, makers.get(epoch) ?? new SumMaker(db, epoch)]))
      // The sums of an epoch that is being rebuilt are there when it is published.
      for (const { epoch, position } of epochs) await makers.get(epoch)!.make(position, signal)
      await pause(everyMs, signal)
    }
  })

/** Makes the sums of one epoch. */
export class SumMaker {
  readonly #store: ActivityStore
  readonly #sums: SumStore
  #index = new DayIndex()
  /** Up to here, all sums are made; days that have changed later are read next. */
  #position = -1n

  constructor(db: Db, epoch: number, options: SumStoreOptions = {}) {
    const results = resultsOf(db, epoch)
    this.#store = openActivity(results)
    this.#sums = openSums(results, options)
  }

  /**
   * Makes all sums that are missing or stale, newest first, but for the last day and month, which change with
   * every payment. `position` is a checkpoint: every entry up to it is counted in the hours.
   */
  async make(position: bigint, signal: AbortSignal): Promise<void> {
    if (position === this.#position) return
    this.#index = this.#index.with(await this.#store.daysCountedAfter(this.#position))
    const { newest } = this.#index
    const made = await this.#sums.positions()
    const isDue = (span: IndexedSpan): boolean =>
      hasSums(span, newest) &&
      // Entries beyond the checkpoint may be counted in some hours, and those before them not yet in others.
      span.last <= position &&
      viewsOf[span.kind].some((view) => (made.get(sumName(span, view)) ?? -1n) < span.last)
    for (const month of this.#index.monthsIn({ from: -Infinity, to: Infinity }).toReversed()) {
      for (const days of chunks(month.days.toReversed().filter(isDue), daysTogether)) {
        if (signal.aborted) return
        await Promise.all(days.map((day) => this.#makeDay(day, position)))
      }
      if (isDue(month)) await this.#makeMonth(month, position)
    }
    this.#position = position
  }

  async #makeDay(day: IndexedSpan, position: bigint): Promise<void> {
    const names = new Names()
    const sums = new Map(
      viewsOf.day.map((view) => [sumName(day, view), new BlockSum({ ...view, start: day.start }, names)]),
    )
    for await (const content of this.#store.hoursIn({ from: day.start, to: endOf(day) })) {
      const block = new CounterBlock(content, names)
      for (const sum of sums.values()) await inSlices(sum.add(block))
    }
    await this.#sums.replace(sums, position)
  }

  async #makeMonth(month: IndexedMonth, position: bigint): Promise<void> {
    const sums = new Map<string, BlockSum>()
    for (const view of viewsOf.month) {
      const sum = await this.#sumOfDays(month, view)
      if (!sum) return
      sums.set(sumName(month, view), sum)
    }
    await this.#sums.replace(sums, position)
  }

  /** Null when the sum of a day is missing or stale. */
  async #sumOfDays({ start, days }: IndexedMonth, view: View): Promise<BlockSum | null> {
    const names = new Names()
    const sum = new BlockSum({ ...view, start }, names)
    for (const group of chunks(days, daysEach)) {
      const stored = await this.#sums.read(group.map((day) => sumName(day, dayViewFor(view))))
      for (const [n, one] of stored.entries()) {
        if (!one || one.upTo < group[n]!.last) return null
        for (const content of one.contents) await inSlices(sum.add(new CounterBlock(content, names)))
      }
    }
    return sum
  }
}

/** Days that are made together: one is computed while MongoDB stores the others. */
const daysTogether = 4
/** Sums of days that are read together. */
const daysEach = 8
