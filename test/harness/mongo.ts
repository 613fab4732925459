// A database of its own for each test file, on the MongoDB that the whole run shares.

import { mkdtempSync } from 'node:fs'
import path from 'node:path'
import type { Db } from 'mongodb'
import { afterAll, inject } from 'vitest'
import { connect, type Mongo } from '../../subgraphs/platform/mongo/client.ts'

export interface FreshDatabase {
  readonly mongo: Mongo
  readonly db: Db
  /** For hubs that the test starts: the server, and the name of the database on it. */
  readonly uri: string
  readonly name: string
}

let made = 0

/** An empty database, dropped after the test file. Call it at the top of a file or of a `describe`, with await. */
export async function freshDatabase(): Promise<FreshDatabase> {
  const uri = inject('mongoUri')
  const name = `test_${process.pid}_${Date.now()}_${++made}`
  const mongo = await connect(uri)
  const db = mongo.db(name)
  afterAll(async () => {
    await db.dropDatabase()
    await mongo.close()
  })
  return { mongo, db, uri, name }
}

/** A connection of its own to the same MongoDB, as another process would have; closed after the test file. */
export async function connectAgain({ uri }: FreshDatabase): Promise<Mongo> {
  const mongo = await connect(uri)
  afterAll(() => mongo.close())
  return mongo
}

/** An empty folder, removed after the run; a mongod that is left in it is ended then. */
export function freshFolder(): string {
  return mkdtempSync(path.join(inject('runDir'), 'folder-'))
}
