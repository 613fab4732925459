// Ids of quotes, payments, refunds and presented codes.

import { randomFillSync } from 'node:crypto'
import { v7 as newUuid } from 'uuid'

/** Creates an id: a UUID version 7 of the time `at`. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- The caller states the kind of the id.
export function newId<Id extends string>(at: Date): Id {
  if (poolUsed === pool.length) {
    randomFillSync(pool)
    poolUsed = 0
  }
  return newUuid({ msecs: at.getTime(), random: pool.subarray(poolUsed, (poolUsed += 16)) }) as Id
}

/** Filled as a whole, because a call for 4,096 random bytes costs hardly more than one for 16. */
const pool = new Uint8Array(4096)
let poolUsed = pool.length

/** The least UUID version 7 of `at`: its milliseconds in the first twelve hexadecimal digits. */
export function firstIdAt(at: Date): string {
  const hex = Math.max(0, at.getTime()).toString(16).padStart(12, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8)}`
}
