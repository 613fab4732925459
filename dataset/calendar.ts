// When people pay: more each year, more at weekends, most at noon and in the evening where the merchant is.

import { apportion, Weighted, type Random } from './random.ts'

const dayMs = 86_400_000

/** From Sunday on. */
const weekdays = [1.16, 0.93, 0.9, 0.92, 0.97, 1.12, 1.22]

/** Weight of each hour of the local day, from midnight on. */
const hours = new Weighted(
  [...Array(24).keys()],
  [4, 2, 1, 1, 1, 2, 6, 18, 30, 36, 44, 62, 70, 54, 46, 46, 50, 62, 80, 78, 64, 46, 26, 11],
)

/** 24 hours from `start`. */
export interface Day {
  /** Days to the end of the data, at least 1. */
  readonly toEnd: number
  readonly start: number
  readonly payments: number
}

/** The last 365 days before `until`: so many payments, `growth` times as many as in the year before. */
export function recentYear(until: Date, payments: number, growth: number): Day[] {
  return daysBetween(until.getTime() - 365 * dayMs, until.getTime(), until.getTime(), payments, growth)
}

/** What the last 365 days are compared with: the same days one calendar year before, up to where those begin. */
export function yearBefore(until: Date, payments: number, growth: number): Day[] {
  const end = until.getTime() - 365 * dayMs
  const start = new Date(end)
  start.setUTCFullYear(start.getUTCFullYear() - 1)
  return daysBetween(start.getTime(), end, until.getTime(), payments, growth)
}

function daysBetween(from: number, to: number, until: number, payments: number, growth: number): Day[] {
  const starts = Array.from({ length: Math.round((to - from) / dayMs) }, (_, day) => from + day * dayMs)
  const weekday = (start: number): number => new Date(start + dayMs / 2).getUTCDay()
  const weights = starts.map((start) => trend(growth, until, start) * weekdays[weekday(start)]!)
  const shares = apportion(payments, weights)
  return starts.map((start, index) => ({
    toEnd: Math.round((until - start) / dayMs),
    start,
    payments: shares[index]!,
  }))
}

/** What grows `growth` times in a year was so much at `time`, seen from `until`. Smooth over both years. */
export const trend = (growth: number, until: number, time: number): number =>
  growth ** ((time - until) / (365 * dayMs))

/** An instant of `day` by the daily curve of a place so many minutes east of UTC. */
export function instantIn(day: Day, offsetMinutes: number, random: Random): number {
  const localMs = (hours.draw(random) + random.next()) * 3_600_000
  const sinceStart = (localMs - offsetMinutes * 60_000 - day.start) % dayMs
  return Math.floor(day.start + sinceStart + (sinceStart < 0 ? dayMs : 0))
}
