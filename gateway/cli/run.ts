// What the commands over a database have in common: reads MONGODB_URI, connects, prints the result, and sets
// the exit code.

import type { Db } from 'mongodb'
import { connect } from '../../subgraphs/platform/mongo/client.ts'
import { ConfigError, readConfig } from '../config/config.ts'

export interface Command<Order> {
  /** Throws an Error with the usage when the arguments are wrong. */
  read(args: readonly string[]): Order
  /** Returns the text to print. Throws an Error whose message gives the reason. */
  run(order: Order, db: Db): Promise<string>
}

/**
 * Runs `command` with the arguments of the process. An error is printed to standard error, and sets the exit
 * code 1.
 */
export async function runCommand<Order>(command: Command<Order>): Promise<void> {
  try {
    const order = command.read(process.argv.slice(2))
    const { MONGODB_URI, MONGODB_DATABASE } = readConfig()
    if (MONGODB_URI === undefined) throw new ConfigError(['MONGODB_URI: set it to the URI of the database'])
    const mongo = await connect(MONGODB_URI)
    try {
      console.log(await command.run(order, mongo.db(MONGODB_DATABASE)))
    } finally {
      await mongo.close()
    }
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 1
  }
}
