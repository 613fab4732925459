// What the method of alerts reads: counts of each corridor and participant, from the hours that the activity
// projection has counted. Only the hours in question are read, so the cost does not grow with history.

import type { Db } from 'mongodb'
import { publishedOf, resultsOf } from '../log/checkpoint.ts'
import type { Steps } from '../platform/async/slices.ts'
import { inSlices } from '../platform/async/slices.ts'
import type { AlertSubject } from '../shared/alert-log.ts'
import { bandsOf, daysUsual, nothingCounted, type Bands, type Counted } from './alert-method.ts'
import { activityProjectionName } from './activity-projection.ts'
import { openActivity } from './block-store.ts'
import { CounterBlock, type Cell } from './counter-block.ts'
import { laneOf, Names } from './names.ts'
import { dayMs, hourMs, minuteMs } from './range.ts'

/** Counts by subject, then by the number of a minute or of a day. */
export type SubjectCounts = Map<AlertSubject, Map<number, Counted>>

/** The minutes before the present one that are counted: two windows of an hour. */
const recentMs = 121 * minuteMs

export interface AlertCounts {
  /** The bands of the hour of `now`. */
  bands(now: Date): Promise<ReadonlyMap<AlertSubject, Bands>>
  /** The last two hours by minute. */
  recent(now: Date): Promise<ReadonlyMap<AlertSubject, ReadonlyMap<number, Counted>>>
}

export function createAlertCounts(db: Db): AlertCounts {
  const recentBlocks = new RecentBlocks(db)
  return {
    bands: (now) => readBands(db, now),
    async recent(now) {
      const from = now.getTime() - recentMs
      const counts: SubjectCounts = new Map()
      const minuteOf = ({ time }: Cell) => (time >= from ? time / minuteMs : null)
      await inSlices(countInto(counts, await recentBlocks.since(from), recentBlocks.names, minuteOf))
      return counts
    },
  }
}

async function readBands(db: Db, now: Date): Promise<ReadonlyMap<AlertSubject, Bands>> {
  const { epoch } = await publishedOf(db, activityProjectionName)
  const store = openActivity(resultsOf(db, epoch))
  const hour = Math.floor(now.getTime() / hourMs) * hourMs
  const counts: SubjectCounts = new Map()
  for (let ago = 1; ago <= daysUsual; ago++) {
    const from = hour - ago * dayMs - hourMs
    const names = new Names()
    const blocks: CounterBlock[] = []
    for await (const content of store.hoursIn({ from, to: from + 3 * hourMs })) {
      blocks.push(new CounterBlock(content, names))
    }
    await inSlices(countInto(counts, blocks, names, () => ago))
  }
  return new Map(Array.from(counts, ([subject, days]) => [subject, bandsOf(days)]))
}

/** The blocks of the last hours. A refresh reads those that have changed. */
class RecentBlocks {
  readonly #db: Db
  names = new Names()
  #epoch = -1
  #position = 0n
  #blocks = new Map<string, CounterBlock>()

  constructor(db: Db) {
    this.#db = db
  }

  async since(from: number): Promise<readonly CounterBlock[]> {
    // The checkpoint is read first: blocks contain at least all entries up to it.
    const { epoch, position } = await publishedOf(this.#db, activityProjectionName)
    if (epoch !== this.#epoch) {
      this.#epoch = epoch
      this.#position = 0n
      this.#blocks.clear()
      this.names = new Names()
    }
    const store = openActivity(resultsOf(this.#db, epoch))
    for await (const content of store.hoursIn({ from, to: from + dayMs }, this.#position)) {
      this.#blocks.set(content._id, new CounterBlock(content, this.names))
    }
    this.#position = position
    for (const [id, block] of this.#blocks) if (block.end <= from) this.#blocks.delete(id)
    return [...this.#blocks.values()]
  }
}

/** Adds the cells for which `slotOf` gives a number. */
function* countInto(
  counts: SubjectCounts,
  blocks: readonly CounterBlock[],
  names: Names,
  slotOf: (cell: Cell) => number | null,
): Steps<void> {
  const countedOf = (subject: AlertSubject, slot: number): Counted => {
    let slots = counts.get(subject)
    if (!slots) counts.set(subject, (slots = new Map()))
    let counted = slots.get(slot)
    if (!counted) slots.set(slot, (counted = nothingCounted()))
    return counted
  }
  for (const block of blocks) {
    const countedOfCell: (readonly Counted[])[] = []
    const cell = block.cells()
    while (cell.next()) {
      const slot = slotOf(cell)
      if (slot === null) continue
      const all = subjectsOf(cell, names).map((subject) => countedOf(subject, slot))
      countedOfCell[cell.index] = all
      for (const counted of all) {
        counted.payments += cell.payments
        counted.approved += cell.approved
        counted.declined += cell.declined
      }
    }
    const tally = block.tallies()
    while (tally.next()) {
      if (tally.isReason) continue
      for (const { answers } of countedOfCell[tally.cell] ?? []) {
        answers.set(tally.number, (answers.get(tally.number) ?? 0) + tally.count)
      }
    }
    yield
  }
}

/** A cell counts for its corridor, its wallet and its acquirer. */
function subjectsOf(cell: Cell, { list }: Names): readonly AlertSubject[] {
  const wallet = `participant:${list[cell.wallet]!}` as const
  const acquirer = `participant:${list[cell.acquirer]!}` as const
  const corridor = `corridor:${laneOf(list[cell.lane]!).corridor}` as const
  return wallet === acquirer ? [corridor, wallet] : [corridor, wallet, acquirer]
}
