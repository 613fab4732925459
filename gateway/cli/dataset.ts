// Loads the data set, or checks its figures: node gateway/cli/dataset.ts [--scale N] [--seed N] [--check]
// It writes to the database at MONGODB_URI, or to a MongoDB that it starts on DATA_DIR and stops at the end.
// An interrupted load resumes where it was, and a database that has the data set stays as it is.

import type { Db } from 'mongodb'
import { parseArgs } from 'node:util'
import { connect } from '../../subgraphs/platform/mongo/client.ts'
import { checkSchemaVersion } from '../../subgraphs/platform/mongo/schema-version.ts'
import { checkFigures } from '../app/dataset-figures.ts'
import { loadDataset } from '../app/demo.ts'
import { createLogger } from '../app/logger.ts'
import { migrations } from '../app/migrations.ts'
import { mongoOptions, readConfig, type Config } from '../config/config.ts'
import { startMongo, type RunningMongo } from '../mongod/start.ts'
import { createProgressBar } from './progress-bar.ts'
import { printHelp } from './print-help.ts'

const usage = `usage: npm run dataset -- [--scale SHARE] [--seed NUMBER] [--check]
--scale: the share of the programme, 0.0001–1; SCALE when it is left out
--seed: selects the data set; SEED when it is left out
--check: loads nothing, and compares the figures of the loaded data set with those of the programme: as they
  are stored, and as a hub answers them at the end of the data set`

interface Order {
  readonly scale: number
  readonly seed: number
  readonly check: boolean
}

function readOrder(args: readonly string[], { SCALE, SEED }: Config): Order {
  const options = { scale: { type: 'string' }, seed: { type: 'string' }, check: { type: 'boolean' } } as const
  const { values } = parseArgs({ args: [...args], options })
  const scale = Number(values.scale ?? SCALE)
  const seed = Number(values.seed ?? SEED)
  if (!(scale >= 0.0001 && scale <= 1)) throw new Error(`--scale is 0.0001–1, not ${values.scale}\n${usage}`)
  if (!Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32) {
    throw new Error(`--seed is a whole number below 4294967296, not ${values.seed}\n${usage}`)
  }
  return { scale, seed, check: values.check ?? false }
}

const print = (line: string): void => console.log(line)

// An exit, unlike the end by a signal, stops the MongoDB that was started here, and the process that loads.
for (const [signal, status] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.once(signal, () => process.exit(status))
}

async function load(mongod: RunningMongo, db: Db, { scale, seed }: Order): Promise<void> {
  const bar = createProgressBar(process.stderr)
  const logger = {
    info: (message: string) => bar.line(message),
    warn: (message: string) => bar.line(message),
  }
  const order = { scale, seed, until: new Date(), sums: true }
  try {
    await loadDataset({ ...mongod, db }, order, logger, (phase, done, total) => bar.show(phase, done, total))
  } finally {
    bar.end()
  }
}

async function onDatabase(
  mongod: RunningMongo,
  { MONGODB_DATABASE }: Config,
  work: (db: Db) => Promise<void>,
): Promise<void> {
  await using mongo = disposable(await connect(mongod.uri))
  const db = mongo.db(MONGODB_DATABASE)
  await checkSchemaVersion(db, migrations)
  await work(db)
}

if (printHelp(usage)) process.exit(0)
try {
  const config = readConfig()
  const order = readOrder(process.argv.slice(2), config)
  const options = { ...mongoOptions(config), logger: { info: print } }
  const loadFirst = (single: RunningMongo) => onDatabase(single, config, (db) => load(single, db, order))
  await using mongod = disposable(await startMongo(options, order.check ? undefined : loadFirst))
  await onDatabase(mongod, config, async (db) => {
    if (!order.check) await load(mongod, db, order)
    const { lines, isRight } = await checkFigures(db, createLogger({ ...config, LOG_LEVEL: 'warn' }))
    for (const line of lines) print(line)
    if (!isRight) process.exitCode = 1
  })
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}

function disposable<Opened extends { close(): Promise<void> }>(opened: Opened): Opened & AsyncDisposable {
  return Object.assign(opened, { [Symbol.asyncDispose]: () => opened.close() })
}
