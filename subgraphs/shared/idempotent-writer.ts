// Runs changes once per idempotency key, for everything that is not a payment. The key and the effect are
// written in one MongoDB transaction, so neither exists without the other, whichever process stops at any
// time.

import type { ClientSession, Collection, Db } from 'mongodb'
import type { ParticipantId, UsedKeyId } from '../../schema/values/id.ts'
import { isRefusal, refuse, type Refusal } from '../../schema/values/problems.ts'
import { makeCollection } from '../platform/mongo/client.ts'
import { isDuplicateKey } from '../platform/mongo/errors.ts'
import {
  conflictOf,
  isKept,
  useOfKey,
  type IdempotencyConflict,
  type Operation,
  type UsedKey,
} from './idempotency-key.ts'

/** One call of a mutation. */
export interface Call {
  /** The caller's participant, which owns the key. */
  readonly participant: ParticipantId
  readonly operation: Operation
  /** 1–64 characters. Left out, the effect is atomic but not idempotent: a repeated call runs it again. */
  readonly idempotencyKey?: string | null
  /** The input as it was read: another one under the same key is a conflict. */
  readonly command: object
  readonly at: Date
}

export interface Outcome<Done> {
  /** What the effect returned, in this call or in the first one. */
  readonly done: Done
  /** True when the effect ran in an earlier call. */
  readonly replayed: boolean
}

/** Runs in the MongoDB transaction of `session`, possibly several times. */
type Effect<Done> = (session: ClientSession) => Promise<Done | Refusal>

export interface IdempotentWriter {
  /**
   * Runs `effect` in a MongoDB transaction, or returns its first result when the key was used before with the
   * same input. Refuses with IDEMPOTENCY_CONFLICT for another input, and with BAD_VALUE for a malformed key.
   *
   * `effect` passes the session to all its reads and writes, one after the other. It may run several times,
   * of which one counts, so it must do nothing outside MongoDB. Its result is stored with the key: plain data
   * that BSON can carry, and no secrets. When it refuses, its writes are undone and the refusal is the key's
   * result from then on, unless it reports an outage as RATE_UNAVAILABLE does. When it throws, nothing is
   * stored and the key can be used again.
   *
   * Checks of the input alone belong before the call: a corrected input then needs no new key.
   */
  once<Done>(call: Call, effect: Effect<Done>): Promise<Outcome<Done> | Refusal | IdempotencyConflict>
}

/**
 * A document of the collection `keys`. It has no outcome within its MongoDB transaction, where no other
 * process can read it.
 */
interface StoredKey {
  readonly _id: UsedKeyId
  /** Hash of the command. */
  readonly hash: string
  readonly at: Date
  readonly outcome?: { readonly done: unknown } | { readonly refusal: Refusal }
}

type Keys = Collection<StoredKey>

export async function createIdempotentWriter(db: Db): Promise<IdempotentWriter> {
  await makeCollection(db, 'keys')
  const keys = db.collection<StoredKey>('keys')
  return { once: (call, effect) => runOnce(db, keys, call, effect) }
}

async function runOnce<Done>(
  db: Db,
  keys: Keys,
  call: Call,
  effect: Effect<Done>,
): Promise<Outcome<Done> | Refusal | IdempotencyConflict> {
  const key = readKey(call)
  if (isRefusal(key)) return key
  if (!key) {
    const done = await runAtomically(db, effect)
    return isRefusal(done) ? done : { done, replayed: false }
  }
  const earlier = await readOutcome<Done>(keys, key)
  if (earlier) return earlier
  const outcome = await runUnderKey(db, keys, key, effect)
  if (outcome && !isRefusal(outcome)) return outcome
  if (outcome && (!isKept(outcome) || (await storeRefusal(keys, key, outcome)))) return outcome
  const first = await readOutcome<Done>(keys, key)
  if (!first) throw new Error(`the idempotency key ${key.id} was used a moment ago, but is not stored`)
  return first
}

/**
 * Returns the outcome of an earlier use of the key, or the conflict with it; null when this is the first use.
 */
async function readOutcome<Done>(keys: Keys, key: UsedKey): Promise<Outcome<Done> | Refusal | null> {
  const stored = await keys.findOne({ _id: key.id })
  if (!stored?.outcome) return null
  const conflict = conflictOf({ id: stored._id, hash: stored.hash, at: stored.at }, key)
  if (conflict) return conflict
  return 'refusal' in stored.outcome
    ? stored.outcome.refusal
    : { done: stored.outcome.done as Done, replayed: true }
}

/**
 * Runs `effect` in the MongoDB transaction that stores the key; null when a concurrent call has stored it
 * first.
 */
const runUnderKey = <Done>(
  db: Db,
  keys: Keys,
  key: UsedKey,
  effect: Effect<Done>,
): Promise<Outcome<Done> | Refusal | null> =>
  runAtomically<Outcome<Done> | null>(db, async (session) => {
    // The key comes first, so that all but one of many concurrent calls stop before they do any work.
    if (!(await insertKey(keys, { _id: key.id, hash: key.hash, at: key.at }, session))) {
      await session.abortTransaction()
      return null
    }
    const done = await effect(session)
    if (isRefusal(done)) return done
    await keys.updateOne({ _id: key.id }, { $set: { outcome: { done } } }, { session })
    return { done, replayed: false }
  })

/** Runs `effect` in a MongoDB transaction, and undoes its writes when it refuses. */
const runAtomically = <Done>(db: Db, effect: Effect<Done>): Promise<Done | Refusal> =>
  db.client.withSession((session) =>
    session.withTransaction(async () => {
      const done = await effect(session)
      if (isRefusal(done) && session.inTransaction()) await session.abortTransaction()
      return done
    }),
  )

/** Stores a refusal as the key's result; false when a concurrent call has used the key. */
const storeRefusal = (keys: Keys, { id, hash, at }: UsedKey, refusal: Refusal): Promise<boolean> =>
  insertKey(keys, { _id: id, hash, at, outcome: { refusal } })

async function insertKey(keys: Keys, key: StoredKey, session?: ClientSession): Promise<boolean> {
  try {
    await keys.insertOne(key, session && { session })
    return true
  } catch (error) {
    if (!isDuplicateKey(error)) throw error
    return false
  }
}

function readKey({ participant, operation, idempotencyKey, command, at }: Call): UsedKey | null | Refusal {
  if (idempotencyKey === null || idempotencyKey === undefined) return null
  if (/^\P{Cc}{1,64}$/u.test(idempotencyKey)) {
    return useOfKey(participant, operation, idempotencyKey, command, at)
  }
  return refuse('BAD_VALUE', 'idempotencyKey has 1–64 characters and no control character', [
    'input',
    'idempotencyKey',
  ])
}
