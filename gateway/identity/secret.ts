// A secret that all hubs over one database share: the first hub generates it and stores it there.

import { randomBytes } from 'node:crypto'
import type { Db } from 'mongodb'

/** The secret called `name`: 256 random bits as text, the same for every hub over `db`. */
export async function sharedSecret(db: Db, name: string): Promise<string> {
  const secrets = db.collection<{ _id: string; value: string }>('secrets')
  const secret = await secrets.findOneAndUpdate(
    { _id: name },
    { $setOnInsert: { value: randomBytes(32).toString('base64url') } },
    { upsert: true, returnDocument: 'after' },
  )
  if (!secret) throw new Error(`MongoDB returned no secret "${name}"`)
  return secret.value
}
