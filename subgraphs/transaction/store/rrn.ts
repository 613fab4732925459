// Retrieval reference numbers: 12 digits that never repeat over all processes, enough for 10¹² payments. A
// number identifies one payment, with or without its settlement date.
//
// The hub counts its payments, and gives out each count permuted: successive numbers look random, because a
// participant that could subtract two of its own would learn how many payments others have made between.

import { createCipheriv, randomBytes, type Cipheriv } from 'node:crypto'
import { Binary, type Collection, type Db } from 'mongodb'

/**
 * Returns one number per call, from blocks that this process reserves. The rest of a block is skipped at
 * its end.
 */
export function createRrnSource(db: Db): () => Promise<string> {
  let rrns: readonly string[] = []
  let next = 0
  let reserving: Promise<void> | null = null
  const reserve = async () => {
    try {
      rrns = await takeRrns(db, rrnBlock)
      next = 0
    } finally {
      reserving = null
    }
  }
  return async () => {
    while (next === rrns.length) await (reserving ??= reserve())
    return rrns[next++]!
  }
}

const rrnBlock = 1000

interface Counter {
  readonly _id: string
  readonly next: bigint
  /** Of the permutation. A database of an earlier version has none, and its numbers count up. */
  readonly key?: Binary
}

/** Reserves `count` retrieval reference numbers. */
export async function takeRrns(db: Db, count: number): Promise<readonly string[]> {
  const { next, key } = await advance(db, count)
  return rrnsOf(Number(next) - count + 1, count, key)
}

/** The numbers of an import, which counts from 1: `count` of them after the first `index`. */
export async function rrnsOfImport(db: Db, index: number, count: number): Promise<readonly string[]> {
  return rrnsOf(index + 1, count, (await advance(db, 0)).key)
}

/** Leaves out the first `count` numbers, which an import has used. */
export async function skipRrns(db: Db, count: number): Promise<void> {
  await advance(db, 0)
  await countersOf(db).updateOne({ _id: 'rrn' }, { $max: { next: BigInt(count) } })
}

async function advance(db: Db, count: number): Promise<Counter> {
  const after = await countersOf(db).findOneAndUpdate(
    { _id: 'rrn' },
    [
      {
        $set: {
          next: { $add: [{ $ifNull: ['$next', 0n] }, BigInt(count)] },
          key: { $cond: [{ $eq: [{ $type: '$next' }, 'missing'] }, new Binary(randomBytes(32)), '$key'] },
        },
      },
    ],
    { upsert: true, returnDocument: 'after' },
  )
  return after!
}

function rrnsOf(first: number, count: number, key: Binary | undefined): readonly string[] {
  const counts = Array.from({ length: count }, (_, n) => first + n)
  return (key ? permuted(counts, key.value()) : counts).map(formatRrn)
}

const countersOf = (db: Db): Collection<Counter> => db.collection<Counter>('counters')

export const formatRrn = (rrn: number): string => String(rrn).padStart(12, '0')

const half = 1_000_000
const rounds = 8
const blockLength = 16

/**
 * Permutes numbers below 10¹²: a Feistel network over two halves of six digits, with AES-256 under `key` as the
 * round function. All numbers of one call go through a round together.
 */
export function permuted(numbers: readonly number[], key: Uint8Array): readonly number[] {
  const cipher = createCipheriv('aes-256-ecb', key, null).setAutoPadding(false)
  let left = numbers.map((number) => Math.floor(number / half))
  let right = numbers.map((number) => number % half)
  for (let round = 0; round < rounds; round++) {
    const added = roundOf(cipher, round, right)
    const mixed = left.map((value, n) => (value + added[n]!) % half)
    left = right
    right = mixed
  }
  return left.map((value, n) => value * half + right[n]!)
}

/** The round function: a number below 10⁶ for each value. */
function roundOf(cipher: Cipheriv, round: number, values: readonly number[]): readonly number[] {
  const blocks = Buffer.alloc(values.length * blockLength)
  for (const [n, value] of values.entries()) {
    blocks.writeUInt32BE(round, n * blockLength)
    blocks.writeUInt32BE(value, n * blockLength + 4)
  }
  const encrypted = cipher.update(blocks)
  return values.map((_, n) => encrypted.readUIntBE(n * blockLength, 6) % half)
}
