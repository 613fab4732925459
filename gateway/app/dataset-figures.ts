// Compares a loaded data set with the figures that the programme reports, at its scale.

import type { Db } from 'mongodb'
import type { Logger } from '../../subgraphs/platform/logger.ts'
import { askProgramme, type ProgrammeAnswer } from './ask-programme.ts'

interface Record {
  readonly scale: number
  readonly until: Date
  readonly loadedAt: Date | null
}

export interface FigureCheck {
  /** A table: a line for each figure, below one with the headings. */
  readonly lines: readonly string[]
  readonly isRight: boolean
}

const dayMs = 86_400_000

interface Figure {
  readonly name: string
  readonly reported: string
  readonly found: string
}

/**
 * Compares the figures of the programme with payments and counts as they are stored, and with what a hub
 * answers from three subgraphs. Throws when there is no data set, or only a part of it.
 */
export async function checkFigures(db: Db, logger: Logger): Promise<FigureCheck> {
  const record = await db.collection<Record & { _id: string }>('meta').findOne({ _id: 'dataset' })
  if (!record?.loadedAt) throw new Error('the database has no complete data set: load one without --check')
  const { scale, until } = record
  const reported = reportedAt(scale)
  const [stored, answered] = [await storedFigures(db, until), await askProgramme(db, until, logger)]
  const figures = [
    ...compare('stored', reported, stored),
    ...compare('by the hub', reported, answeredFigures(answered)),
  ]
  const columns = ({ name, reported: wanted, found }: Figure, verdict: string): string =>
    `${name.padEnd(46)}${wanted.padStart(20)}${found.padStart(20)}  ${verdict}`.trimEnd()
  return {
    lines: [
      columns({ name: `figures at scale ${scale}`, reported: 'reported', found: 'found' }, ''),
      ...figures.map((figure) => columns(figure, figure.found === figure.reported ? 'equal' : 'differs')),
    ],
    isRight: figures.every(({ found, reported: wanted }) => found === wanted),
  }
}

type Figures = Readonly<{ [figure: string]: string }>

/** The figures of the programme in August and September 2025, of which only these depend on the scale. */
const reportedAt = (scale: number): Figures => ({
  'mainland merchants': String(Math.round(1_350_000 * scale)),
  'major online merchants': '168',
  'foreign merchants': String(Math.round(11_000_000 * scale)),
  'completed payments of the year': String(Math.round(1_981_000 * scale)),
  'their value': yuan(Math.round(42_700_000_000 * scale)),
  'growth in number': '+111 %',
  'growth in value': '+29 %',
  'QR products for foreign wallets': '232',
  'foreign wallets, over 170': 'yes',
  'countries and regions of these wallets': '30',
  'interoperability projects': '19',
  'countries of these projects': '19',
})

const compare = (where: string, reported: Figures, found: Figures): Figure[] =>
  Object.entries(found).map(([name, value]) => ({
    name: `${name}, ${where}`,
    reported: reported[name]!,
    found: value,
  }))

const yuan = (fen: number): string => `CNY ${(fen / 100).toFixed(2)}`
const percent = (value: number): string => `${value < 0 ? '' : '+'}${Math.round(value)} %`

async function storedFigures(db: Db, until: Date): Promise<Figures> {
  const [merchants, recent, earlier] = await Promise.all([
    countMerchants(db),
    sumPayments(db, daysBefore(until, 365), until),
    sumPayments(db, yearBefore(daysBefore(until, 365)), yearBefore(until)),
  ])
  return {
    'mainland merchants': String(merchants.mainland),
    'major online merchants': String(merchants.online),
    'foreign merchants': String(merchants.foreign),
    'completed payments of the year': String(recent.payments),
    'their value': yuan(recent.fen),
    'growth in number': percent((recent.payments / earlier.payments - 1) * 100),
    'growth in value': percent((recent.fen / earlier.fen - 1) * 100),
  }
}

const answeredFigures = (programme: ProgrammeAnswer): Figures => ({
  'mainland merchants': String(programme.mainlandMerchants),
  'major online merchants': String(programme.onlineMerchants),
  'foreign merchants': String(programme.foreignMerchants),
  'completed payments of the year': String(programme.payments),
  'their value': `${programme.value.currency} ${programme.value.amount}`,
  'growth in number': percent(programme.growth?.paymentsPercent ?? 0),
  'growth in value': percent(programme.growth?.valuePercent ?? 0),
  'QR products for foreign wallets': String(programme.qrProducts),
  'foreign wallets, over 170': programme.wallets > 170 ? 'yes' : String(programme.wallets),
  'countries and regions of these wallets': String(programme.walletCountries),
  'interoperability projects': String(programme.projects),
  'countries of these projects': String(programme.projectCountries),
})

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
