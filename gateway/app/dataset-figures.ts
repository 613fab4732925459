// Compares a loaded data set with the figures that the programme reports, at its scale.

import type { Db } from 'mongodb'

interface Record {
  readonly scale: number
  readonly until: Date
  readonly loadedAt: Date | null
}

export interface FigureCheck {
  /** A line for each figure. */
  readonly lines: readonly string[]
  readonly isRight: boolean
}

const dayMs = 86_400_000

/** Reads payments and counts as they are stored. Throws when there is no data set, or only a part of it. */
export async function checkFigures(db: Db): Promise<FigureCheck> {
  const record = await db.collection<Record & { _id: string }>('meta').findOne({ _id: 'dataset' })
  if (!record?.loadedAt) throw new Error('the database has no complete data set: load one without --check')
  const { scale, until } = record
  const [merchants, recent, earlier] = await Promise.all([
    countMerchants(db),
    sumPayments(db, daysBefore(until, 365), until),
    sumPayments(db, yearBefore(daysBefore(until, 365)), yearBefore(until)),
  ])
  const yuan = (fen: number): string => `CNY ${(fen / 100).toFixed(2)}`
  const percent = (now: number, then: number): string => `+${Math.round((now / then - 1) * 100)} %`
  const rows = [
    ['mainland merchants', merchants.mainland, Math.round(1_350_000 * scale)],
    ['major online merchants', merchants.online, 168],
    ['foreign merchants', merchants.foreign, Math.round(11_000_000 * scale)],
    ['completed payments of the year', recent.payments, Math.round(1_981_000 * scale)],
    ['their value', yuan(recent.fen), yuan(Math.round(42_700_000_000 * scale))],
    ['growth in number', percent(recent.payments, earlier.payments), '+111 %'],
    ['growth in value', percent(recent.fen, earlier.fen), '+29 %'],
  ] as const
  const lines = rows.map(([name, found, wanted]) => {
    const verdict = found === wanted ? 'as reported' : `but ${String(wanted)} is reported`
    return `${name.padEnd(32)}${String(found).padStart(18)}  ${verdict}`
  })
  return { lines, isRight: rows.every(([, found, wanted]) => found === wanted) }
}

async function countMerchants(db: Db): Promise<{ mainland: number; online: number; foreign: number }> {
  const profiles = new Map<string, { country: string; online: boolean; status: string }>()
  const found = db.collection<{ _id: string; country: string; online: boolean; status: string }>(
    'coverageProfiles',
  )
  for await (const profile of found.find()) profiles.set(profile._id, profile)
  const counts = { mainland: 0, online: 0, foreign: 0 }
  for await (const spot of db.collection<{ counts: { [entry: string]: number } }>('coverage').find()) {
    for (const [entry, count] of Object.entries(spot.counts)) {
      // The place takes two digits of an entry.
      const { country, online, status } = profiles.get(entry.slice(2))!
      if (status !== 'ACTIVE') continue
      counts[country !== 'CN' ? 'foreign' : online ? 'online' : 'mainland'] += count
    }
  }
  return counts
}

async function sumPayments(db: Db, from: Date, to: Date): Promise<{ payments: number; fen: number }> {
  // Ids are UUIDs of version 7, which begin with the time.
  const idAt = (time: Date): string => {
    const hex = time.getTime().toString(16).padStart(12, '0')
    return `${hex.slice(0, 8)}-${hex.slice(8)}`
  }
  const [sum] = await db
    .collection<{ _id: string }>('payments')
    .aggregate<{ payments: number; fen: bigint }>([
      { $match: { _id: { $gte: idAt(from), $lt: idAt(to) }, status: 'COMPLETED' } },
      { $group: { _id: null, payments: { $sum: 1 }, fen: { $sum: '$reporting.minor' } } },
    ])
    .toArray()
  return { payments: sum?.payments ?? 0, fen: Number(sum?.fen ?? 0n) }
}

const daysBefore = (time: Date, days: number): Date => new Date(time.getTime() - days * dayMs)

function yearBefore(time: Date): Date {
  const date = new Date(time)
  date.setUTCFullYear(date.getUTCFullYear() - 1)
  return date
}
