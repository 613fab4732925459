// The hub: connects MongoDB, the four subgraphs here or in processes of their own, the supergraph and the web
// server, and closes them in reverse order.

import type { FastifyBaseLogger } from 'fastify'
import type { ParticipantId } from '../../schema/values/id.ts'
import { connectWatched, type WatchedMongo } from '../../subgraphs/platform/mongo/client.ts'
import { openSchemaVersion, type SchemaVersion } from '../../subgraphs/platform/mongo/schema-version.ts'
import { openAuditLog } from '../../subgraphs/shared/audit-log.ts'
import { openRefusalLog } from '../../subgraphs/shared/refusal-log.ts'
import { hubParticipant, openRegistry, type MirroredRegistry } from '../../subgraphs/shared/registry.ts'
import { scalars } from '../../subgraphs/shared/scalars.ts'
import type { JoiningPort } from '../../subgraphs/shared/joined-subgraphs.ts'
import type { RateTable } from '../../subgraphs/transaction/index.ts'
import type { RequestContext } from '../../subgraphs/shared/viewer.ts'
import {
  callerLimits,
  documentOptions,
  refuseUnsafe,
  secretBox,
  tokenIssuer,
  webhookReach,
  type Config,
} from '../config/config.ts'
import { openAdmission } from '../http/admission.ts'
import { createReadiness, type Readiness } from '../http/health.ts'
import { logHealthJson, watchLogHealth, type LogHealthWatch } from '../http/log-health.ts'
import { maskErrors } from '../http/mask-errors.ts'
import { startServer, type Server } from '../http/server.ts'
import { networkOf } from '../http/unknown-connections.ts'
import { accessOf } from '../identity/access.ts'
import { openIdentity, type Identity, type Peer } from '../identity/identity.ts'
import { openKeyRing, type Guest } from '../identity/key-ring.ts'
import { createKeyStore } from '../identity/key-store.ts'
import { createCallerLimits } from '../identity/caller-limits.ts'
import { openBudgets } from '../identity/shared-budgets.ts'
import { createTokens } from '../identity/token.ts'
import { openGraphKeeper, type GraphKeeper, type JoinedSubgraph } from '../joining/graph-keeper.ts'
import { firstJoined, openJoining, type Joining } from '../joining/joining.ts'
import { startOffersProcess } from '../joining/offers-process.ts'
import { readGraphWithOffers, readOwnGraph } from '../joining/own-graph.ts'
import { connectWithin } from '../joining/remote-sdl.ts'
import type { RunningMongo } from '../mongod/start.ts'
import type { Admission } from '../protocol/admission.ts'
import { refuseText } from '../protocol/input-text.ts'
import { noteRefusedRequests, type RefusedRequests } from '../protocol/refused-requests.ts'
import { openSupergraph, type ReplaceableSupergraph, type SubgraphConnection } from '../supergraph/index.ts'
import { engineObserver } from '../telemetry/spans.ts'
import { createTelemetry } from '../telemetry/telemetry.ts'
import { refuseDemoData, seedDemo, seedDemoKeys, simulatedWallets, startWallets } from './demo.ts'
import { closeLater, whenMongoAnswers, type Foundation } from './foundation.ts'
import { migrations } from './migrations.ts'
import { readRatesFile } from './rates-file.ts'
import { connectSubgraphs } from './remote-subgraphs.ts'
import { joiningPort, startSubgraphs, type ConnectedSubgraphs } from './subgraphs.ts'
import { openTracing } from './tracing.ts'

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
  /** False: the subgraphs run in processes of their own. Default: true. */
  readonly hasOwnSubgraphs?: boolean
  readonly now?: () => Date
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
  { logger, mongod: startingMongod, hasOwnSubgraphs = true, now = () => new Date() }: HubOptions,
  started: AsyncDisposableStack,
): Promise<Hub> {
  refuseUnsafe(config)
  warnOfDemoKeys(config, logger)
  const startTable = config.RATES_FILE === undefined ? null : await readRatesFile(config.RATES_FILE, now())
  closeLater(started, await openTracing(config, hasOwnSubgraphs ? null : 'gateway', logger))
  const readiness = createReadiness()
  const telemetry = createTelemetry()
  const server = await startServer({ config, readiness, logger, telemetry })
  started.defer(() => server.close(0))

  const mongod = await startingMongod
  const parts = await whenMongoAnswers(logger, async () => {
    await using attempt = new AsyncDisposableStack()
    const base = { config, logger, now, telemetry, started: attempt, uri: mongod.uri }
    const opened = await startParts({ ...base, startTable, hasOwnSubgraphs })
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
  return runningHub(server.url, mongod, parts.schemaVersion, readiness, started)
}

/** Everything but the web server and the mongod. */
interface Parts extends ConnectedSubgraphs, Pick<Foundation, 'logger' | 'now' | 'db'> {
  readonly mongo: WatchedMongo
  readonly schemaVersion: SchemaVersion
  readonly logHealth: LogHealthWatch
  readonly supergraph: ReplaceableSupergraph
  readonly admission: Admission
  readonly identity: Identity
  readonly refused: RefusedRequests
  readonly wallets: ReturnType<typeof simulatedWallets>
}

async function startParts({
  uri,
  startTable,
  hasOwnSubgraphs,
  ...base
}: Omit<Foundation, 'db' | 'registry' | 'refusals'> & {
  readonly uri: string
  readonly startTable: RateTable | null
  readonly hasOwnSubgraphs: boolean
}): Promise<Parts> {
  const { config, logger, now, started } = base
  const mongo = closeLater(started, await connectWatched(uri, logger))
  const db = mongo.db(config.MONGODB_DATABASE)
  const schemaVersion = closeLater(started, await openSchemaVersion(db, { migrations, logger }))
  if (config.MODE !== 'demo') await refuseDemoData(db, config)
  else if (hasOwnSubgraphs) await seedDemo(uri, db, config, logger, now)
  else await seedDemoKeys(db, now)
  // It takes as long to start as the rest of the hub.
  const database = db.databaseName
  const offers = config.OFFERS === 'start' ? startOffersProcess({ uri, database, logger }) : null
  if (offers) closeLater(started, offers)
  const registry = closeLater(started, await openRegistry(db, logger, secretBox(config)))
  const refusals = closeLater(started, openRefusalLog(await openAuditLog(db), now, logger))
  const foundation: Foundation = { ...base, db, registry, refusals }
  const wallets = config.TRAFFIC > 0 ? simulatedWallets(registry) : []
  const identity = await startIdentity(foundation, wallets)
  const late: LateParts = { keeper: null, joining: null }
  const running = hasOwnSubgraphs
    ? await startSubgraphs(foundation, startTable, lateJoining(config, late))
    : await connectSubgraphs(foundation, () => late.joining!.refresh())
  const first = offers ? await firstJoined(offers) : []
  const keeper = closeLater(started, await openHubGraph(foundation, running.subgraphs, first))
  late.keeper = keeper
  late.joining = closeLater(started, await openJoining({ config, db, offers, keeper, logger }))
  const { supergraph } = keeper
  const logHealth = closeLater(started, await watchLogHealth(db, running.logReader, now))
  const budgets = closeLater(started, await openBudgets({ db, logger }))
  const limits = createCallerLimits(budgets, callerLimits(config))
  const admission = await openAdmission(config, supergraph, limits, logger)
  const refused = noteRefusedRequests(refusals)
  return {
    ...running,
    logger,
    now,
    db,
    mongo,
    schemaVersion,
    logHealth,
    supergraph,
    admission,
    identity,
    refused,
    wallets,
  }
}

function warnOfDemoKeys({ MODE, HOST }: Config, logger: FastifyBaseLogger): void {
  if (MODE !== 'demo' || /^(localhost|127\.[\d.]+|::1)$/.test(HOST)) return
  logger.warn(
    `the demo keys are public, and HOST=${HOST} accepts connections of other machines: set MODE=production to refuse the keys`,
  )
}

async function startIdentity(
  { config, logger, now, db, registry, refusals, started }: Foundation,
  guests: readonly Guest[],
): Promise<Identity> {
  const allowDemo = config.MODE === 'demo'
  const keyRing = closeLater(started, await openKeyRing(createKeyStore(db), { allowDemo, guests, logger }))
  const issuer = tokenIssuer(config)
  const tokens = issuer && createTokens(issuer, now)
  // The operator runs the hub, and need not be connected to it.
  const isParticipant = (id: ParticipantId) => id === hubParticipant || hasAccess(registry, id)
  const participants = () => registry.participants
  const onRefused = ({ address, requestId }: Peer) => refusals.refusedKey(networkOf(address), requestId)
  return closeLater(started, openIdentity({ keyRing, tokens, isParticipant, participants, onRefused, now }))
}

/** A participant that was rejected or has left has no access. */
function hasAccess({ participants }: MirroredRegistry, id: ParticipantId): boolean {
  const status = participants.get(id)?.status
  return status !== undefined && status !== 'CLOSED' && status !== 'REJECTED'
}

/** Opened after the participant subgraph, whose mutations use them. */
interface LateParts {
  keeper: GraphKeeper | null
  joining: Joining | null
}

const lateJoining = (config: Config, late: LateParts): JoiningPort =>
  joiningPort(
    config,
    { check: (subgraph) => late.keeper!.check(subgraph) },
    { refresh: () => late.joining!.refresh() },
  )

async function openHubGraph(
  { config, logger, telemetry, refusals }: Foundation,
  connections: ReadonlyMap<string, SubgraphConnection>,
  first: readonly JoinedSubgraph[],
): Promise<GraphKeeper> {
  const present = maskErrors(logger, (subgraph) => !connections.has(subgraph) && subgraph !== 'supergraph')
  const reach = webhookReach(config)
  const ownGraph = await readOwnGraph()
  return openGraphKeeper({
    ...ownGraph,
    composed: config.OFFERS === 'start' ? await readGraphWithOffers(ownGraph) : null,
    first,
    connections,
    openGraph: (supergraphSdl, subgraphs) =>
      openSupergraph({
        supergraphSdl,
        subgraphs,
        scalars,
        ...documentOptions(config),
        refuseText,
        present,
        accessOf,
        observer: engineObserver(),
        onForbidden(context, fields) {
          const { viewer, requestId } = context as RequestContext
          for (const field of fields)
            refusals.note(viewer, {
              action: 'forbiddenField',
              target: `field:${field}`,
              refusal: 'UNAUTHORIZED_FIELD_OR_TYPE',
              requestId,
            })
        },
      }),
    connect: (subgraph) =>
      telemetry.observe(connectWithin(subgraph.isOnThisMachine ? 'LOOPBACK' : reach, subgraph)),
    requestMs: config.REQUEST_TIMEOUT_MS,
    logger,
  })
}

/** Accepts operations, and reports the hub as ready. */
function openServer(
  config: Config,
  {
    mongo,
    logHealth,
    supergraph,
    admission,
    identity,
    refused,
    openSettlementFile,
    exchange,
    logReader,
  }: Parts,
  server: Server,
  readiness: Readiness,
): void {
  server.open({
    supergraph,
    admission,
    identity,
    refused,
    openSettlementFile,
    exchange,
    metrics: {
      mongo,
      log: { health: logHealth, reader: logReader },
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
  { outdated }: SchemaVersion,
  readiness: Readiness,
  started: AsyncDisposableStack,
): Hub {
  let closing: Promise<void> | null = null
  return {
    url,
    mongo: mongod.source,
    broken: new Promise((resolve) => {
      void mongod.ended.then(() => closing ?? resolve(new Error('MongoDB has ended')))
      void outdated.then(resolve)
    }),
    close() {
      readiness.phase = 'draining'
      return (closing ??= started.disposeAsync())
    },
  }
}
