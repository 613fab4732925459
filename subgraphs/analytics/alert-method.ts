// The method of alerts: when a figure of a corridor or a participant leaves its usual band. Pure.
//
// Usual is what the same three hours of the day had on each of the last 28 days. A day counts half of the day
// two weeks later, and the same day of the week four times. The middle is the weighted median and the width
// the weighted median deviation, so single days of any size move neither.
//
// A figure is judged over two windows, one after the other, which end now. Each reaches back until it has
// enough payments, so a busy corridor is judged by the minute and a quiet one by the hour. An alert needs
// both windows out of band. Chance alone takes one window out of band with a probability below 1 in 10,000,
// by the bound of Chernoff. A silence has no payments that end a window, so its two windows are the halves of
// one.

import { percentilesOf, bucketOf } from './histogram.ts'
import { minuteMs } from './range.ts'

export type AlertKind = 'DECLINES' | 'LATENCY' | 'SILENCE'
export const alertKinds: readonly AlertKind[] = ['DECLINES', 'LATENCY', 'SILENCE']

/** What was counted in one span of time. */
export interface Counted {
  payments: number
  approved: number
  declined: number
  /** Answers of the counterparty by bucket of their latency. */
  readonly answers: Map<number, number>
}

export const nothingCounted = (): Counted => ({ payments: 0, approved: 0, declined: 0, answers: new Map() })

/** The middle and the width of a figure’s usual values. */
export interface Usual {
  readonly middle: number
  /** The weighted median deviation, scaled to the standard deviation of a normal distribution. */
  readonly width: number
}

/** The usual figures at one hour; null where too few days have enough payments. */
export interface Bands {
  /** Share of payments that do not complete, 0–1. */
  readonly declines: Usual | null
  /** 95th percentile of the time to the counterparty’s answer, in milliseconds. */
  readonly latency: Usual | null
  /** Payments per minute. */
  readonly volume: Usual | null
}

export interface Judgement {
  /** UNKNOWN: there is no band, or too few payments. */
  readonly standing: 'OUT' | 'IN' | 'UNKNOWN'
  /** True when the window before is out of band too. */
  readonly isConfirmed: boolean
  /** Start of the earlier window, in milliseconds since 1970. */
  readonly from: number
  /** The figure in the latest window when it is out of band, its usual value, and the edge of the band. */
  readonly observed: number
  readonly usual: number
  readonly bound: number
  /** Payments in both windows. */
  readonly payments: number
}

/** How many days are usual. */
export const daysUsual = 28
/** The hours of a day that count: the present hour, and one before and after it. */
export const hoursUsual = 3
const daysMin = 5
const halfLifeDays = 14
const sameWeekday = 4
/** A day with fewer payments has no share or percentile. */
const dayPaymentsMin = 20

const windowPaymentsMin = 15
const windowMinutesMax = 60
/** A payment without an answer after this time counts as one that does not complete. */
const pendingMs = 15_000
/** −ln of the probability that chance takes one window out of band. */
const surprise = Math.log(10_000)
const declinesRise = 0.1
const declinesFloor = 0.02
const latencyRise = 1.5
const slowShare = 0.05
/** A silence has at most this share of the payments that are expected at least, of which there must be 10. */
const silentShare = 0.1
const expectedMin = 10

/** The bands of one subject, from what was counted on earlier days by how many days ago. */
export function bandsOf(days: ReadonlyMap<number, Counted>): Bands {
  const counted = [...days]
  const busy = counted.filter(([, { payments }]) => payments >= dayPaymentsMin)
  const answered = busy.flatMap(([ago, { answers }]) => {
    const percentiles = total(answers) >= dayPaymentsMin ? percentilesOf(answers) : null
    return percentiles ? [{ ago, value: percentiles.p95 }] : []
  })
  const first = Math.max(0, ...days.keys())
  const volumes = Array.from({ length: first }, (_, n) => ({
    ago: n + 1,
    value: (days.get(n + 1)?.payments ?? 0) / (hoursUsual * 60),
  }))
  return {
    declines: usualOf(
      busy.map(([ago, { payments, approved }]) => ({ ago, value: (payments - approved) / payments })),
    ),
    latency: usualOf(answered),
    volume: usualOf(volumes),
  }
}

interface Sample {
  /** Days ago. */
  readonly ago: number
  readonly value: number
}

/** Null with fewer than five samples. */
export function usualOf(samples: readonly Sample[]): Usual | null {
  if (samples.length < daysMin) return null
  const weighted = samples.map(({ ago, value }) => ({
    value,
    weight: 2 ** (-ago / halfLifeDays) * (ago % 7 === 0 ? sameWeekday : 1),
  }))
  const middle = median(weighted)
  const width = median(weighted.map(({ value, weight }) => ({ value: Math.abs(value - middle), weight })))
  return { middle, width: 1.4826 * width }
}

/** The smallest value that half of the weight does not exceed. */
function median(weighted: readonly { readonly value: number; readonly weight: number }[]): number {
  const sorted = weighted.toSorted((a, b) => a.value - b.value)
  let rest = sorted.reduce((sum, { weight }) => sum + weight, 0) / 2
  for (const { value, weight } of sorted) {
    rest -= weight
    if (rest <= 0) return value
  }
  return sorted.at(-1)!.value
}

/** The counts of one subject by minute, up to now. */
export interface Recent {
  /** By the number of the minute since 1970. */
  readonly minutes: ReadonlyMap<number, Counted>
  /** Milliseconds since 1970. */
  readonly now: number
  /** Since when the hub has counted without a gap: before it, no payments is no silence. */
  readonly since: number
}

export function judge(kind: AlertKind, bands: Bands, recent: Recent): Judgement {
  const band = measures[kind].bandOf(bands)
  if (!band) return unknown
  const latest = gather(kind, band, recent, Math.floor(recent.now / minuteMs))
  if (!latest) return unknown
  const earlier =
    kind === 'SILENCE'
      ? gather(kind, band, recent, Math.floor(recent.now / minuteMs), 2)
      : gather(kind, band, recent, latest.first - 1)
  return {
    standing: latest.isOut ? 'OUT' : 'IN',
    isConfirmed: latest.isOut && (earlier?.isOut ?? false),
    from: (earlier ?? latest).first * minuteMs,
    observed: latest.isOut ? measures[kind].observe(latest) : 0,
    usual: band.middle,
    bound: measures[kind].boundOf(band),
    payments: kind === 'SILENCE' ? (earlier ?? latest).payments : latest.payments + (earlier?.payments ?? 0),
  }
}

const unknown: Judgement = {
  standing: 'UNKNOWN',
  isConfirmed: false,
  from: 0,
  observed: 0,
  usual: 0,
  bound: 0,
  payments: 0,
}

/** Consecutive minutes. */
interface Window extends Counted {
  /** The number of its first minute. */
  first: number
  /** Milliseconds of it that have passed. */
  lengthMs: number
  /** Payments that did not complete. */
  failed: number
  /** How many `answers` there are. */
  answered: number
}

interface Measure {
  bandOf(bands: Bands): Usual | null
  /** The edge of the band. */
  boundOf(band: Usual): number
  isEnough(window: Window, bound: number, windows: number): boolean
  observe(window: Window): number
  isOut(window: Window, band: Usual, bound: number): boolean
}

const perMinute = (count: number, lengthMs: number): number => (count * minuteMs) / lengthMs

const measures: Readonly<Record<AlertKind, Measure>> = {
  DECLINES: {
    bandOf: ({ declines }) => declines,
    boundOf: ({ middle, width }) => Math.min(0.99, Math.max(declinesFloor, middle + 2 * width)),
    isEnough: ({ payments }) => payments >= windowPaymentsMin,
    observe: ({ failed, payments }) => failed / payments,
    isOut: ({ failed, payments }, { middle }, bound) =>
      failed / payments >= middle + declinesRise && isUnlikely(failed, payments, bound),
  },
  LATENCY: {
    bandOf: ({ latency }) => latency,
    boundOf: ({ middle, width }) => Math.max(latencyRise * middle, middle + 4 * width),
    isEnough: ({ answered }) => answered >= windowPaymentsMin,
    observe: ({ answers }) => percentilesOf(answers)!.p95,
    isOut: ({ answers, answered }, _, bound) => isUnlikely(slowerThan(answers, bound), answered, slowShare),
  },
  SILENCE: {
    bandOf: ({ volume }) => volume,
    boundOf: ({ middle, width }) => Math.max(0, middle - 3 * width),
    isEnough: ({ lengthMs }, bound, windows) => (bound * lengthMs) / minuteMs >= windows * expectedMin,
    observe: ({ payments, lengthMs }) => perMinute(payments, lengthMs),
    isOut: ({ payments, lengthMs }, _, bound) => perMinute(payments, lengthMs) <= silentShare * bound,
  },
}

/** The shortest window up to the minute `last` that has enough for `windows`; null when an hour has not. */
function gather(
  kind: AlertKind,
  band: Usual,
  recent: Recent,
  last: number,
  windows = 1,
): (Window & { readonly isOut: boolean }) | null {
  const { isEnough, isOut, boundOf } = measures[kind]
  const bound = boundOf(band)
  const window: Window = { ...nothingCounted(), first: last, lengthMs: 0, failed: 0, answered: 0 }
  for (let minute = last; minute > last - windowMinutesMax; minute--) {
    if (kind === 'SILENCE' && minute * minuteMs < recent.since) return null
    add(window, minute, recent, kind === 'LATENCY')
    if (isEnough(window, bound, windows)) return { ...window, isOut: isOut(window, band, bound) }
  }
  return null
}

function add(window: Window, minute: number, { minutes, now }: Recent, withAnswers: boolean): void {
  const start = minute * minuteMs
  const lengthMs = Math.min(minuteMs, now - start)
  window.first = minute
  window.lengthMs += lengthMs
  const counted = minutes.get(minute)
  if (!counted) return
  const { payments, approved, declined, answers } = counted
  // Of the payments that are open, as many may be pending as were submitted in the last seconds.
  const pendingShare = Math.min(1, Math.max(0, start + lengthMs - (now - pendingMs)) / lengthMs)
  const open = payments - approved - declined
  window.payments += payments
  window.failed += Math.min(payments, declined + Math.max(0, Math.floor(open - payments * pendingShare)))
  if (!withAnswers) return
  for (const [bucket, count] of answers) {
    window.answers.set(bucket, (window.answers.get(bucket) ?? 0) + count)
    window.answered += count
  }
}

const total = (answers: ReadonlyMap<number, number>): number =>
  [...answers.values()].reduce((sum, count) => sum + count, 0)

function slowerThan(answers: ReadonlyMap<number, number>, ms: number): number {
  const last = bucketOf(ms)
  let slower = 0
  for (const [bucket, count] of answers) if (bucket > last) slower += count
  return slower
}

/**
 * True when at least `count` of `of` independent events of probability `p` are less likely than 1 in 10,000:
 * that probability is at most exp(−n · D), where D is the relative entropy of `count` / `of` and `p`.
 */
export function isUnlikely(count: number, of: number, p: number): boolean {
  const share = count / of
  if (share <= p) return false
  const term = (a: number, b: number): number => (a === 0 ? 0 : a * Math.log(a / b))
  return of * (term(share, p) + term(1 - share, 1 - p)) > surprise
}
