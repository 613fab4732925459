// What the commands over a database have in common: finds the database, connects, prints the result, and sets
// the exit code. The database is that of MONGODB_URI or, without it, of the hub that runs in DATA_DIR.

import type { Db } from 'mongodb'
import { connect } from '../../subgraphs/platform/mongo/client.ts'
import { checkSchemaVersion } from '../../subgraphs/platform/mongo/schema-version.ts'
import { migrations } from '../app/migrations.ts'
import { ConfigError, readConfig } from '../config/config.ts'
import { runningUri } from '../mongod/start.ts'
import { printHelp } from './print-help.ts'

export interface Command<Order> {
  /** Printed for --help. */
  readonly usage: string
  /** Throws an Error with the usage when the arguments are wrong. */
  read(args: readonly string[]): Order
  /** Returns the text to print. Throws an Error whose message gives the reason. */
  run(order: Order, db: Db): Promise<string>
}

/**
 * The database of the settings, or of the hub that runs in DATA_DIR. Throws ConfigError when there is none.
 */
export function findDatabase(): { readonly uri: string; readonly database: string } {
  const { MONGODB_URI, MONGODB_DATABASE, DATA_DIR } = readConfig()
  const uri = MONGODB_URI ?? runningUri(DATA_DIR)
  if (uri !== null) return { uri, database: MONGODB_DATABASE }
  throw new ConfigError([`MONGODB_URI: set it to the URI of the database; no hub runs in ${DATA_DIR}`])
}

/**
 * Runs `command` with the arguments of the process. An error is printed to standard error, and sets the exit
 * code 1.
 */
export async function runCommand<Order>(command: Command<Order>): Promise<void> {
  if (printHelp(command.usage)) return
  try {
    const order = command.read(process.argv.slice(2))
    const { uri, database } = findDatabase()
    const mongo = await connect(uri)
    try {
      const db = mongo.db(database)
      await checkSchemaVersion(db, migrations)
      console.log(await command.run(order, db))
    } finally {
      await mongo.close()
    }
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 1
  }
}
