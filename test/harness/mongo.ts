// Gives each test file its own database, on the MongoDB that the whole run shares.

import { mkdtempSync } from 'node:fs'
import path from 'node:path'
import type { Db } from 'mongodb'
import { afterAll, inject } from 'vitest'
import { connect, type Mongo } from '../../subgraphs/platform/mongo/client.ts'

export interface FreshDatabase {
  readonly mongo: Mongo
  readonly db: Db
  /** The server and the database name, for hubs that the test starts. */
  readonly uri: string
  readonly name: string
}

let made = 0

/**
 * Creates an empty database, dropped after the test file. Await it at the top of a file or of a `describe`.
 */
export async function freshDatabase(): Promise<FreshDatabase> {
  const uri = provided('mongoUri')
  const name = `test_${process.pid}_${Date.now()}_${++made}`
  const mongo = await connect(uri)
  const db = mongo.db(name)
  afterAll(async () => {
    await db.dropDatabase()
    await mongo.close()
  })
  return { mongo, db, uri, name }
}

/** Opens another connection to the same MongoDB, as another process does; closed after the test file. */
export async function connectAgain({ uri }: FreshDatabase): Promise<Mongo> {
  const mongo = await connect(uri)
  afterAll(() => mongo.close())
  return mongo
}

/** Creates an empty folder, removed after the run; the next run ends a mongod that is left in it. */
export function freshFolder(): string {
  return mkdtempSync(path.join(provided('runDir'), 'folder-'))
}

/** The projects `mongo` and `hub` provide a MongoDB; `unit` provides nothing. */
function provided(name: 'mongoUri' | 'runDir'): string {
  const value = inject(name) as string | undefined
  if (value === undefined) throw new Error('this test needs MongoDB: rename its file to *.mongo.test.ts')
  return value
}
