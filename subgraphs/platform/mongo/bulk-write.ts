// Many writes in one call. The driver's `insertMany` and `bulkWrite` measure each document before they write it out, which costs
// as much again; these write it out once.

import { MongoNetworkError, MongoServerError, type Collection, type Db, type Document } from 'mongodb'

export interface WriteConcern {
  readonly w: number | 'majority'
  readonly j: boolean
}

/** A write that was not done. */
export interface WriteError {
  /** Place among all that were to be done. */
  readonly index: number
  readonly code: number
  /** The fields of the unique index that it collides with, when it does. */
  readonly keyPattern?: Document
}

export interface InsertOptions {
  /** True: stops at the first that cannot be inserted, and never tries again. */
  readonly ordered: boolean
  /** As the server takes it. Left out: in the journal of a majority. */
  readonly writeConcern?: WriteConcern
}

export const duplicateKeyCode = 11_000

/**
 * Inserts `documents`, each with an id of its own: gives those that were not inserted, and why. Where the answer is lost or the
 * primary has changed, it tries once more: what the first try has inserted is there then, under its id. Throws when it cannot
 * be known what was done.
 */
export async function insertAll<Doc extends Document>(
  collection: Collection<Doc>,
  documents: readonly Doc[],
  options: InsertOptions,
): Promise<readonly WriteError[]> {
  if (documents.length === 0) return []
  try {
    return await insert(collection, documents, options)
  } catch (error) {
    if (options.ordered || !isWorthRepeating(error)) throw error
    const errors = await insert(collection, documents, options)
    return errors.filter(({ keyPattern }) => !keyPattern || !('_id' in keyPattern))
  }
}

export interface Update {
  readonly filter: Document
  readonly update: Document
}

export interface UpdateOutcome {
  /** How many filters found their document. */
  readonly matched: number
  readonly errors: readonly WriteError[]
}

/**
 * Makes each update of at most one document. Where the answer is lost or the primary has changed, it tries once more, so a
 * filter must not match any more once its update was made: then less is matched than was done. Throws when it cannot be known
 * what was done.
 */
export async function updateAll(
  { collectionName, db }: Pick<Collection, 'collectionName' | 'db'>,
  updates: readonly Update[],
): Promise<UpdateOutcome> {
  const update = async (): Promise<UpdateOutcome> => {
    const all = updates.map((one) => ({ q: one.filter, u: one.update }))
    const reply = await write(db, {
      update: collectionName,
      updates: all,
      ordered: false,
      writeConcern: durable,
    })
    return { matched: reply.n, errors: reply.writeErrors ?? [] }
  }
  try {
    return await update()
  } catch (error) {
    if (!isWorthRepeating(error)) throw error
    return update()
  }
}

async function insert<Doc extends Document>(
  { collectionName, db }: Collection<Doc>,
  documents: readonly Doc[],
  { ordered, writeConcern = durable }: InsertOptions,
): Promise<readonly WriteError[]> {
  return (await write(db, { insert: collectionName, documents, ordered, writeConcern })).writeErrors ?? []
}

interface Reply {
  readonly n: number
  readonly writeErrors?: readonly WriteError[]
  readonly writeConcernError?: { readonly errmsg: string }
}

async function write(db: Db, command: Document): Promise<Reply> {
  const reply = (await db.command(command, { ignoreUndefined: true })) as Reply
  if (reply.writeConcernError) throw new Error(reply.writeConcernError.errmsg)
  return reply
}

const durable: WriteConcern = { w: 'majority', j: true }

/** The connection broke, or the server is no primary, or no longer or not yet one. Source: MongoDB's retryable writes specification. */
const isWorthRepeating = (error: unknown): boolean =>
  error instanceof MongoNetworkError ||
  (error instanceof MongoServerError && retryableCodes.has(Number(error.code)))

const retryableCodes = new Set([6, 7, 89, 91, 189, 262, 9001, 10_107, 11_600, 11_602, 13_435, 13_436])
