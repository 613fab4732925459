// Makes what a reader of the log keeps anew: node gateway/cli/rebuild.ts NAME [--from POSITION]
// It writes to the database at MONGODB_URI. Hubs that run over it begin within a second; without any, the next one that
// starts does. What the reader has made so far is shown until the new has caught up.

import type { Db } from 'mongodb'
import { parseArgs } from 'node:util'
import { analyticsProjections } from '../../subgraphs/analytics/index.ts'
import { connect } from '../../subgraphs/platform/mongo/client.ts'
import { LogTrimmedError, rebuild } from '../../subgraphs/log/rebuild.ts'
import { transactionProjections } from '../../subgraphs/transaction/index.ts'
import { ConfigError, readConfig } from '../config/config.ts'

const readers = [...analyticsProjections, ...transactionProjections]

/** Those whose results must not miss anything. */
const whole: ReadonlySet<string> = new Set(['bookings'])

const usage = `usage: npm run rebuild -- NAME [--from POSITION]
names: ${readers.join(' ')}
--from: begin at this position of the log instead of at 1; what came before is then not counted`

interface Order {
  readonly name: string
  readonly from: bigint
}

function readOrder(args: readonly string[]): Order {
  const { positionals, values } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { from: { type: 'string' } },
  })
  const [name = ''] = positionals
  const { from = '1' } = values
  if (positionals.length !== 1 || !readers.includes(name)) throw new Error(usage)
  if (!/^[1-9]\d{0,17}$/.test(from))
    throw new Error(`--from takes a position of the log, not "${from}"\n${usage}`)
  if (values.from !== undefined && whole.has(name)) {
    throw new Error(`${name} takes the whole log: what is booked and not yet settled would be lost\n${usage}`)
  }
  return { name, from: BigInt(from) }
}

/** What to print; an Error for what cannot be done. */
async function run({ name, from }: Order, db: Db): Promise<string> {
  try {
    return `${name} is made anew from position ${await rebuild(db, name, from)} of the log`
  } catch (error) {
    if (!(error instanceof LogTrimmedError)) throw error
    const rest = whole.has(name)
      ? `${name} takes the whole log, so it stays as it is.`
      : `To count what is left, add --from ${error.first}: everything before it will then be missing from the result.`
    throw new Error(`${error.message}.\n${rest}`, { cause: error })
  }
}

try {
  const order = readOrder(process.argv.slice(2))
  const { MONGODB_URI, MONGODB_DATABASE } = readConfig()
  if (MONGODB_URI === undefined) throw new ConfigError(['MONGODB_URI: must say where the database is'])
  const mongo = await connect(MONGODB_URI)
  try {
    console.log(await run(order, mongo.db(MONGODB_DATABASE)))
  } finally {
    await mongo.close()
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
