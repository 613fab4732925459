// A secret that all hubs over one database share: the first hub generates it and stores it there.

import { randomBytes } from 'node:crypto'
import type { Db } from 'mongodb'
import type { SecretBox } from '../../subgraphs/shared/secret-box.ts'

/**
 * The secret called `name`: 256 random bits as text, the same for every hub over `db`. It is stored sealed.
 */
export async function sharedSecret(db: Db, name: string, box: SecretBox): Promise<string> {
  const secrets = db.collection<{ _id: string; value: string }>('secrets')
  const secret = await secrets.findOneAndUpdate(
    { _id: name },
    { $setOnInsert: { value: box.seal(randomBytes(32).toString('base64url'), ownerOf(name)) } },
    { upsert: true, returnDocument: 'after' },
  )
  if (!secret) throw new Error(`MongoDB returned no secret "${name}"`)
  return box.open(secret.value, ownerOf(name))
}

/** Encrypts all shared secrets under the newest key of `box`; returns how many it has changed. */
export async function resealShared(db: Db, box: SecretBox): Promise<number> {
  const secrets = db.collection<{ _id: string; value: string }>('secrets')
  let changed = 0
  for await (const { _id, value } of secrets.find({})) {
    if (box.isCurrent(value)) continue
    const sealed = box.seal(box.open(value, ownerOf(_id)), ownerOf(_id))
    changed += (await secrets.updateOne({ _id, value }, { $set: { value: sealed } })).modifiedCount
  }
  return changed
}

/** The owner that a shared secret is sealed for. */
const ownerOf = (name: string): string => `secret:${name}`
