// Retrieval reference numbers: 12 digits that count up over all processes and never repeat, enough for 10¹²
// payments. A number identifies one payment, with or without its settlement date.

import type { Db } from 'mongodb'

/**
 * Returns one number per call, from blocks that this process reserves. The rest of a block is skipped at
 * its end.
 */
export function createRrnSource(db: Db): () => Promise<string> {
  let next = 0n
  let end = 0n
  let reserving: Promise<void> | null = null
  const reserve = async () => {
    try {
      next = await takeRrns(db, rrnBlock)
      end = next + rrnBlock
    } finally {
      reserving = null
    }
  }
  return async () => {
    while (next === end) await (reserving ??= reserve())
    return formatRrn(next++)
  }
}

const rrnBlock = 1000n

export const formatRrn = (count: bigint): string => count.toString().padStart(12, '0')

/** Reserves `count` consecutive retrieval reference numbers, and returns the first of them. */
export async function takeRrns(db: Db, count: bigint): Promise<bigint> {
  const after = await countersOf(db).findOneAndUpdate(
    { _id: 'rrn' },
    { $inc: { next: count } },
    { upsert: true, returnDocument: 'after' },
  )
  return after!.next - count + 1n
}

/** Leaves out the first `count` numbers, which an import has used. */
export async function skipRrns(db: Db, count: bigint): Promise<void> {
  await countersOf(db).updateOne({ _id: 'rrn' }, { $max: { next: count } }, { upsert: true })
}

const countersOf = (db: Db) => db.collection<{ _id: string; next: bigint }>('counters')
