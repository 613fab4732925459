// Settlement batches in MongoDB.

import { Decimal128, type Collection, type Db } from 'mongodb'
import type { BatchDefinition, BatchTotals, NetAmount, SettlementBatch } from './batch.ts'
import { filesOf } from './files.ts'

/** A document of the collection `settlementBatches`. */
type StoredBatch = BatchDefinition & {
  /** False while some transactions of the batch may still be PENDING. */
  readonly marked: boolean
} & (
    | { readonly status: 'CLOSING' }
    | (Omit<BatchTotals, 'net'> & {
        readonly status: 'CLOSED'
        /** Names the files of the batch. */
        readonly attempt: string
        /** Sums may exceed 64 bits. */
        readonly net: readonly (Omit<NetAmount, 'minor'> & { readonly minor: Decimal128 })[]
      })
  )

export const settlementBatchesOf = (db: Db): Collection<StoredBatch> =>
  db.collection<StoredBatch>('settlementBatches')

export async function createSettlementIndexes(db: Db): Promise<void> {
  await settlementBatchesOf(db).createIndexes([
    { name: 'number', key: { number: 1 }, unique: true },
    { name: 'part', key: { 'parts.participant': 1, number: -1 } },
    { name: 'unfinished', key: { marked: 1 }, partialFilterExpression: { marked: false } },
  ])
  await filesOf(db).createIndex({ batch: 1, owner: 1, format: 1 }, { name: 'batch' })
}

export function settlementBatchOf(stored: StoredBatch): SettlementBatch {
  if (stored.status === 'CLOSING') return stored
  const net = stored.net.map(({ minor, ...rest }) => ({ ...rest, minor: BigInt(minor.toString()) }))
  return { ...stored, net }
}

export const storedNet = ({ minor, ...rest }: NetAmount) => ({
  ...rest,
  minor: Decimal128.fromString(minor.toString()),
})
