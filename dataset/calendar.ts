// The times of payments: growing over the years, more at weekends, most at noon and in the evening of local
// time.

import { apportion, Weighted, type Random } from './random.ts'

const dayMs = 86_400_000

/** Weight of each day of the week, from Sunday. */
const weekdays = [1.16, 0.93, 0.9, 0.92, 0.97, 1.12, 1.22]

/** Weight of each hour of the local day, from midnight. */
const hours = new Weighted(
  [...Array(24).keys()],
  [4, 2, 1, 1, 1, 2, 6, 18, 30, 36, 44, 62, 70, 54, 46, 46, 50, 62, 80, 78, 64, 46, 26, 11],
)

/** 24 hours from `start`. */
export interface Day {
  /** Days until the end of the data set, at least 1. */
  readonly toEnd: number
  readonly start: number
  /** Payments that complete. */
  readonly completed: number
  readonly declined: number
}

/** Numbers of payments. */
export interface Volume {
  readonly completed: number
  readonly declined: number
}

/**
 * The last 365 days before `until`, with these payments: `growth` times the number of the previous year.
 */
export function recentYear(until: Date, volume: Volume, growth: number): Day[] {
  return daysBetween(until.getTime() - 365 * dayMs, until.getTime(), until.getTime(), volume, growth)
}

/** The days before those of `recentYear`, back to one calendar year before their start. */
export function yearBefore(until: Date, volume: Volume, growth: number): Day[] {
  const end = until.getTime() - 365 * dayMs
  const start = new Date(end)
  start.setUTCFullYear(start.getUTCFullYear() - 1)
  return daysBetween(start.getTime(), end, until.getTime(), volume, growth)
}

function daysBetween(from: number, to: number, until: number, volume: Volume, growth: number): Day[] {
  const starts = Array.from({ length: Math.round((to - from) / dayMs) }, (_, day) => from + day * dayMs)
  const weekday = (start: number): number => new Date(start + dayMs / 2).getUTCDay()
  const weights = starts.map((start) => trend(growth, until, start) * weekdays[weekday(start)]!)
  const completed = apportion(volume.completed, weights)
  const declined = apportion(volume.declined, weights)
  return starts.map((start, index) => ({
    toEnd: Math.round((until - start) / dayMs),
    start,
    completed: completed[index]!,
    declined: declined[index]!,
  }))
}

/**
 * The value at `time` relative to `until`, for a value that grows continuously by the factor `growth` in a
 * year.
 */
export const trend = (growth: number, until: number, time: number): number =>
  growth ** ((time - until) / (365 * dayMs))

/** Draws an instant of `day` by the hourly weights of local time. */
export function instantIn(day: Day, offsetMinutes: number, random: Random): number {
  const localMs = (hours.draw(random) + random.next()) * 3_600_000
  const sinceStart = (localMs - offsetMinutes * 60_000 - day.start) % dayMs
  return Math.floor(day.start + sinceStart + (sinceStart < 0 ? dayMs : 0))
}
