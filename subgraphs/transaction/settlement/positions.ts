// Positions: the sums of postings per participant, settlement date and currency, projected from the log.

import { Decimal128, type Db } from 'mongodb'
import type { Currency } from '../../../schema/values/currency.ts'
import type { LogEntry } from '../../log/entry.ts'
import { readPublished, resultsOf } from '../../log/checkpoint.ts'
import type { TransactionalProjection } from '../../log/projection.ts'
import { insertOnce } from '../../platform/mongo/bulk-write.ts'
import type { ParticipantId } from '../../../schema/values/id.ts'

/** Both sides are zero or more. */
export interface SettlementPosition {
  readonly currency: Currency
  readonly debits: bigint
  readonly credits: bigint
}

/** Sums may exceed 64 bits; a Decimal128 is exact to 34 digits. */
interface PositionDocument {
  /** "participant/date/currency". */
  readonly _id: string
  readonly participant: ParticipantId
  readonly settlementDate: string
  readonly currency: Currency
  readonly debits: Decimal128
  readonly credits: Decimal128
}

export const positionsProjectionName = 'positions'

/** Sums the postings of each batch in memory first, so that a batch writes each position at most once. */
export const positionsProjection: TransactionalProjection = {
  name: positionsProjectionName,
  collections: ['positions'],
  wants: ({ booking }) => booking !== undefined,
  async begin({ collection }) {
    await collection('positions').createIndex({ participant: 1, settlementDate: 1 }, { name: 'participant' })
  },
  async apply(entries, session, { collection }) {
    const sums = sumOf(entries)
    if (sums.size === 0) return
    await collection<PositionDocument>('positions').bulkWrite(
      [...sums].map(([_id, { debits, credits, ...rest }]) => ({
        updateOne: {
          filter: { _id },
          update: { $setOnInsert: rest, $inc: { debits: decimal(debits), credits: decimal(credits) } },
          upsert: true,
        },
      })),
      { session, ordered: false },
    )
  },
}

/** A part of a position, of the payments that an import wrote together. */
const partsOf = (db: Db) => db.collection<PositionDocument & { readonly position: string }>('positionParts')

/**
 * Stores the sums of entries of an import, the part `name` of all; `finishPositions` adds the parts up.
 * Storing a part again changes nothing.
 */
export async function loadPositions(db: Db, entries: readonly LogEntry[], name: string): Promise<void> {
  const parts = [...sumOf(entries)].map(([position, { debits, credits, ...rest }]) => ({
    _id: `${position} ${name}`,
    position,
    ...rest,
    debits: decimal(debits),
    credits: decimal(credits),
  }))
  await insertOnce(partsOf(db), parts)
}

/** Makes the positions of an import. May be repeated. */
export async function finishPositions(db: Db): Promise<void> {
  if ((await partsOf(db).estimatedDocumentCount()) === 0) return
  await partsOf(db)
    .aggregate([
      {
        $group: {
          _id: '$position',
          participant: { $first: '$participant' },
          settlementDate: { $first: '$settlementDate' },
          currency: { $first: '$currency' },
          debits: { $sum: '$debits' },
          credits: { $sum: '$credits' },
        },
      },
      { $out: resultsOf(db, 0).collection('positions').collectionName },
    ])
    .toArray()
  await partsOf(db).drop()
}

/**
 * The positions of a participant by currency: of one settlement date, or of all dates when `date` is null.
 */
export function readPositions(
  db: Db,
  participant: ParticipantId,
  date: string | null,
): Promise<SettlementPosition[]> {
  return readPublished(db, positionsProjectionName, async ({ collection }) => {
    const sums = await collection<PositionDocument>('positions')
      .aggregate<{ _id: Currency; debits: Decimal128; credits: Decimal128 }>([
        { $match: { participant, ...(date !== null && { settlementDate: date }) } },
        { $group: { _id: '$currency', debits: { $sum: '$debits' }, credits: { $sum: '$credits' } } },
        { $sort: { _id: 1 } },
      ])
      .toArray()
    return sums.map(({ _id, debits, credits }) => ({
      currency: _id,
      debits: BigInt(debits.toString()),
      credits: BigInt(credits.toString()),
    }))
  })
}

interface Sum extends Pick<PositionDocument, 'participant' | 'settlementDate' | 'currency'> {
  debits: bigint
  credits: bigint
}

function sumOf(entries: readonly LogEntry[]): ReadonlyMap<string, Sum> {
  const sums = new Map<string, Sum>()
  for (const { booking } of entries) {
    if (!booking) continue
    const { settlementDate } = booking
    for (const { participant, currency, minor } of booking.postings) {
      const id = `${participant}/${settlementDate}/${currency}`
      const sum = sums.get(id) ?? { participant, settlementDate, currency, debits: 0n, credits: 0n }
      if (minor < 0n) sum.debits -= minor
      else sum.credits += minor
      sums.set(id, sum)
    }
  }
  return sums
}

const decimal = (sum: bigint): Decimal128 => Decimal128.fromString(sum.toString())
