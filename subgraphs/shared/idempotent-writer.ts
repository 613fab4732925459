// Changes that are done once under an idempotency key, for everything that is not a payment. Key and effect are written in one
// MongoDB transaction, so they stand or fall together, whichever process does it and whenever it dies.

import type { ClientSession, Db } from 'mongodb'
import { isRefusal, refuse, type Refusal } from '../../schema/values/problems.ts'
import {
  conflictOf,
  isKept,
  useOfKey,
  type IdempotencyConflict,
  type Operation,
  type UsedKey,
} from './idempotency-key.ts'
import { makeCollection } from '../platform/mongo/client.ts'
import { isDuplicateKey } from '../platform/mongo/errors.ts'
import type { ParticipantId } from '../../schema/values/id.ts'

/** One call of a mutation. */
export interface Call {
  /** Whose key it is: the caller's participant. */
  readonly participant: ParticipantId
  readonly operation: Operation
  /** 1–64 characters; left out, the effect is only made whole: a repeated call does it again. */
  readonly idempotencyKey?: string | null
  /** The whole input: another one under the same key is a conflict. */
  readonly input: object
  readonly at: Date
}

export interface Outcome<Done> {
  /** What the effect returned, now or the first time. */
  readonly done: Done
  /** The same key and input came before. */
  readonly replayed: boolean
}

export interface IdempotentWriter {
  /**
   * Runs `effect` in a MongoDB transaction, and gives what it gave the first time when the key was used before with the same
   * input; with another input it refuses with IDEMPOTENCY_CONFLICT, and a key that is no key with BAD_VALUE.
   *
   * `effect` passes the session to everything that it reads and writes, one call after the other. It may run several times,
   * of which one counts, so it does nothing outside of MongoDB. What it returns is kept with the key: plain data that BSON
   * carries, and no secrets. When it refuses, whatever it wrote is undone, and the refusal is what the key gives from then on
   * (unless it stands for an outage, as RATE_UNAVAILABLE does). Whatever it throws is an outage: nothing is kept, and the
   * key can be used again.
   *
   * What depends on the input alone is better checked before: then a caller who corrects a slip needs no new key.
   */
  once<Done>(
    call: Call,
    effect: (session: ClientSession) => Promise<Done | Refusal>,
  ): Promise<Outcome<Done> | Refusal | IdempotencyConflict>
}

/** A document of the collection `keys`. Within its MongoDB transaction it has no outcome yet; nobody else ever sees that. */
interface KeptKey {
  /** "participant/operation/key". */
  readonly _id: string
  readonly hash: string
  readonly at: Date
  readonly outcome?: { readonly done: unknown } | { readonly refusal: Refusal }
}

export async function createIdempotentWriter(db: Db): Promise<IdempotentWriter> {
  await makeCollection(db, 'keys')
  const keys = db.collection<KeptKey>('keys')

  const firstUse = async <Done>(key: UsedKey): Promise<Outcome<Done> | Refusal | null> => {
    const kept = await keys.findOne({ _id: key.id })
    if (!kept?.outcome) return null
    const conflict = conflictOf({ id: kept._id, hash: kept.hash, at: kept.at }, key)
    if (conflict) return conflict
    return 'refusal' in kept.outcome
      ? kept.outcome.refusal
      : { done: kept.outcome.done as Done, replayed: true }
  }

  /** Null when somebody else was faster with this key. */
  const attempt = async <Done>(
    key: UsedKey | null,
    effect: (session: ClientSession) => Promise<Done | Refusal>,
  ): Promise<Outcome<Done> | Refusal | null> => {
    const session = db.client.startSession()
    try {
      return await session.withTransaction(async () => {
        // First, so that all but one of many calls at once stop here, before they do any work.
        if (key && !(await claim(key, session))) return null
        const done = await effect(session)
        if (isRefusal(done)) {
          if (session.inTransaction()) await session.abortTransaction()
          return done
        }
        if (key) await keys.updateOne({ _id: key.id }, { $set: { outcome: { done } } }, { session })
        return { done, replayed: false }
      })
    } finally {
      await session.endSession()
    }
  }

  const claim = async ({ id, hash, at }: UsedKey, session: ClientSession): Promise<boolean> => {
    try {
      await keys.insertOne({ _id: id, hash, at }, { session })
      return true
    } catch (error) {
      if (!isDuplicateKey(error)) throw error
      await session.abortTransaction()
      return false
    }
  }

  const keep = async ({ id, hash, at }: UsedKey, refusal: Refusal): Promise<boolean> => {
    try {
      await keys.insertOne({ _id: id, hash, at, outcome: { refusal } })
      return true
    } catch (error) {
      if (!isDuplicateKey(error)) throw error
      return false
    }
  }

  return {
    async once<Done>(call: Call, effect: (session: ClientSession) => Promise<Done | Refusal>) {
      const key = readKey(call)
      if (isRefusal(key)) return key
      const before = key && (await firstUse<Done>(key))
      if (before) return before
      const now = await attempt(key, effect)
      if (!key || (now && !isRefusal(now))) return now!
      if (now && (!isKept(now) || (await keep(key, now)))) return now
      const first = await firstUse<Done>(key)
      if (!first) throw new Error(`the key ${key.id} was taken and is gone`)
      return first
    },
  }
}

function readKey({ participant, operation, idempotencyKey, input, at }: Call): UsedKey | null | Refusal {
  if (idempotencyKey === null || idempotencyKey === undefined) return null
  if (/^\P{Cc}{1,64}$/u.test(idempotencyKey)) {
    return useOfKey(participant, operation, idempotencyKey, input, at)
  }
  return refuse('BAD_VALUE', 'idempotencyKey is 1–64 characters, none of them a control character', [
    'input',
    'idempotencyKey',
  ])
}
