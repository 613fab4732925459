// The parts of a demo hub that a production hub lacks: public keys, generated data, and simulated wallets
// that pay.

import type { Db } from 'mongodb'
import { fork } from 'node:child_process'
import { endLoad, isDatasetDue, isDatasetStored, type LoadPhase } from '../../dataset/load.ts'
import { startTraffic, type Traffic } from '../../dataset/traffic.ts'
import type { Currency } from '../../schema/values/currency.ts'
import type { Logger } from '../../subgraphs/platform/logger.ts'
import type { Registry } from '../../subgraphs/shared/registry.ts'
import { beginLog, builtInRates } from '../../subgraphs/transaction/import.ts'
import { checkSchemaVersion } from '../../subgraphs/platform/mongo/schema-version.ts'
import { connect } from '../../subgraphs/platform/mongo/client.ts'
import { compileCacheDir } from '../config/compile-cache.ts'
import { environmentWith, type Config } from '../config/config.ts'
import { createKey, demoKeyHashes } from '../identity/key.ts'
import type { Guest } from '../identity/key-ring.ts'
import { createKeyStore } from '../identity/key-store.ts'
import type { RunningMongo } from '../mongod/start.ts'
import { migrations } from './migrations.ts'
import type { LoadMessage, LoadOrder } from './demo-load.ts'

/** Adds the demo keys. */
export const seedDemoKeys = (db: Db, now: () => Date): Promise<unknown> => createKeyStore(db).seedDemo(now())

/**
 * Adds the demo keys, and the data set when it is missing: loading 1 % of the programme takes some seconds.
 */
export async function seedDemo(
  uri: string,
  db: Db,
  { SEED, SCALE }: Config,
  logger: Logger,
  now: () => Date,
): Promise<void> {
  await seedDemoKeys(db, now)
  const order = { seed: SEED, scale: SCALE, until: now(), sums: false }
  await loadDataset({ uri, db }, order, logger, progressLines(logger))
}

/** Loads the data set of `config` into a MongoDB that is started for it. */
export async function loadDemo(mongod: RunningMongo, config: Config, logger: Logger): Promise<void> {
  const mongo = await connect(mongod.uri)
  try {
    const db = mongo.db(config.MONGODB_DATABASE)
    await checkSchemaVersion(db, migrations)
    const order = { seed: config.SEED, scale: config.SCALE, until: new Date(), sums: false }
    await loadDataset({ ...mongod, db }, order, logger, progressLines(logger))
  } finally {
    await mongo.close()
  }
}

/**
 * Loads the data set if a load is due. On a single server it is stored, and another call ends the load when
 * that MongoDB is a replica set.
 */
export async function loadDataset(
  { uri, db, isSingle = false }: { readonly uri: string; readonly db: Db; readonly isSingle?: boolean },
  order: Omit<LoadOrder, 'uri' | 'database'>,
  logger: LineLogger,
  onProgress: OnProgress,
): Promise<void> {
  if (!(await isDatasetDue(db, { ...order, logger }))) return
  if (!(await isDatasetStored(db, order))) {
    await storeInProcess({ ...order, uri, database: db.databaseName }, logger, onProgress)
  }
  if (!isSingle) await endLoad(db, () => beginLog(db))
}

/**
 * Throws DEMO_DATA when a demo has written to `db`: its participants and payments are invented, and its
 * keys are public.
 */
export async function refuseDemoData(db: Db, { UNSAFE }: Pick<Config, 'UNSAFE'>): Promise<void> {
  if (UNSAFE.has('demo-data') || !(await hasDemoData(db))) return
  throw Object.assign(
    new Error(
      `the database ${db.databaseName} holds the data of a demo: set MONGODB_DATABASE to another one; UNSAFE=demo-data starts the hub nevertheless`,
    ),
    { code: 'DEMO_DATA' },
  )
}

async function hasDemoData(db: Db): Promise<boolean> {
  const [dataset, key] = await Promise.all([
    db.collection<{ _id: string }>('meta').findOne({ _id: 'dataset' }),
    db.collection<{ _id: string }>('apiKeys').findOne({ _id: { $in: [...demoKeyHashes] } }),
  ])
  return dataset !== null || key !== null
}

/**
 * Stores the data set from a process of its own: that needs more memory than the hub, and only an exit
 * returns all of it.
 */
function storeInProcess(order: LoadOrder, logger: LineLogger, onProgress: OnProgress): Promise<void> {
  const child = fork(new URL('demo-load.ts', import.meta.url), [], {
    serialization: 'advanced',
    execArgv: [...process.execArgv, ...littleMemory],
    env: environmentWith({ NODE_COMPILE_CACHE: compileCacheDir }),
  })
  child.on('message', (received) => {
    const message = received as LoadMessage
    if ('phase' in message) onProgress(message.phase, message.done, message.total)
    else logger[message.level](message.message)
  })
  // Analytics counts by the minute: the programme’s year begins and ends with a whole one.
  child.send({ ...order, until: new Date(Math.floor(order.until.getTime() / minuteMs) * minuteMs) })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) =>
      code === 0
        ? resolve()
        : reject(
            new Error(
              `the process that loads the data set ended with ${code ?? signal}: see the lines above`,
            ),
          ),
    )
  })
}

/**
 * Without them, the collector of garbage lets the process grow by half before it works: it hardly saves time.
 * The counts of all merchants are outside of the heap.
 */
const littleMemory = ['--max-semi-space-size=4', '--max-old-space-size=300']

const minuteMs = 60_000

interface LineLogger {
  info(line: string): void
  warn(line: string): void
}

type OnProgress = (phase: LoadPhase, done: number, total: number) => void

/** A start that loads much logs how far it is. */
const progressEveryMs = 4_000

function progressLines(logger: Pick<Logger, 'info'>): OnProgress {
  let nextAtMs = performance.now() + progressEveryMs
  return (phase, done, total) => {
    if (performance.now() < nextAtMs) return
    nextAtMs = performance.now() + progressEveryMs
    logger.info(`loading ${phase}: ${Math.floor((100 * done) / total)} %`)
  }
}

/** A wallet that the hub simulates, with a key that exists only in this process. */
export interface SimulatedWallet extends Guest {
  readonly currency: Currency
}

/** One for each participant that is a live wallet. */
export const simulatedWallets = ({ participants }: Registry): readonly SimulatedWallet[] =>
  [...participants.values()]
    .filter(({ roles, status }) => roles.includes('WALLET') && status === 'LIVE')
    .map(({ id, settlementCurrency }) => ({
      key: createKey(),
      viewer: {
        participant: id,
        scopes: new Set(['coverage:read', 'payments:write'] as const),
        key: `simulated ${id}`,
      },
      currency: settlementCurrency,
    }))

export function startWallets(
  { TRAFFIC, SEED }: Config,
  url: string,
  wallets: readonly SimulatedWallet[],
  logger: Logger,
): Traffic {
  return startTraffic({
    url: `${url}/graphql`,
    keys: wallets.map(({ key, viewer, currency }) => ({ wallet: viewer.participant, key, currency })),
    perSecond: TRAFFIC,
    seed: SEED,
    rates: builtInRates,
    logger,
  })
}
