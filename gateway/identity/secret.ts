// A secret that hubs over one database share without being told: made by the first of them, kept in the database.

import { randomBytes } from 'node:crypto'
import type { Db } from 'mongodb'

/** The secret called `name`: 256 random bits as text, the same for every hub over `db`. */
export async function sharedSecret(db: Db, name: string): Promise<string> {
  const secrets = db.collection<{ _id: string; value: string }>('secrets')
  const kept = await secrets.findOneAndUpdate(
    { _id: name },
    { $setOnInsert: { value: randomBytes(32).toString('base64url') } },
    { upsert: true, returnDocument: 'after' },
  )
  if (!kept) throw new Error(`MongoDB gave no secret "${name}"`)
  return kept.value
}
