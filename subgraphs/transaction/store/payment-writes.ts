// Group writes: the writes of many callers go to MongoDB in one call, and each caller receives its own
// outcome.

import type { Collection } from 'mongodb'
import {
  insertAll,
  updateAll,
  type Update,
  type WriteConcern,
  type WriteError,
} from '../../platform/mongo/bulk-write.ts'
import { isDuplicateKey } from '../../platform/mongo/errors.ts'
import type { Move, Payment } from '../payment/payment.ts'

/** Another payment of the customer's day has the number of this one, which was not written. */
export class NumberTakenError extends Error {
  override readonly name = 'NumberTakenError'
}

/**
 * Returns true for each document that was written, false for each that collides with a unique index, and an
 * error for each that MongoDB did not accept: a NumberTakenError where the index is that of customers' days.
 */
export async function insertBatch<Doc extends { readonly _id: string }>(
  collection: Collection<Doc>,
  group: readonly Doc[],
  options: { readonly writeConcern?: WriteConcern; readonly signal?: AbortSignal } = {},
): Promise<(boolean | Error)[]> {
  const errors = await insertAll(collection, group, { ordered: false, ...options })
  const outcomes: (boolean | Error)[] = group.map(() => true)
  for (const error of errors) {
    outcomes[error.index] = outcomeOf(error)
  }
  return outcomes
}

function outcomeOf(error: WriteError): false | Error {
  if (!isDuplicateKey(error)) return new Error('MongoDB did not accept a document', { cause: error })
  const isOfDay = error.keyPattern && 'customerDay.number' in error.keyPattern
  return isOfDay ? new NumberTakenError('the number of the day is taken') : false
}

/** A move, and the payment as its rule read it. The event carries the name of the write. */
export interface PlannedMove {
  readonly before: Payment
  readonly move: Move
}

/** Another operation used the idempotency key of a move before. */
export class KeyTakenError extends Error {
  override readonly name = 'KeyTakenError'
}

/**
 * Returns true for each move that was written, false for each whose payment had changed, and an error where
 * the outcome is unknown.
 */
export async function moveBatch(
  payments: Collection<Payment>,
  group: readonly PlannedMove[],
  signal?: AbortSignal,
): Promise<(boolean | Error)[]> {
  try {
    const { matched, errors } = await updateAll(payments, group.map(updateOf), signal)
    if (matched === group.length) return group.map(() => true)
    const taken = new Set(errors.filter(isDuplicateKey).map(({ index }) => index))
    const other = errors.find((error) => !isDuplicateKey(error))
    if (other) throw new Error('MongoDB did not accept a move', { cause: other })
    const written = await readWritten(payments, group)
    return written.map(
      (isWritten, n) => isWritten || (taken.has(n) ? new KeyTakenError('the key was used before') : false),
    )
  } catch (error) {
    // A part of the group may have been written before the error: those callers receive true.
    const written = await readWritten(payments, group)
    return written.map((isWritten) => isWritten || (error as Error))
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

/**
 * A bulk write returns how many updates matched, not which. Each event carries the name of the write that
 * added it.
 */
async function readWritten(payments: Collection<Payment>, group: readonly PlannedMove[]): Promise<boolean[]> {
  const ids = group.map(({ before }) => before._id)
  const found = await payments.find({ _id: { $in: ids } }, { projection: { events: 1 } }).toArray()
  const eventsById = new Map(found.map(({ _id, events }) => [_id, events]))
  return group.map(
    ({ before, move: { event } }) => eventsById.get(before._id)?.[event.sequence - 1]?.write === event.write,
  )
}
