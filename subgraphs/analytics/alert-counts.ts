// What the method of alerts reads: counts of each corridor and participant, from the hours that the activity
// projection has counted. Only the hours in question are read, so the cost does not grow with history.

import { inSlices, type Steps } from '../platform/async/slices.ts'
import type { AlertSubject } from '../shared/alert-log.ts'
import type { CellUse } from './activity.ts'
import type { Snapshot } from './activity-cache.ts'
import { bandsOf, daysUsual, hoursUsual, nothingCounted, type Bands, type Counted } from './alert-method.ts'
import type { Cell, CounterBlock } from './counter-block.ts'
import { laneOf, type Names } from './names.ts'
import { dayMs, hourMs, minuteMs, type Range } from './range.ts'

/** Counts by subject, then by the number of a minute or of a day. */
export type SubjectCounts = Map<AlertSubject, Map<number, Counted>>

/** The minutes before the present one that are counted: two windows of an hour. */
const recentMs = 121 * minuteMs

/** Cells apart by subject, with the latencies of answers. */
const use: CellUse = { facets: ['lane', 'wallet', 'acquirer'], tallies: true, starts: [] }

/** The bands of the hour of `now`. */
export async function readBands(
  { source }: Pick<Snapshot, 'source'>,
  names: Names,
  now: Date,
): Promise<ReadonlyMap<AlertSubject, Bands>> {
  const hour = Math.floor(now.getTime() / hourMs) * hourMs
  const counts: SubjectCounts = new Map()
  for (let ago = 1; ago <= daysUsual; ago++) {
    const from = hour - ago * dayMs - hourMs
    const range = { from, to: from + hoursUsual * hourMs }
    const dayOf = ({ time }: Cell) => (isWithin(range, time) ? ago : null)
    for await (const blocks of source(range, use)) await inSlices(countInto(counts, blocks, names, dayOf))
  }
  return new Map(Array.from(counts, ([subject, days]) => [subject, bandsOf(days)]))
}

/** The last two hours by minute. */
export async function readRecent(
  { source }: Pick<Snapshot, 'source'>,
  names: Names,
  now: Date,
): Promise<ReadonlyMap<AlertSubject, ReadonlyMap<number, Counted>>> {
  const range = { from: now.getTime() - recentMs, to: now.getTime() + minuteMs }
  const counts: SubjectCounts = new Map()
  const minuteOf = ({ time }: Cell) => (isWithin(range, time) ? time / minuteMs : null)
  for await (const blocks of source(range, use)) await inSlices(countInto(counts, blocks, names, minuteOf))
  return counts
}

/** A source may pass on more than the cells of a range. */
const isWithin = ({ from, to }: Range, time: number): boolean => time >= from && time < to

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
