// Issued codes in MongoDB. Each document stores its idempotency key too: a key names one code of one
// acquirer.
//
// This is not the shared idempotent writer: that one also stores refusals, and would not find the keys of
// stored codes.

import type { Collection, Db } from 'mongodb'
import type { MerchantCodeId, MerchantId, ParticipantId, UsedKeyId } from '../../schema/values/id.ts'
import type { Loader } from '../platform/async/batching.ts'
import { isDuplicateKey } from '../platform/mongo/errors.ts'
import { loaderById } from '../platform/mongo/loader-by-id.ts'
import { conflictOf, type IdempotencyConflict, type UsedKey } from '../shared/idempotency-key.ts'
import type { MerchantCode } from './code.ts'

type StoredCode = Omit<MerchantCode, 'id'> & {
  readonly _id: MerchantCodeId
  readonly idempotencyKey: string
  /** Digest of the order that the code was issued for. */
  readonly digest: string
  readonly issuedAt: Date
}

/** A use of an idempotency key, for an order of this digest. */
export interface CodeKey {
  readonly acquirer: ParticipantId
  readonly idempotencyKey: string
  readonly digest: string
  readonly at: Date
}

export interface CodeStore {
  readonly codes: Loader<MerchantCodeId, MerchantCode>
  /**
   * Stores a code. When the key was used before, returns the first code, or a conflict if the orders differ.
   */
  add(code: MerchantCode, key: CodeKey): Promise<MerchantCode | IdempotencyConflict>
  /**
   * The code of an earlier use of the key, or a conflict if the orders differ; null when the key is unused.
   */
  replay(key: CodeKey): Promise<MerchantCode | IdempotencyConflict | null>
  /** A merchant's codes that have not expired at `now`, newest first, at most `size`. */
  current(merchant: MerchantId, now: Date, size: number): Promise<MerchantCode[]>
}

/** A dynamic code is deleted this long after its expiry, and its idempotency key with it. */
const retentionSeconds = 30 * 86_400

export async function createCodeStore(db: Db): Promise<CodeStore> {
  const collection = db.collection<StoredCode>('codes')
  await collection.createIndexes([
    { key: { acquirer: 1, idempotencyKey: 1 }, unique: true },
    { key: { merchant: 1, expiresAt: 1 } },
    { key: { expiresAt: 1 }, expireAfterSeconds: retentionSeconds },
  ])
  return {
    codes: loaderById(collection, { read: codeOf }),
    add: (code, key) => addCode(collection, code, key),
    replay: (key) => replayCode(collection, key),
    current: (merchant, now, size) => currentCodes(collection, merchant, now, size),
  }
}

async function addCode(
  collection: Collection<StoredCode>,
  code: MerchantCode,
  key: CodeKey,
): Promise<MerchantCode | IdempotencyConflict> {
  const { id, ...content } = code
  const { acquirer, idempotencyKey, digest, at } = key
  try {
    await collection.insertOne({ _id: id, ...content, idempotencyKey, digest, issuedAt: at })
    return code
  } catch (error) {
    if (!isDuplicateKey(error)) throw error
    // A majority may not have the first code yet: a linearizable read waits until it has.
    const first = await collection.findOne(
      { acquirer, idempotencyKey },
      { readConcern: { level: 'linearizable' }, readPreference: 'primary' },
    )
    if (!first) throw error
    return codeOrConflict(first, key)
  }
}

async function replayCode(
  collection: Collection<StoredCode>,
  key: CodeKey,
): Promise<MerchantCode | IdempotencyConflict | null> {
  const { acquirer, idempotencyKey } = key
  const first = await collection.findOne({ acquirer, idempotencyKey })
  return first && codeOrConflict(first, key)
}

async function currentCodes(
  collection: Collection<StoredCode>,
  merchant: MerchantId,
  now: Date,
  size: number,
): Promise<MerchantCode[]> {
  const found = await collection
    .find({ merchant, $or: [{ expiresAt: null }, { expiresAt: { $gt: now } }] })
    .sort({ _id: -1 })
    .limit(size)
    .toArray()
  return found.map(codeOf)
}

const codeOrConflict = (first: StoredCode, key: CodeKey): MerchantCode | IdempotencyConflict =>
  conflictOf(usedKeyOf({ ...first, at: first.issuedAt }), usedKeyOf(key)) ?? codeOf(first)

const usedKeyOf = ({ acquirer, idempotencyKey, digest, at }: CodeKey): UsedKey => ({
  id: `${acquirer}/issueCode/${idempotencyKey}` as UsedKeyId,
  hash: digest,
  at,
})

const codeOf = ({ _id, kind, payload, expiresAt, merchant, acquirer }: StoredCode): MerchantCode => ({
  id: _id,
  kind,
  payload,
  expiresAt,
  merchant,
  acquirer,
})
