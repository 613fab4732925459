// The audit log by command: npm run audit:verify, and npm run audit:export, which prints it as NDJSON.

import type { Db } from 'mongodb'
import { verifyChain } from '../../subgraphs/shared/audit-chain.ts'
import { ConfigError, readConfig } from '../config/config.ts'
import { runningUri } from '../mongod/start.ts'
import { connect } from '../../subgraphs/platform/mongo/client.ts'
import { printHelp } from './print-help.ts'

const usage = `usage:
  npm run audit:verify [-- SEQUENCE:HASH]   finds rows that were changed, removed or put in; with a head that an
                                            earlier run has printed, also a chain that was computed again
  npm run --silent audit:export [-- AFTER]  prints the entries after this sequence number, one JSON object a line
Both read the database MONGODB_DATABASE at MONGODB_URI or, when that is not set, the one of the hub that runs in
DATA_DIR. The exit status is 1 when the chain is broken.`

if (printHelp(usage)) process.exit(0)
try {
  const [command, argument] = process.argv.slice(2)
  if (command === 'verify' && /^(\d+:[0-9a-f]{64})?$/.test(argument ?? ''))
    await run((db) => verify(db, argument))
  else if (command === 'export' && /^\d*$/.test(argument ?? ''))
    await run((db) => exportEntries(db, Number(argument ?? 0)))
  else throw new Error(usage)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}

async function run(work: (db: Db) => Promise<void>): Promise<void> {
  const { MONGODB_URI, MONGODB_DATABASE, DATA_DIR } = readConfig()
  const uri = MONGODB_URI ?? runningUri(DATA_DIR)
  if (uri === null) {
    throw new ConfigError([`MONGODB_URI: set it to the URI of the database; no hub runs in ${DATA_DIR}`])
  }
  const mongo = await connect(uri)
  try {
    await work(mongo.db(MONGODB_DATABASE))
  } finally {
    await mongo.close()
  }
}

async function verify(db: Db, noted: string | undefined): Promise<void> {
  const { entries, head, faults } = await verifyChain(db)
  const all = [...faults]
  if (noted !== undefined) {
    const [sequence, hash] = noted.split(':')
    const found = await db.collection('audit').findOne({ sequence: Number(sequence), hash: hash! })
    if (!found) all.push(`the noted head ${sequence} is not in the chain: entries up to it were changed`)
  }
  for (const fault of all) console.log(fault)
  console.log(
    `${entries} entries, head ${head}: ${all.length === 0 ? 'the chain is whole' : 'the chain is broken'}`,
  )
  if (all.length > 0) process.exitCode = 1
}

async function exportEntries(db: Db, after: number): Promise<void> {
  const found = db
    .collection('audit')
    .find({ sequence: { $gt: after } }, { sort: { sequence: 1 }, readConcern: { level: 'majority' } })
  for await (const { _id, ...entry } of found) {
    if (!process.stdout.write(`${JSON.stringify({ id: _id, ...entry })}\n`)) {
      await new Promise((resolve) => process.stdout.once('drain', resolve))
    }
  }
}
