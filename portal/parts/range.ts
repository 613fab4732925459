// Ranges of time that pages offer, as the address holds them, and the buckets that suit them.

export const rangeDays = [1, 7, 30, 90, 365] as const
const defaultDays = 30
const dayMs = 86_400_000
/** The most days that the hub sums up. */
const daysMax = 800

/** Whole days of the viewer's zone, both inclusive: "2026-05-01". */
interface Days {
  readonly from: string
  readonly to: string
}

/** The last days up to now, or days of the calendar. */
export type Range = { readonly lastDays: number } | Days

type RangeInput = { readonly lastDays: number } | { readonly from: string; readonly to: string }

/** The range of an address: `days`, or `from` and `to`; the last 30 days when it has none that is valid. */
export function rangeOf(query: URLSearchParams): Range {
  const [from, to] = [query.get('from') ?? '', query.get('to') ?? '']
  if (from !== '' && to !== '') {
    const length = daysOf({ from, to })
    if (length >= 1 && length <= daysMax) return { from, to }
  }
  const days = Number(query.get('days'))
  return { lastDays: rangeDays.some((each) => each === days) ? days : defaultDays }
}

/** As the hub reads it. */
export const inputOf = (range: Range): RangeInput =>
  'lastDays' in range
    ? range
    : { from: new Date(startOf(range.from)).toISOString(), to: new Date(endOf(range.to)).toISOString() }

/** The range of the same length before it. */
export function previousOf(range: Range, now: number): RangeInput {
  const input = inputOf(range)
  const to = 'lastDays' in input ? now - input.lastDays * dayMs : Date.parse(input.from)
  const length = 'lastDays' in input ? input.lastDays * dayMs : Date.parse(input.to) - Date.parse(input.from)
  return { from: new Date(to - length).toISOString(), to: new Date(to).toISOString() }
}

export function bucketOf(range: Range): 'HOUR' | 'DAY' | 'WEEK' {
  const days = 'lastDays' in range ? range.lastDays : daysOf(range)
  if (days <= 7) return 'HOUR'
  return days <= 90 ? 'DAY' : 'WEEK'
}

/** The days of a range for the page of payments, which has no last days. */
export function daysIn(range: Range, now: number): Days {
  if (!('lastDays' in range)) return range
  return { from: dayOf(new Date(now - range.lastDays * dayMs)), to: dayOf(new Date(now)) }
}

const startOf = (day: string): number => new Date(`${day}T00:00`).getTime()
/** The start of the next day, which a change of the clock may bring earlier or later. */
const endOf = (day: string): number => new Date(startOf(day) + 1.5 * dayMs).setHours(0, 0, 0, 0)
const daysOf = ({ from, to }: Days): number => Math.round((endOf(to) - startOf(from)) / dayMs)

const dayOf = (at: Date): string =>
  [at.getFullYear(), at.getMonth() + 1, at.getDate()].map((part) => String(part).padStart(2, '0')).join('-')
