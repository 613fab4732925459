// Copies a database to a file and back: npm run backup -- FILE, and npm run restore -- FILE.
// docs/guide/backup.md has when to use which way.

import type { Db, MongoClient } from 'mongodb'
import { existsSync } from 'node:fs'
import { connect } from '../../subgraphs/platform/mongo/client.ts'
import { readDump, writeDump, type OnProgress } from './dump.ts'
import { findDatabase } from './run.ts'
import { printHelp } from './print-help.ts'

const usage = `usage:
  npm run backup -- FILE     writes the database to FILE as it is at one point of time, while hubs run
  npm run restore -- FILE    writes FILE to the database, which must be empty; no hub may run over it
Both use the database MONGODB_DATABASE at MONGODB_URI or, when that is not set, that of the hub that runs in DATA_DIR.`

/** No phase is silent for longer. */
const lineEveryMs = 4_000

if (printHelp(usage)) process.exit(0)
try {
  const [command, file, ...rest] = process.argv.slice(2)
  if (file === undefined || rest.length > 0) throw new Error(usage)
  if (command === 'backup') await run((db, client) => backup(db, client, file))
  else if (command === 'restore') await run((db) => restore(db, file))
  else throw new Error(usage)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}

async function run(work: (db: Db, client: MongoClient) => Promise<string>): Promise<void> {
  const { uri, database } = findDatabase()
  const mongo = await connect(uri)
  try {
    console.log(await work(mongo.db(database), mongo.client))
  } finally {
    await mongo.close()
  }
}

async function backup(db: Db, client: MongoClient, file: string): Promise<string> {
  if (existsSync(file)) throw new Error(`${file} is there already: give the name of a new file`)
  const documents = await writeDump(client, db, file, progressLines('written'))
  return `${file} has the ${documents} documents of ${db.databaseName}`
}

async function restore(db: Db, file: string): Promise<string> {
  const [found] = await db.listCollections({}, { nameOnly: true }).toArray()
  if (found)
    throw new Error(`the database ${db.databaseName} is not empty: set MONGODB_DATABASE to another one`)
  const documents = await readDump(file, db, progressLines('restored'))
  return `${db.databaseName} has the ${documents} documents of ${file}: check it by npm run verify`
}

function progressLines(what: string): OnProgress {
  let nextAtMs = performance.now() + lineEveryMs
  return (collection, documents) => {
    if (performance.now() < nextAtMs) return
    nextAtMs = performance.now() + lineEveryMs
    console.error(`${what}: ${documents} documents, now ${collection}`)
  }
}
