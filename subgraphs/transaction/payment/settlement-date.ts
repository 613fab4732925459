// The settlement date of a transaction. Pure.

import type { Corridor } from '../../shared/registry.ts'

export type SettlementZone = Corridor['settlementZone']

/** For payments of a corridor that was deleted. */
export const defaultZone: SettlementZone = { offsetMinutes: 480, cutOff: '23:00' }

/**
 * Returns the date in the zone at the instant `at`, or the next date from the cut-off on. With a cut-off of
 * 23:00, 22:59:59.999 belongs to the day and 23:00 to the next one. ISO 8601, such as "2026-03-01".
 */
export function settlementDate(at: Date, { offsetMinutes, cutOff }: SettlementZone): string {
  const local = at.getTime() + offsetMinutes * 60_000
  return new Date(local + dayMs - timeOfDay(cutOff)).toISOString().slice(0, 10)
}

/** The cut-off of `date` in `zone`: the first instant that belongs to the next date. */
export const endOf = (date: string, { offsetMinutes, cutOff }: SettlementZone): Date =>
  new Date(Date.parse(`${date}T00:00:00Z`) + timeOfDay(cutOff) - offsetMinutes * 60_000)

/** "23:00" in milliseconds after midnight. */
function timeOfDay(text: string): number {
  const [hours = 24, minutes = 0] = text.split(':').map(Number)
  return (hours * 60 + minutes) * 60_000
}

const dayMs = 86_400_000
