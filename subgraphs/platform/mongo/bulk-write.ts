// Many writes in one call. The driver's `insertMany` and `bulkWrite` serialise each document twice, to
// measure and to send it; these functions serialise it once.

import { MongoNetworkError, MongoServerError, type Collection, type Db, type Document } from 'mongodb'
import { writeBson } from './bson-writer.ts'
import { documentSequence } from './document-sequence.ts'
import { isDuplicateKey } from './errors.ts'

export interface WriteConcern {
  readonly w: number | 'majority'
  readonly j: boolean
}

/** A write that MongoDB has not made. */
export interface WriteError {
  /** Index in the list of all writes of the call. */
  readonly index: number
  readonly code: number
  /** The fields of the unique index, when a key is taken. */
  readonly keyPattern?: Document
}

export interface InsertOptions {
  /** True: stops at the first document that cannot be inserted, and never retries. */
  readonly ordered: boolean
  /** Left out: the write is acknowledged when it is in the journal of a majority. */
  readonly writeConcern?: WriteConcern
  /** True: documents of an import, whose types are those of `writeBson`. */
  readonly imported?: boolean
  /** Ends the wait for the answer. The outcome is then unknown. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Inserts `documents`, each with an id of its own, and returns the errors of those that were not inserted.
 * Retries once when the answer is lost or the primary has changed; a document whose id is taken by then was
 * inserted by the first attempt. Throws when the outcome is unknown.
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

/** Nothing waits for the journal: an interrupted import is continued, and its last write waits. */
export const importing = { ordered: false, writeConcern: { w: 1, j: false }, imported: true } as const

/** Inserts the documents of an import that are not stored yet. Throws when a document cannot be inserted. */
export async function insertOnce<Doc extends Document>(
  collection: Collection<Doc>,
  documents: readonly Doc[],
): Promise<void> {
  const errors = await insertAll(collection, documents, importing)
  const failed = errors.find((error) => !isDuplicateKey(error))
  if (!failed) return
  const id = String((documents[failed.index] as { readonly _id?: unknown })._id)
  throw new Error(`${id} cannot be written to ${collection.collectionName}`, { cause: failed })
}

export interface Update {
  readonly filter: Document
  readonly update: Document
}

export interface UpdateOutcome {
  /** Number of filters that matched a document. */
  readonly matched: number
  readonly errors: readonly WriteError[]
}

/**
 * Makes each update, of at most one document. Retries once when the answer is lost or the primary has
 * changed, so a filter must not match once its update is made; `matched` then leaves out the updates of the
 * first attempt. Throws when the outcome is unknown.
 */
export async function updateAll(
  { collectionName, db }: Pick<Collection, 'collectionName' | 'db'>,
  updates: readonly Update[],
  signal?: AbortSignal,
): Promise<UpdateOutcome> {
  const update = async (): Promise<UpdateOutcome> => {
    const all = updates.map((one) => ({ q: one.filter, u: one.update }))
    const command = { update: collectionName, updates: all, ordered: false, writeConcern: durable }
    const reply = await write(db, command, signal)
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
  { ordered, writeConcern = durable, imported = false, signal }: InsertOptions,
): Promise<readonly WriteError[]> {
  const rows = imported ? documentSequence('documents', writeBson(documents)) : documents
  const command = { insert: collectionName, documents: rows, ordered, writeConcern }
  return (await write(db, command, signal)).writeErrors ?? []
}

interface Reply {
  readonly n: number
  readonly writeErrors?: readonly WriteError[]
  readonly writeConcernError?: { readonly errmsg: string }
}

async function write(db: Db, command: Document, signal: AbortSignal | undefined): Promise<Reply> {
  const reply = (await db.command(command, { ignoreUndefined: true, ...(signal && { signal }) })) as Reply
  if (reply.writeConcernError) throw new Error(reply.writeConcernError.errmsg)
  return reply
}

const durable: WriteConcern = { w: 'majority', j: true }

/**
 * True when the connection broke or the server is not the primary. Source: MongoDB's retryable writes
 * specification.
 */
const isWorthRepeating = (error: unknown): boolean =>
  error instanceof MongoNetworkError ||
  (error instanceof MongoServerError && retryableCodes.has(Number(error.code)))

const retryableCodes = new Set([6, 7, 89, 91, 189, 262, 9001, 10_107, 11_600, 11_602, 13_435, 13_436])
