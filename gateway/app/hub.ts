// The hub: connects MongoDB, the four subgraphs, the supergraph and the web server, and closes them in
// reverse order.

import type { FastifyBaseLogger } from 'fastify'
import type { Db } from 'mongodb'
import { readFile } from 'node:fs/promises'
import type { ParticipantId } from '../../schema/values/id.ts'
import { analyticsProjections, openAnalyticsSubgraph } from '../../subgraphs/analytics/index.ts'
import { startLogReader, type LogReader } from '../../subgraphs/log/reader.ts'
import { startRetention } from '../../subgraphs/log/retention.ts'
import { openMerchantSubgraph } from '../../subgraphs/merchant/index.ts'
import { openParticipantSubgraph } from '../../subgraphs/participant/index.ts'
import { pause } from '../../subgraphs/platform/async/promise.ts'
import { connectWatched, type WatchedMongo } from '../../subgraphs/platform/mongo/client.ts'
import { isOutage } from '../../subgraphs/platform/mongo/errors.ts'
import { openAuditLog } from '../../subgraphs/shared/audit-log.ts'
import { openRefusalLog } from '../../subgraphs/shared/refusal-log.ts'
import { openRegistry, type MirroredRegistry } from '../../subgraphs/shared/registry.ts'
import { scalars } from '../../subgraphs/shared/scalars.ts'
import type { Subgraph } from '../../subgraphs/shared/subgraph.ts'
import type { RequestContext } from '../../subgraphs/shared/viewer.ts'
import {
  hubParticipant,
  openTransactionSubgraph,
  transactionProjections,
  type RateTable,
  type TransactionSubgraph,
} from '../../subgraphs/transaction/index.ts'
import { documentOptions, tokenIssuer, webhookReach, type Config } from '../config/config.ts'
import { openAdmission } from '../http/admission.ts'
import { createReadiness, type Readiness } from '../http/health.ts'
import { logHealthJson, watchLogHealth, type LogHealthWatch } from '../http/log-health.ts'
import { maskErrors } from '../http/mask-errors.ts'
import { startServer, type Server } from '../http/server.ts'
import { accessOf } from '../identity/access.ts'
import { openIdentity, type Identity } from '../identity/identity.ts'
import { openKeyRing, type Guest } from '../identity/key-ring.ts'
import { createKeyStore } from '../identity/key-store.ts'
import { sharedSecret } from '../identity/secret.ts'
import { createTokens } from '../identity/token.ts'
import { MongoStartError, reasonOf } from '../mongod/error.ts'
import type { RunningMongo } from '../mongod/start.ts'
import type { Admission } from '../protocol/admission.ts'
import { refuseText } from '../protocol/input-text.ts'
import {
  createSupergraph,
  createInProcessConnection,
  type SubgraphConnection,
  type Supergraph,
} from '../supergraph/index.ts'
import { seedDemo, simulatedWallets, startWallets } from './demo.ts'
import { createMerchantDirectory } from './merchant-directory.ts'
import { readRatesFile } from './rates-file.ts'

export interface Hub {
  /** For instance "http://127.0.0.1:4000". */
  readonly url: string
  /** Source of the MongoDB, for the banner: `MONGODB_URI`, or where its mongod was found. */
  readonly mongo: string
  /** Resolves with the reason when the hub can no longer work and must be closed; never otherwise. */
  readonly broken: Promise<Error>
  /**
   * Accepts no more work, finishes what runs, and closes everything that was started. Further calls have no
   * effect.
   */
  close(): Promise<void>
}

export interface HubOptions {
  readonly logger: FastifyBaseLogger
  /**
   * The result of `startMongo`, which may still be pending. The hub closes it, also when the hub cannot
   * start.
   */
  readonly mongod: Promise<RunningMongo>
  readonly now?: () => Date
}

/** What every part of the hub is built on. */
interface Foundation {
  readonly config: Config
  readonly logger: FastifyBaseLogger
  readonly now: () => Date
  readonly db: Db
  readonly registry: MirroredRegistry
  /** Closes what is started, the last first. */
  readonly started: AsyncDisposableStack
}

/** The closing of WebSockets and event streams is spread over at most this long, and 1 ms for each. */
const closeSpreadMs = 3_000

/**
 * Starts a hub and resolves when it is ready. When a part cannot start, closes the others and throws the
 * error of that part.
 */
export async function startHub(config: Config, options: HubOptions): Promise<Hub> {
  const started = new AsyncDisposableStack()
  started.defer(() => options.mongod.then((mongod) => mongod.close()).catch(() => {}))
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
  warnOfDemoKeys(config, logger)
  const startTable = config.RATES_FILE === undefined ? null : await readRatesFile(config.RATES_FILE, now())
  const readiness = createReadiness()
  const server = await startServer({ config, readiness, logger })
  started.defer(() => server.close(0))

  const mongod = await startingMongod
  const parts = await whenMongoAnswers(logger, async () => {
    await using attempt = new AsyncDisposableStack()
    const opened = await startParts({ config, logger, now, started: attempt, uri: mongod.uri, startTable })
    started.use(attempt.move())
    return opened
  })
  // Clients are disconnected first, so that no operation runs while the subgraphs are closed.
  started.defer(() => server.close(Math.min(closeSpreadMs, server.sockets)))

  openServer(config, parts, server, readiness)
  if (parts.wallets.length > 0) {
    const traffic = startWallets(config, server.url, parts.wallets, logger)
    started.defer(() => traffic.close())
  }
  return runningHub(server.url, mongod, readiness, started)
}

/** How long a start waits for MongoDB. */
const startWithinMs = 60_000
const startAgainMs = 500

/**
 * Runs `open`, and runs it again while it fails because of an outage. So neither a MongoDB that starts later
 * than the hub, nor one that seems silent because the hub is busy with loading, ends the start.
 */
async function whenMongoAnswers<Started>(
  logger: Pick<FastifyBaseLogger, 'warn'>,
  open: () => Promise<Started>,
): Promise<Started> {
  const untilMs = performance.now() + startWithinMs
  for (let attempt = 1; ; attempt++) {
    try {
      return await open()
    } catch (error) {
      if (!isOutage(error)) throw error
      if (performance.now() > untilMs) {
        const message = `MongoDB has not answered within ${startWithinMs / 1000} s: ${reasonOf(error)}`
        throw new MongoStartError('MONGODB_UNREACHABLE', message, { cause: error })
      }
      if (attempt === 1)
        logger.warn(
          { err: error },
          `MongoDB does not answer: the start waits for it for up to ${startWithinMs / 1000} s`,
        )
      await pause(startAgainMs)
    }
  }
}

/** Everything but the web server and the mongod. */
interface Parts extends RunningSubgraphs, Pick<Foundation, 'logger' | 'now' | 'db'> {
  readonly mongo: WatchedMongo
  readonly logHealth: LogHealthWatch
  readonly supergraph: Supergraph
  readonly admission: Admission
  readonly identity: Identity
  readonly wallets: ReturnType<typeof simulatedWallets>
}

async function startParts({
  uri,
  startTable,
  ...base
}: Omit<Foundation, 'db' | 'registry'> & {
  readonly uri: string
  readonly startTable: RateTable | null
}): Promise<Parts> {
  const { config, logger, now, started } = base
  const mongo = closeLater(started, await connectWatched(uri, logger))
  const db = mongo.db(config.MONGODB_DATABASE)
  if (config.MODE === 'demo') await seedDemo(uri, db, config, logger, now)
  const registry = closeLater(started, await openRegistry(db, logger))
  const foundation: Foundation = { ...base, db, registry }
  const wallets = config.TRAFFIC > 0 ? simulatedWallets(registry) : []
  const identity = await startIdentity(foundation, wallets)
  const running = await startSubgraphs(foundation, startTable)
  closeLater(started, startLogRetention(foundation))
  const supergraph = await createHubSupergraph(foundation, running.subgraphs)
  const logHealth = closeLater(started, await watchLogHealth(db, running.logReader, now))
  const admission = await openAdmission(config, supergraph)
  return { ...running, logger, now, db, mongo, logHealth, supergraph, admission, identity, wallets }
}

/** `opened`, which is closed with the hub. */
function closeLater<Opened extends { close(): unknown }>(
  started: AsyncDisposableStack,
  opened: Opened,
): Opened {
  started.defer(async () => void (await opened.close()))
  return opened
}

function warnOfDemoKeys({ MODE, HOST }: Config, logger: FastifyBaseLogger): void {
  if (MODE !== 'demo' || /^(localhost|127\.[\d.]+|::1)$/.test(HOST)) return
  logger.warn(
    `the demo keys are public, and HOST=${HOST} accepts connections of other machines: set MODE=production to refuse the keys`,
  )
}

async function startIdentity(
  { config, logger, now, db, registry, started }: Foundation,
  guests: readonly Guest[],
): Promise<Identity> {
  const allowDemo = config.MODE === 'demo'
  const keyRing = closeLater(started, await openKeyRing(createKeyStore(db), { allowDemo, guests, logger }))
  const issuer = tokenIssuer(config)
  const tokens = issuer && createTokens(issuer, now)
  // The operator runs the hub, and need not be connected to it.
  const isParticipant = (id: ParticipantId) => id === hubParticipant || hasAccess(registry, id)
  return closeLater(started, openIdentity({ keyRing, tokens, isParticipant, now }))
}

/** A participant that was rejected or has left has no access. */
function hasAccess({ participants }: MirroredRegistry, id: ParticipantId): boolean {
  const status = participants.get(id)?.status
  return status !== undefined && status !== 'CLOSED' && status !== 'REJECTED'
}

interface RunningSubgraphs {
  /** By name. */
  readonly subgraphs: ReadonlyMap<string, SubgraphConnection>
  readonly transaction: TransactionSubgraph
  readonly logReader: LogReader
}

async function startSubgraphs(
  { config, logger, now, db, registry, started }: Foundation,
  startTable: RateTable | null,
): Promise<RunningSubgraphs> {
  const isDemo = config.MODE === 'demo'
  const reach = webhookReach(config)
  const merchant = closeLater(started, await openMerchantSubgraph({ db, registry, now, logger }))
  const merchantConnection = connectTo(merchant)
  const logReader = closeLater(started, await startLogReader({ db, logger }))
  const directory = createMerchantDirectory(merchantConnection)
  const dependencies = { db, registry, directory, now, logger, logReader }
  const transaction = closeLater(
    started,
    await openTransactionSubgraph({
      ...dependencies,
      cursorSecret: config.CURSOR_SECRET ?? (await sharedSecret(db, 'cursor')),
      startTable,
      simulator: isDemo ? {} : null,
      checkpointMs: config.CHECKPOINT_MS,
      webhookReach: reach,
    }),
  )
  const participant = closeLater(
    started,
    await openParticipantSubgraph({
      ...dependencies,
      isProduction: !isDemo,
      reach,
      apiKeys: createKeyStore(db),
    }),
  )
  const analytics = closeLater(started, await openAnalyticsSubgraph(dependencies))
  const subgraphs = new Map([
    [merchant.name, merchantConnection],
    [participant.name, connectTo(participant)],
    [transaction.name, connectTo(transaction)],
    [analytics.name, connectTo(analytics)],
  ])
  return { subgraphs, transaction, logReader }
}

const connectTo = ({ name, app }: Subgraph): SubgraphConnection => createInProcessConnection(name, app)

const startLogRetention = ({ config, db, logger, now }: Foundation) =>
  startRetention({
    db,
    logger,
    now,
    days: config.LOG_RETENTION_DAYS,
    projections: [...analyticsProjections, ...transactionProjections],
  })

async function createHubSupergraph(
  { config, logger, db, now, started }: Foundation,
  subgraphs: ReadonlyMap<string, SubgraphConnection>,
): Promise<Supergraph> {
  const file = new URL('../../schema/generated/supergraph.graphql', import.meta.url)
  const refusals = closeLater(started, openRefusalLog(await openAuditLog(db), now, logger))
  return createSupergraph({
    supergraphSdl: await readFile(file, 'utf8'),
    subgraphs,
    scalars,
    ...documentOptions(config),
    refuseText,
    present: maskErrors(logger),
    accessOf,
    onForbidden(context, fields) {
      const { viewer, requestId } = context as RequestContext
      refusals.forbidden(viewer, requestId, fields)
    },
  })
}

/** Accepts operations, and reports the hub as ready. */
function openServer(
  config: Config,
  { mongo, logHealth, supergraph, admission, identity, transaction, logReader }: Parts,
  server: Server,
  readiness: Readiness,
): void {
  server.open({
    supergraph,
    admission,
    identity,
    openSettlementFile: transaction.openSettlementFile,
    metrics: {
      hub: { logHealth, logReader, isMongoAway: mongo.isAway },
      mayRead: (viewer) => config.MODE === 'demo' || (viewer?.scopes.has('operator') ?? false),
    },
  })
  readiness.checks.set('mongodb', () => (mongo.isAway() ? 'MongoDB has no primary that answers' : null))
  readiness.checks.set('log', () => logHealth.whyNotReady())
  readiness.details.set('log', () => logHealthJson(logHealth.latest()))
  readiness.phase = 'ready'
}

function runningHub(
  url: string,
  mongod: RunningMongo,
  readiness: Readiness,
  started: AsyncDisposableStack,
): Hub {
  let closing: Promise<void> | null = null
  return {
    url,
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
