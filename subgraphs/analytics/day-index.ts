// The days that have payments, each with the last entry that is counted in it: enough to decide whether a sum
// is current, without reading an hour.

import { dayMs, monthStart, nextMonthStart, type Range } from './range.ts'
import type { Span } from './span-sums.ts'

export interface IndexedSpan extends Span {
  /** Position of the last entry that is counted in it. */
  readonly last: bigint
}

export interface IndexedMonth extends IndexedSpan {
  readonly days: readonly IndexedSpan[]
}

/** Never changes: an index that is counted further is another one, which shares the other months. */
export class DayIndex {
  readonly #months: ReadonlyMap<number, ReadonlyMap<number, bigint>>

  constructor(months: ReadonlyMap<number, ReadonlyMap<number, bigint>> = new Map()) {
    this.#months = months
  }

  /** With the last entries of these days. */
  with(changed: ReadonlyMap<number, bigint>): DayIndex {
    if (changed.size === 0) return this
    const months = new Map(this.#months)
    for (const [start, days] of Map.groupBy(changed, ([day]) => monthStart(day))) {
      months.set(start, new Map([...(months.get(start) ?? []), ...days]))
    }
    return new DayIndex(months)
  }

  /** Start of the last day; null without days. */
  get newest(): number | null {
    if (this.#months.size === 0) return null
    return Math.max(...this.#months.get(Math.max(...this.#months.keys()))!.keys())
  }

  /** The months that overlap a range, oldest first, with those of their days that do. */
  monthsIn({ from, to }: Range): IndexedMonth[] {
    const months: IndexedMonth[] = []
    for (const [start, all] of [...this.#months].toSorted(([a], [b]) => a - b)) {
      if (start >= to || nextMonthStart(start) <= from) continue
      const days: IndexedSpan[] = []
      let last = 0n
      for (const [day, dayLast] of all) {
        if (dayLast > last) last = dayLast
        if (day < to && day + dayMs > from) days.push({ kind: 'day', start: day, last: dayLast })
      }
      months.push({ kind: 'month', start, last, days: days.toSorted((a, b) => a.start - b.start) })
    }
    return months
  }
}
