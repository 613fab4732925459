// Which sums of days and months there are, and which of them answer a question. Most questions need neither
// the minute nor every facet, so they read thousands of cells in place of millions.

import type { CellUse } from './activity.ts'
import type { Facet, SumOrder } from './counter-block.ts'
import { dayMs, minuteMs, nextMonthStart, type Range } from './range.ts'

/** What a sum of a span keeps apart. */
export interface View extends Omit<SumOrder, 'start'> {
  readonly name: string
}

const parties = ['lane', 'wallet', 'acquirer'] as const satisfies readonly Facet[]
const spanViews = {
  parties: { name: 'parties', facets: parties, slotMinutes: null, tallies: true },
  goods: { name: 'goods', facets: ['lane', 'mcc', 'entryMode'], slotMinutes: null, tallies: false },
  all: { name: 'all', facets: [...parties, 'mcc', 'entryMode'], slotMinutes: null, tallies: false },
} as const satisfies Record<string, View>

/** The offset of every time zone is a multiple of this, so days of all zones consist of whole slots. */
const slotMinutes = 15
/** For series by the days of a time zone. */
const quarters: View = { name: 'quarters', facets: parties, slotMinutes, tallies: false }
const clock: View = { name: 'clock', facets: [], slotMinutes, tallies: false }

export type SpanKind = 'day' | 'month'

/** The sums of each kind of span, smallest first. */
export const viewsOf: Readonly<Record<SpanKind, readonly View[]>> = {
  day: [spanViews.parties, spanViews.goods, spanViews.all, quarters],
  month: [spanViews.parties, spanViews.goods, spanViews.all, clock],
}

/** The sum of days that the sum of a month is made of. */
export const dayViewFor = (view: View): View => (view === clock ? quarters : view)

/** A day or a month of UTC. */
export interface Span {
  readonly kind: SpanKind
  /** Milliseconds since 1970. */
  readonly start: number
}

export const endOf = ({ kind, start }: Span): number =>
  kind === 'day' ? start + dayMs : nextMonthStart(start)

/**
 * False for the newest day and its month, which change with every payment. `newest` is the start of that day.
 */
export const hasSums = (span: Span, newest: number | null): boolean =>
  newest !== null && endOf(span) <= newest

/** The name of a sum: "2026-02-10 parties", or "2026-02 parties". */
export const sumName = ({ kind, start }: Span, { name }: View): string =>
  `${new Date(start).toISOString().slice(0, kind === 'day' ? 10 : 7)} ${name}`

/** The smallest sum of a span that has what is used of a range; null when none has it. */
export function viewFor(span: Span, range: Range, use: CellUse): View | null {
  return viewsOf[span.kind].find((view) => answers(view, span, range, use)) ?? null
}

function answers(view: View, span: Span, { from, to }: Range, { facets, tallies, starts }: CellUse): boolean {
  if (tallies && !view.tallies) return false
  if (!facets.every((facet) => view.facets.includes(facet))) return false
  const [start, end] = [span.start, endOf(span)]
  const { slotMinutes: slot } = view
  const isBoundary = (time: number): boolean =>
    time <= start || time >= end || (slot !== null && time % (slot * minuteMs) === 0)
  if (!isBoundary(from) || !isBoundary(to)) return false
  for (let n = firstAfter(starts, start); n < starts.length && starts[n]! < end; n++) {
    if (!isBoundary(starts[n]!)) return false
  }
  return true
}

/** The index of the first start that is after `time`. */
function firstAfter(starts: readonly number[], time: number): number {
  let [low, high] = [0, starts.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (starts[middle]! <= time) low = middle + 1
    else high = middle
  }
  return low
}
