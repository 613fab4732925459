// Ranges of time, their buckets, and the earlier range to compare with. Ranges are in UTC and whole minutes,
// buckets in any time zone.

import { refuse, type Refusal } from '../../schema/values/problems.ts'
import { quoteInput } from '../../schema/values/unknown.ts'

export const minuteMs = 60_000
export const hourMs = 60 * minuteMs
export const dayMs = 24 * hourMs

/** Milliseconds since 1970, both on a whole minute; `to` is exclusive. */
export interface Range {
  readonly from: number
  readonly to: number
}

export interface RangeInput {
  readonly from?: Date | null
  readonly to?: Date | null
  readonly lastDays?: number | null
}

export type TimeBucket = 'MINUTE' | 'HOUR' | 'DAY' | 'WEEK' | 'MONTH'
export type Comparison = 'PREVIOUS_PERIOD' | 'YEAR_EARLIER'

const lastDaysMax = 800
const bucketsMax = 2000

/**
 * Reads a range; refuses with BAD_RANGE at `path`. Both ends are rounded up to a whole minute, so adjacent
 * ranges stay adjacent, and a range that ends now includes the current minute.
 */
export function readRange(input: RangeInput, now: Date, path: readonly string[]): Range | Refusal {
  const from = input.from ?? null
  const to = input.to ?? null
  const lastDays = input.lastDays ?? null
  if (lastDays !== null) {
    if (from !== null || to !== null) return refuse('BAD_RANGE', undefined, path)
    if (lastDays < 1 || lastDays > lastDaysMax) {
      return refuse('BAD_RANGE', `\`lastDays\` is 1–${lastDaysMax}, not ${lastDays}`, [...path, 'lastDays'])
    }
    return daysUpTo(now, lastDays)
  }
  if (from === null || to === null || from >= to) return refuse('BAD_RANGE', undefined, path)
  return { from: nextMinute(from), to: nextMinute(to) }
}

/** Days of 24 hours that end with the current minute. */
export function daysUpTo(now: Date, days: number): Range {
  const to = nextMinute(now)
  return { from: to - days * dayMs, to }
}

/** A day counts as closed this long after its end: by then its payments have their answers. */
const closesAfterMs = hourMs

/** The latest closed days of UTC. */
export function closedDays(now: Date, days: number): Range {
  const to = Math.floor((now.getTime() - closesAfterMs) / dayMs) * dayMs
  return { from: to - days * dayMs, to }
}

const nextMinute = (time: Date): number => Math.ceil(time.getTime() / minuteMs) * minuteMs

/** The previous range of the same length, or the same range one calendar year earlier. */
export function earlierRange({ from, to }: Range, comparedTo: Comparison): Range {
  if (comparedTo === 'PREVIOUS_PERIOD') return { from: from - (to - from), to: from }
  return { from: yearBefore(from), to: yearBefore(to) }
}

/** 29 February becomes 28 February. */
function yearBefore(time: number): number {
  const date = new Date(time)
  const month = date.getUTCMonth()
  date.setUTCFullYear(date.getUTCFullYear() - 1)
  if (date.getUTCMonth() !== month) date.setUTCDate(0)
  return date.getTime()
}

/**
 * Starts of the buckets that overlap a range, oldest first, aligned in the time of `zone`. Refuses with
 * BAD_RANGE when there are more than 2,000, and with BAD_VALUE when no time zone has this name.
 */
export function bucketStarts(
  { from, to }: Range,
  bucket: TimeBucket,
  zone = 'UTC',
): readonly number[] | Refusal {
  const offsetAt = offsetsOf(zone)
  if (offsetAt === null) return refuse('BAD_VALUE', `there is no time zone ${quoteInput(zone)}`, ['zone'])
  const starts: number[] = []
  const end = to + offsetAt(to)
  for (
    let local = bucketStart(from + offsetAt(from), bucket);
    local <= end;
    local = nextStart(local, bucket)
  ) {
    const start = instantOf(local, offsetAt)
    // Where clocks are turned back, two local times may be one instant's neighbours in reverse.
    if (start >= to || start <= (starts.at(-1) ?? -Infinity)) continue
    if (starts.length === bucketsMax) {
      return refuse('BAD_RANGE', `the range has more than ${bucketsMax} buckets of one ${bucket}`, ['bucket'])
    }
    starts.push(start)
  }
  return starts
}

/** Milliseconds that local time is ahead of UTC. */
type OffsetAt = (time: number) => number

/** The instant at which clocks show `local`; when they skip it, the instant of the skip. */
function instantOf(local: number, offsetAt: OffsetAt): number {
  const guess = local - offsetAt(local)
  return local - offsetAt(guess)
}

const utc: OffsetAt = () => 0

/** Null when no time zone has this name. */
function offsetsOf(zone: string): OffsetAt | null {
  if (zone === 'UTC') return utc
  let format: Intl.DateTimeFormat
  try {
    format = new Intl.DateTimeFormat('en', { timeZone: zone, timeZoneName: 'longOffset', hour: '2-digit' })
  } catch {
    return null
  }
  return (time) => {
    // "GMT+05:45", or "GMT" without an offset.
    const [, sign, hours, minutes] = /GMT([+-])(\d\d):(\d\d)/.exec(format.format(time)) ?? []
    if (sign === undefined) return 0
    return (sign === '-' ? -1 : 1) * (Number(hours) * hourMs + Number(minutes) * minuteMs)
  }
}

/** 1 January 1970 was a Thursday, and weeks begin on Monday. */
const mondayMs = 4 * dayMs
const lengths = { MINUTE: minuteMs, HOUR: hourMs, DAY: dayMs, WEEK: 7 * dayMs }

function bucketStart(time: number, bucket: TimeBucket): number {
  if (bucket === 'MONTH') return monthStart(time)
  const shift = bucket === 'WEEK' ? mondayMs : 0
  return Math.floor((time - shift) / lengths[bucket]) * lengths[bucket] + shift
}

const nextStart = (start: number, bucket: TimeBucket): number =>
  bucket === 'MONTH' ? nextMonthStart(start) : start + lengths[bucket]

export function monthStart(time: number): number {
  const date = new Date(time)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth())
}

export function nextMonthStart(time: number): number {
  const date = new Date(time)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1)
}
