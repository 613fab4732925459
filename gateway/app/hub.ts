// Wires all rooms together, and takes them apart again: MongoDB, the four subgraphs, the supergraph, the doors.

import type { FastifyBaseLogger } from 'fastify'
import type { Db } from 'mongodb'
import { readFile } from 'node:fs/promises'
import { analyticsReaders, analyticsSubgraph } from '../../subgraphs/analytics/index.ts'
import { startRetention } from '../../subgraphs/log/retention.ts'
import { startLogReader } from '../../subgraphs/log/reader.ts'
import { merchantSubgraph } from '../../subgraphs/merchant/index.ts'
import { connect } from '../../subgraphs/platform/mongo/client.ts'
import { participantSubgraph } from '../../subgraphs/participant/index.ts'
import { openReference } from '../../subgraphs/shared/registry.ts'
import type { Subgraph } from '../../subgraphs/shared/subgraph.ts'
import { transactionReaders, transactionSubgraph } from '../../subgraphs/transaction/index.ts'
import { documentLimits, tokenIssuer, webhookReach, type Config } from '../config/config.ts'
import { seedDemo, simulatedWallets, startWallets } from './demo.ts'
import { merchantDirectory } from './merchant-directory.ts'
import { newReadiness } from '../http/health.ts'
import { openIdentity } from '../identity/identity.ts'
import { openKeyRing } from '../identity/key-ring.ts'
import { keyStore } from '../identity/key-store.ts'
import { sharedSecret } from '../identity/secret.ts'
import { openTokens } from '../identity/token.ts'
import { maskErrors } from '../http/mask-errors.ts'
import type { RunningMongo } from '../mongod/start.ts'
import { readRatesFile } from './rates-file.ts'
import { logCheck, logState, shownState } from '../http/log-health.ts'
import { startServer } from '../http/server.ts'
import { createSupergraph, inProcessConnection, type SubgraphConnection } from '../supergraph/index.ts'

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
  readonly log: FastifyBaseLogger
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
  { log, mongod: startingMongod, now = () => new Date() }: HubOptions,
  started: AsyncDisposableStack,
): Promise<Hub> {
  const isDemo = config.MODE === 'demo'
  if (isDemo && !/^(localhost|127\.[\d.]+|::1)$/.test(config.HOST)) {
    log.warn(`the demo keys let in everybody who can reach ${config.HOST}: MODE=production refuses them`)
  }
  const startTable = config.RATES_FILE === undefined ? null : await readRatesFile(config.RATES_FILE, now())
  const readiness = newReadiness()
  const server = await startServer({ config, readiness, log })
  started.defer(() => server.close(0))

  const mongod = await startingMongod
  const mongo = await connect(mongod.uri)
  started.defer(() => mongo.close())
  const db = mongo.db(config.MONGODB_DATABASE)

  if (isDemo) await seedDemo(mongod.uri, db, config, log, now)
  const reference = await openReference(db, log)
  started.defer(() => reference.close())
  const wallets = config.TRAFFIC > 0 ? simulatedWallets(reference) : []
  const keyRing = await openKeyRing(keyStore(db), { allowDemo: isDemo, guests: wallets, log })
  started.defer(() => keyRing.close())
  const issuer = tokenIssuer(config)
  const identity = openIdentity(keyRing, issuer && openTokens(issuer, now), now)
  started.defer(() => identity.close())

  const run = async (starting: Promise<Subgraph>): Promise<[string, SubgraphConnection]> => {
    const subgraph = await starting
    started.defer(() => subgraph.close())
    return [subgraph.name, inProcessConnection(subgraph.name, subgraph.app)]
  }
  const merchant = await run(merchantSubgraph({ db, reference, now, log }))
  const reader = await startLogReader({ db, log })
  started.defer(() => reader.close())
  const dependencies = { db, reference, directory: merchantDirectory(merchant[1]), now, log, reader }
  const cursorSecret = config.CURSOR_SECRET ?? (await sharedSecret(db, 'cursor'))
  const transaction = await transactionSubgraph({
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
      participantSubgraph({
        ...dependencies,
        isProduction: !isDemo,
        reach: webhookReach(config),
      }),
    ),
    transactions,
    await run(analyticsSubgraph(dependencies)),
  ])
  const retention = startRetention({
    db,
    log,
    now,
    days: config.LOG_RETENTION_DAYS,
    readers: [...analyticsReaders, ...transactionReaders],
  })
  started.defer(() => retention.close())
  const supergraph = createSupergraph({
    supergraphSdl: await readFile(
      new URL('../../schema/generated/supergraph.graphql', import.meta.url),
      'utf8',
    ),
    subgraphs,
    limits: documentLimits(config),
    present: maskErrors(log),
  })
  // Before the subgraphs are closed, nobody asks them any more.
  started.defer(() => server.close(Math.min(closeSpreadMs, server.sockets)))

  const stateOfLog = () => logState(db, reader, now)
  server.open({
    supergraph,
    identity,
    openSettlementFile: transaction.openSettlementFile,
    metrics: { logState: stateOfLog, reader },
  })
  readiness.checks.set('mongodb', () => whyNotWritable(db))
  readiness.checks.set('log', logCheck(stateOfLog))
  readiness.shown.set('log', async () => shownState(await stateOfLog()))
  readiness.phase = 'ready'
  if (wallets.length > 0) {
    const traffic = startWallets(config, server.url, wallets, log)
    started.defer(() => traffic.stop())
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
