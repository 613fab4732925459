// Group commit: what many callers write at the same time goes to MongoDB in one call, and each gets an outcome of its own.

import { randomUUID } from 'node:crypto'
import type { Collection } from 'mongodb'
import {
  duplicateKeyCode,
  insertAll,
  updateAll,
  type Update,
  type WriteConcern,
} from '../../platform/mongo/bulk-write.ts'
import type { Move, Payment } from '../payment/payment.ts'

/** True for each document that was written, false for each that collides with a unique index. */
export async function insertBatch<Doc extends { readonly _id: string }>(
  collection: Collection<Doc>,
  group: readonly Doc[],
  writeConcern?: WriteConcern,
): Promise<(boolean | Error)[]> {
  const errors = await insertAll(collection, group, {
    ordered: false,
    ...(writeConcern && { writeConcern }),
  })
  const outcomes: (boolean | Error)[] = group.map(() => true)
  for (const error of errors) {
    outcomes[error.index] =
      error.code === duplicateKeyCode ? false : new Error('a document was refused', { cause: error })
  }
  return outcomes
}

/** A move, to be made if the payment still is as it was `before`. Its event carries the name of the write. */
export interface PlannedMove {
  readonly before: Payment
  readonly move: Move
}

/** The key of a move was used for something else before. */
export class KeyTakenError extends Error {
  override readonly name = 'KeyTakenError'
}

/** True for each move that was made, false for each whose payment had moved before; an error where it cannot be known. */
export async function moveBatch(
  payments: Collection<Payment>,
  group: readonly PlannedMove[],
): Promise<(boolean | Error)[]> {
  try {
    const { matched, errors } = await updateAll(payments, group.map(updateOf))
    if (matched === group.length) return group.map(() => true)
    const taken = new Set(errors.filter(({ code }) => code === duplicateKeyCode).map(({ index }) => index))
    const other = errors.find(({ code }) => code !== duplicateKeyCode)
    if (other) throw new Error('a move was refused', { cause: other })
    const isMade = await lookUpMoves(payments, group)
    return isMade.map(
      (made, n) => made || (taken.has(n) ? new KeyTakenError('the key was used before') : false),
    )
  } catch (error) {
    // What was written before the error stands, and its caller is told so.
    const isMade = await lookUpMoves(payments, group)
    return isMade.map((made) => made || (error as Error))
  }
}

function updateOf({ before, move: { event, set, due, key, refund } }: PlannedMove): Update {
  const { _id, status, sequence } = before
  return {
    filter: { _id, status, sequence },
    update: {
      $set: { ...set, status: event.to, sequence: event.sequence, updatedAt: event.at, ...(due && { due }) },
      $push: { events: event, ...(key && { keys: key }), ...(refund && { refunds: refund }) },
      ...(!due && { $unset: { due: true } }),
    },
  }
}

/** A bulk write says how many matched, not which: each event carries the name of the write that added it. */
async function lookUpMoves(payments: Collection<Payment>, group: readonly PlannedMove[]): Promise<boolean[]> {
  const ids = group.map(({ before }) => before._id)
  const found = await payments.find({ _id: { $in: ids } }, { projection: { events: 1 } }).toArray()
  const stored = new Map(found.map(({ _id, events }) => [_id, events]))
  return group.map(({ before, move: { event } }) => {
    return stored.get(before._id)?.[event.sequence - 1]?.write === event.write
  })
}

/** Names for writes, unlike those of every other process. */
export function writeNames(): () => string {
  const process = randomUUID().slice(0, 8)
  let count = 0
  return () => `${process}-${(++count).toString(36)}`
}
