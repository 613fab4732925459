// Makes what a reader of the log keeps anew: node gateway/rebuild-command.ts NAME [--from POSITION]
// It writes to the database at MONGODB_URI. Hubs that run over it begin within a second; without any, the next one that
// starts does. What the reader has made so far is shown until the new has caught up.

import { parseArgs } from 'node:util'
import { analyticsReaders } from '../subgraphs/analytics/index.ts'
import { connect } from '../subgraphs/mongo.ts'
import { LogTrimmedError, rebuild } from '../subgraphs/projection.ts'
import { transactionReaders } from '../subgraphs/transaction/index.ts'
import { ConfigError, readConfig } from './config.ts'

const readers = [...analyticsReaders, ...transactionReaders]

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
  return { name, from: BigInt(from) }
}

try {
  const { name, from } = readOrder(process.argv.slice(2))
  const { MONGODB_URI, MONGODB_DATABASE } = readConfig()
  if (MONGODB_URI === undefined) throw new ConfigError(['MONGODB_URI: must say where the database is'])
  const mongo = await connect(MONGODB_URI)
  try {
    const first = await rebuild(mongo.db(MONGODB_DATABASE), name, from)
    console.log(`${name} is made anew from position ${first} of the log`)
  } finally {
    await mongo.close()
  }
} catch (error) {
  console.error(
    error instanceof LogTrimmedError
      ? `${error.message}.\nTo count what is left, add --from ${error.first}: everything before it will then be missing from the result.`
      : error instanceof Error
        ? error.message
        : error,
  )
  process.exitCode = 1
}
