// Which date a transaction settles on.

import type { Corridor } from '../reference.ts'

export type SettlementZone = Corridor['settlementZone']

/** For corridors that are no longer known. */
export const defaultZone: SettlementZone = { offsetMinutes: 480, cutOff: '23:00' }

/**
 * The date in `zone` at the instant `at`, or the next one from the cut-off on: with a cut-off of 23:00, 22:59:59.999
 * still belongs to the day and 23:00 to the next. ISO 8601, such as "2026-03-01".
 */
export function settlementDate(at: Date, { offsetMinutes, cutOff }: SettlementZone): string {
  const local = at.getTime() + offsetMinutes * 60_000
  const [hours = 24, minutes = 0] = cutOff.split(':').map(Number)
  const afterCutOff = dayMs - (hours * 60 + minutes) * 60_000
  return new Date(local + afterCutOff).toISOString().slice(0, 10)
}

const dayMs = 86_400_000
