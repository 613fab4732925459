// Ids of quotes, payments, refunds and codes.

import { randomFillSync } from 'node:crypto'
import { v7 as newUuid } from 'uuid'

/** A UUID version 7 of `at`. */
export function newId(at: Date): string {
  if (poolUsed === pool.length) {
    randomFillSync(pool)
    poolUsed = 0
  }
  return newUuid({ msecs: at.getTime(), random: pool.subarray(poolUsed, (poolUsed += 16)) })
}

/** Randomness is cheaper by the kilobyte. */
const pool = new Uint8Array(4096)
let poolUsed = pool.length

/** The least UUID version 7 of `at`: its milliseconds in the first twelve hexadecimal digits. */
export function firstIdAt(at: Date): string {
  const hex = Math.max(0, at.getTime()).toString(16).padStart(12, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8)}`
}
