// Group commit: what many callers write at the same time goes to MongoDB in one call, and each gets an outcome of its own.

import { randomUUID } from 'node:crypto'
import { MongoBulkWriteError, type Collection, type Filter, type WriteConcernSettings } from 'mongodb'
import type { Move, Payment } from './payment.ts'

/** True for each document that was written, false for each that collides with a unique index. */
export async function insertGroup<Doc extends { readonly _id: string }>(
  collection: Collection<Doc>,
  group: readonly Doc[],
  writeConcern?: WriteConcernSettings,
): Promise<(boolean | Error)[]> {
  try {
    await collection.insertMany(group as never, { ordered: false, ...(writeConcern && { writeConcern }) })
    return group.map(() => true)
  } catch (error) {
    if (!(error instanceof MongoBulkWriteError)) throw error
    const outcomes: (boolean | Error)[] = group.map(
      () => error.result.getWriteConcernError() === undefined || error,
    )
    for (const failed of [error.writeErrors].flat()) {
      outcomes[failed.index] = failed.code === duplicateKey ? false : error
    }
    return outcomes
  }
}

const duplicateKey = 11_000

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
export async function moveGroup(
  payments: Collection<Payment>,
  group: readonly PlannedMove[],
): Promise<(boolean | Error)[]> {
  try {
    const { matchedCount } = await payments.bulkWrite(group.map(updateOf), { ordered: false })
    if (matchedCount === group.length) return group.map(() => true)
    return await lookUpMoves(payments, group)
  } catch (error) {
    // What was written before the error stands, and its caller is told so.
    const isMade = await lookUpMoves(payments, group)
    const refused = error instanceof MongoBulkWriteError ? [error.writeErrors].flat() : []
    const taken = new Set(refused.filter(({ code }) => code === duplicateKey).map(({ index }) => index))
    const isKnown = refused.length > 0 && taken.size === refused.length
    return isMade.map((made, n) => {
      if (made) return true
      if (taken.has(n)) return new KeyTakenError('the key was used before')
      return isKnown ? false : (error as Error)
    })
  }
}

function updateOf({ before, move: { event, set, due, key, refund } }: PlannedMove) {
  const { _id, status, sequence } = before
  return {
    updateOne: {
      filter: { _id, status, sequence } as Filter<Payment>,
      update: {
        $set: {
          ...set,
          status: event.to,
          sequence: event.sequence,
          updatedAt: event.at,
          ...(due && { due }),
        },
        $push: { events: event, ...(key && { keys: key }), ...(refund && { refunds: refund }) },
        ...(!due && { $unset: { due: true } }),
      } as never,
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
