// Retrieval reference numbers: 12 digits that count up over all processes and never repeat, good for 10¹² payments. With
// the settlement date, or without it, one names one payment.

import type { Db } from 'mongodb'

/** Gives one number at a time, from blocks that this process takes; what is left of a block when it ends is skipped. */
export function createRrnSource(db: Db): () => Promise<string> {
  let next = 0n
  let end = 0n
  let taking: Promise<void> | null = null
  const take = async () => {
    try {
      next = await takeRrns(db, rrnBlock)
      end = next + rrnBlock
    } finally {
      taking = null
    }
  }
  return async () => {
    while (next === end) await (taking ??= take())
    return formatRrn(next++)
  }
}

const rrnBlock = 1000n

export const formatRrn = (count: bigint): string => count.toString().padStart(12, '0')

/** Reserves `count` retrieval reference numbers: the first of them. */
export async function takeRrns(db: Db, count: bigint): Promise<bigint> {
  const counters = db.collection<{ _id: string; next: bigint }>('counters')
  const after = await counters.findOneAndUpdate(
    { _id: 'rrn' },
    { $inc: { next: count } },
    { upsert: true, returnDocument: 'after' },
  )
  return after!.next - count + 1n
}
