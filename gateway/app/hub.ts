// Wires all rooms together, and takes them apart again: MongoDB, the four subgraphs, the supergraph, the doors.
import type { Db } from 'mongodb'
import { readFile } from 'node:fs/promises'
import { analyticsProjections, openAnalyticsSubgraph } from '../../subgraphs/analytics/index.ts'
import { startRetention } from '../../subgraphs/log/retention.ts'
import { startLogReader } from '../../subgraphs/log/reader.ts'
import { openMerchantSubgraph } from '../../subgraphs/merchant/index.ts'
import { connect } from '../../subgraphs/platform/mongo/client.ts'
import { openParticipantSubgraph } from '../../subgraphs/participant/index.ts'
import { openRegistry } from '../../subgraphs/shared/registry.ts'
import type { Subgraph } from '../../subgraphs/shared/subgraph.ts'
import { transactionProjections, openTransactionSubgraph } from '../../subgraphs/transaction/index.ts'
import { documentLimits, tokenIssuer, webhookReach, type Config } from '../config/config.ts'
import { seedDemo, simulatedWallets, startWallets } from './demo.ts'
import { createMerchantDirectory } from './merchant-directory.ts'
import { newReadiness } from '../http/health.ts'
import { openIdentity } from '../identity/identity.ts'
import { openKeyRing } from '../identity/key-ring.ts'
import { keyStore } from '../identity/key-store.ts'
import { sharedSecret } from '../identity/secret.ts'
import { openTokens } from '../identity/token.ts'
import { maskErrors } from '../http/mask-errors.ts'
import type { RunningMongo } from '../mongod/start.ts'
import { readRatesFile } from './rates-file.ts'
import { logCheck, readLogHealth, logHealthJson } from '../http/log-health.ts'
import { startServer } from '../http/server.ts'
import { createSupergraph, createInProcessConnection, type SubgraphConnection } from '../supergraph/index.ts'
import type { FastifyBaseLogger } from 'fastify'

export interface Hub {
  /** For instance "http://127.0.0.1:4000". */
  readonly url: string
  /** Where MongoDB came from, as a person would say it. */
  readonly mongo: string
  /** Resolves with the reason when the hub can no longer work and must be stopped; never otherwise. */
  readonly broken: Promise<Error>
  /** Stops taking work, finishes what runs, and ends everything that was started. Calling it again changes nothing. */
  close(): Promise<void>
}

export interface HubOptions {
  readonly logger: FastifyBaseLogger
  /** The MongoDB that `startMongo` gives: it may still be starting. The hub ends it, also when it cannot start itself. */
  readonly mongod: Promise<RunningMongo>
  readonly now?: () => Date
}

/** How long closing sockets is spread out when there are many. */
const closeSpreadMs = 3_000

/**
 * Starts a hub and resolves when it is ready. What was started is ended again when a part cannot start, and that
 * part's error is thrown.
 */
export async function startHub(config: Config, options: HubOptions): Promise<Hub> {
  const started = new AsyncDisposableStack()
  started.defer(() => options.mongod.then((mongod) => mongod.stop()).catch(() => {}))
  try {
    return await start(config, options, started)
  } catch (error) {
    await started.disposeAsync()
    throw error
  }
}

async function start(
  config: Config,
  { logger, mongod: startingMongod, now = () => new Date() }: HubOptions,
  started: AsyncDisposableStack,
): Promise<Hub> {
  const isDemo = config.MODE === 'demo'
  if (isDemo && !/^(localhost|127\.[\d.]+|::1)$/.test(config.HOST)) {
    logger.warn(`the demo keys let in everybody who can reach ${config.HOST}: MODE=production refuses them`)
  }
  const startTable = config.RATES_FILE === undefined ? null : await readRatesFile(config.RATES_FILE, now())
  const readiness = newReadiness()
  const server = await startServer({ config, readiness, logger })
  started.defer(() => server.close(0))

  const mongod = await startingMongod
  const mongo = await connect(mongod.uri)
  started.defer(() => mongo.close())
  const db = mongo.db(config.MONGODB_DATABASE)

  if (isDemo) await seedDemo(mongod.uri, db, config, logger, now)
  const registry = await openRegistry(db, logger)
  started.defer(() => registry.close())
  const wallets = config.TRAFFIC > 0 ? simulatedWallets(registry) : []
  const keyRing = await openKeyRing(keyStore(db), { allowDemo: isDemo, guests: wallets, logger })
  started.defer(() => keyRing.close())
  const issuer = tokenIssuer(config)
  const identity = openIdentity(keyRing, issuer && openTokens(issuer, now), now)
  started.defer(() => identity.close())

  const run = async (starting: Promise<Subgraph>): Promise<[string, SubgraphConnection]> => {
    const subgraph = await starting
    started.defer(() => subgraph.close())
    return [subgraph.name, createInProcessConnection(subgraph.name, subgraph.app)]
  }
  const merchant = await run(openMerchantSubgraph({ db, registry, now, logger }))
  const logReader = await startLogReader({ db, logger })
  started.defer(() => logReader.close())
  const dependencies = {
    db,
    registry,
    directory: createMerchantDirectory(merchant[1]),
    now,
    logger,
    logReader,
  }
  const cursorSecret = config.CURSOR_SECRET ?? (await sharedSecret(db, 'cursor'))
  const transaction = await openTransactionSubgraph({
    ...dependencies,
    cursorSecret,
    startTable,
    simulator: isDemo ? {} : null,
    checkpointMs: config.CHECKPOINT_MS,
    webhookReach: webhookReach(config),
  })
  const transactions = await run(Promise.resolve(transaction))
  const subgraphs = new Map([
    merchant,
    await run(
      openParticipantSubgraph({
        ...dependencies,
        isProduction: !isDemo,
        reach: webhookReach(config),
      }),
    ),
    transactions,
    await run(openAnalyticsSubgraph(dependencies)),
  ])
  const retention = startRetention({
    db,
    logger,
    now,
    days: config.LOG_RETENTION_DAYS,
    projections: [...analyticsProjections, ...transactionProjections],
  })
  started.defer(() => retention.close())
  const supergraph = createSupergraph({
    supergraphSdl: await readFile(
      new URL('../../schema/generated/supergraph.graphql', import.meta.url),
      'utf8',
    ),
    subgraphs,
    limits: documentLimits(config),
    present: maskErrors(logger),
  })
  // Before the subgraphs are closed, nobody asks them any more.
  started.defer(() => server.close(Math.min(closeSpreadMs, server.sockets)))

  const stateOfLog = () => readLogHealth(db, logReader, now)
  server.open({
    supergraph,
    identity,
    openSettlementFile: transaction.openSettlementFile,
    metrics: { logState: stateOfLog, logReader },
  })
  readiness.checks.set('mongodb', () => whyNotWritable(db))
  readiness.checks.set('log', logCheck(stateOfLog))
  readiness.shown.set('log', async () => logHealthJson(await stateOfLog()))
  readiness.phase = 'ready'
  if (wallets.length > 0) {
    const traffic = startWallets(config, server.url, wallets, logger)
    started.defer(() => traffic.close())
  }

  let closing: Promise<void> | null = null
  return {
    url: server.url,
    mongo: mongod.source,
    broken: new Promise((resolve) => {
      void mongod.ended.then(() => closing ?? resolve(new Error('MongoDB has ended')))
    }),
    close() {
      readiness.phase = 'draining'
      return (closing ??= started.disposeAsync())
    },
  }
}

async function whyNotWritable(db: Db): Promise<string | null> {
  const { isWritablePrimary } = await db.admin().command({ hello: 1 })
  return isWritablePrimary ? null : 'there is no primary'
}
