// Issued codes in MongoDB. An idempotency key names one code of one acquirer.

import { MongoServerError, type Db } from 'mongodb'
import { refuse, type Refusal } from '../../schema/values/problems.ts'
import { createLoader, type Loader } from '../platform/async/batching.ts'
import type { MerchantCode } from './code.ts'
import type { MerchantId, ParticipantId } from '../../schema/values/id.ts'

type StoredCode = Omit<MerchantCode, 'id'> & {
  readonly _id: string
  readonly idempotencyKey: string
  /** Of the order that it was issued for. */
  readonly digest: string
  readonly issuedAt: Date
}

/** The key was used before for another order. */
export interface IdempotencyConflict extends Refusal {
  readonly __typename: 'IdempotencyConflict'
  readonly firstUsedAt: Date
}

/** A code that is being issued, and for which order. */
export interface NewCode {
  readonly code: MerchantCode
  readonly idempotencyKey: string
  readonly digest: string
  readonly issuedAt: Date
}

export interface CodeStore {
  readonly codes: Loader<string, MerchantCode>
  /** Keeps a code; when its key was used before, gives the code of then, or the conflict when that was another order. */
  add(code: NewCode): Promise<MerchantCode | IdempotencyConflict>
  /** The code of an earlier use of this key, or the conflict; null when the key was not used yet. */
  replay(
    acquirer: ParticipantId,
    idempotencyKey: string,
    digest: string,
  ): Promise<MerchantCode | IdempotencyConflict | null>
  /** A merchant's codes that have not ended at `now`, newest first, at most `size`. */
  current(merchant: MerchantId, now: Date, size: number): Promise<MerchantCode[]>
}

/** A dynamic code is forgotten this long after its end; its idempotency key with it. */
const keptAfterEndSeconds = 30 * 86_400

export async function createCodeStore(db: Db): Promise<CodeStore> {
  const collection = db.collection<StoredCode>('codes')
  await collection.createIndexes([
    { key: { acquirer: 1, idempotencyKey: 1 }, unique: true },
    { key: { merchant: 1, expiresAt: 1 } },
    { key: { expiresAt: 1 }, expireAfterSeconds: keptAfterEndSeconds },
  ])

  return {
    codes: createLoader<string, MerchantCode>({
      load: async (ids) => {
        const found = await collection.find({ _id: { $in: [...ids] } }).toArray()
        const byId = new Map(found.map((stored) => [stored._id, codeOf(stored)]))
        return ids.map((id) => byId.get(id) ?? null)
      },
    }),

    async add({ code: { id, ...code }, idempotencyKey, digest, issuedAt }) {
      try {
        await collection.insertOne({ _id: id, ...code, idempotencyKey, digest, issuedAt })
        return { id, ...code }
      } catch (error) {
        if (!(error instanceof MongoServerError) || error.code !== 11000) throw error
        // The code that was first may be too young for a majority to have it: a linearizable read waits until one does.
        const first = await collection.findOne(
          { acquirer: code.acquirer, idempotencyKey },
          { readConcern: { level: 'linearizable' }, readPreference: 'primary' },
        )
        if (!first) throw error
        return again(first, digest)
      }
    },

    async replay(acquirer, idempotencyKey, digest) {
      const first = await collection.findOne({ acquirer, idempotencyKey })
      return first && again(first, digest)
    },

    async current(merchant, now, size) {
      const found = await collection
        .find({ merchant, $or: [{ expiresAt: null }, { expiresAt: { $gt: now } }] })
        .sort({ _id: -1 })
        .limit(size)
        .toArray()
      return found.map(codeOf)
    },
  }
}

/** The code of a key's first use, for who orders the same again. */
const again = (first: StoredCode, digest: string): MerchantCode | IdempotencyConflict =>
  first.digest === digest ? codeOf(first) : conflict(first.issuedAt)

const codeOf = ({ _id, kind, payload, expiresAt, merchant, acquirer }: StoredCode): MerchantCode => ({
  id: _id,
  kind,
  payload,
  expiresAt,
  merchant,
  acquirer,
})

const conflict = (firstUsedAt: Date): IdempotencyConflict => ({
  ...refuse('IDEMPOTENCY_CONFLICT', `the key was used with another input at ${firstUsedAt.toISOString()}`, [
    'input',
    'idempotencyKey',
  ]),
  __typename: 'IdempotencyConflict',
  firstUsedAt,
})
