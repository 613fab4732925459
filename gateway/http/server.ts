// The web server: all routes and transports of the hub on one port.

import fastify, {
  LogController,
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyServerOptions,
} from 'fastify'
import { randomUUID } from 'node:crypto'
import { Server as HttpsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { holdsCardNumber } from '../../schema/values/card-number.ts'
import { pause } from '../../subgraphs/platform/async/promise.ts'
import { allowedOrigins, publicPath, tlsFiles, type Config } from '../config/config.ts'
import { demoKeys } from '../identity/key.ts'
import { openBroker } from '../live/broker.ts'
import { originHeaders } from '../protocol/cors.ts'
import { isAllowedHost, namesOf } from '../protocol/host.ts'
import { HttpError, sendHttpError } from '../protocol/http-error.ts'
import { unnoted } from '../protocol/refused-requests.ts'
import { createTelemetry, type Telemetry } from '../telemetry/telemetry.ts'
import { openDirectWay } from './direct-way.ts'
import { exchangeRoutes, type ExchangeServices } from './exchange.ts'
import { graphqlRoutes, httpErrorOf, type Services } from './graphql.ts'
import { healthRoutes, type Readiness } from './health.ts'
import { ideRoutes } from './ide.ts'
import { refuseByItself, refuseUnknown, webServerRefusals, withoutBase } from './refusals.ts'
import { peerOf } from './peer.ts'
import { portalRoutes } from './portal.ts'
import { metricsRoute, type MetricsSources } from './metrics.ts'
import { openEventStreamTransport, type EventStreamTransport } from './server-sent-events.ts'
import { openShortWay } from './short-way.ts'
import { settlementFileRoutes, type SettlementFiles } from './settlement-files.ts'
import { openTls, type Tls } from '../protocol/tls.ts'
import { limitUnknownConnections, type UnknownConnections } from './unknown-connections.ts'
import { openWebSocketTransport, type WebSocketTransport } from './websocket.ts'

export interface Server {
  /** For instance "http://127.0.0.1:4000", without a slash at the end. */
  readonly url: string
  /** WebSockets and event streams that are open now. */
  readonly sockets: number
  /** Bytes buffered for their clients. */
  readonly bufferedBytes: number
  /** Accepts operations from now on. Before, they are refused with NOT_READY. */
  open(services: ServerServices): void
  /**
   * Closes WebSockets and event streams over at most `spreadMs`, and other connections after their next
   * answer, lets running requests finish, then stops listening.
   */
  close(spreadMs: number): Promise<void>
}

/** What is served. Files, imports, exports and metrics are refused with NOT_READY when they are left out. */
export interface ServerServices extends Services {
  readonly openSettlementFile?: SettlementFiles['open']
  readonly exchange?: ExchangeServices['exchange']
  readonly metrics?: Omit<MetricsSources, 'sockets' | 'eventStreams' | 'bufferedBytes' | 'identity'>
}

export interface ServerOptions {
  readonly config: Config
  readonly readiness: Readiness
  readonly logger: FastifyBaseLogger
  /** Default: counts, and no traces. */
  readonly telemetry?: Telemetry
  /** Serves the graph of others: no portal, no settlement files, and no stream is shared. Default: false. */
  readonly isStandalone?: boolean
}

interface Transports {
  readonly webSockets: WebSocketTransport
  readonly eventStreams: EventStreamTransport
  close(spreadMs: number): Promise<void>
}

/** The keys of a demo hub: of the operator, a portal, a wallet and an acquirer. */
const keysByRole = Object.fromEntries(demoKeys.map(({ key }) => [key.replace('demo-', ''), key]))

/** Listens at once, so that a port in use is reported early, and health can be read while the hub starts. */
export async function startServer(options: ServerOptions): Promise<Server> {
  const { config, readiness, logger, telemetry = createTelemetry(), isStandalone = false } = options
  let services: ServerServices | null = null
  let settlementFiles: SettlementFiles | null = null
  let exchange: ExchangeServices | null = null
  let transports: Transports | null = null
  const files = tlsFiles(config)
  const tls = files && openTls(files)
  const app = createApp(options, tls)
  const connections = closeAfterAnswer(app)
  const unknown = limitUnknownConnections(app.server, {
    max: config.UNKNOWN_CONNECTIONS_MAX,
    perAddressMax: config.UNKNOWN_CONNECTIONS_PER_ADDRESS_MAX,
  })
  healthRoutes(app, readiness, async (request) => {
    if (config.MODE === 'demo') return true
    // A token that cannot be checked now is no reason to call the hub unready.
    const found = services?.identity.find(request.headers.authorization, peerOf(request))
    const viewer = await Promise.resolve(found).catch(() => null)
    return viewer?.scopes.has('operator') ?? false
  })
  const metrics = metricsRoute(app, telemetry)
  const base = publicPath(config)
  const keys = config.MODE === 'demo' && !isStandalone ? keysByRole : {}
  ideRoutes(app, keys, { base, query: isStandalone ? '{ __typename }\n' : undefined })
  if (!isStandalone) {
    settlementFileRoutes(app, () => settlementFiles)
    await app.register((routes) => exchangeRoutes(routes, () => exchange))
    portalRoutes(app, keys)
  }
  const streams = () => transports?.eventStreams ?? null
  const graphqlOptions = { config, logger, telemetry, unknown, base, services: () => services, streams }
  await app.register(async (graphql) => graphqlRoutes(graphql, graphqlOptions))
  await app.ready()
  const shortWay = { ...graphqlOptions, requestIdOf, metrics, connections }
  openShortWay(app.server, shortWay)
  const silent = silentConnections(app.server)
  // Within TLS, a connection is decrypted by Node’s server, which reads it too.
  if (tls) app.server.on('secureConnection', silent.add)
  const directWay = tls ? null : openDirectWay(app.server, shortWay, silent.add)
  await app.listen({ host: config.HOST, port: config.PORT })
  const unfollow = tls?.follow(app.server as HttpsServer, logger)

  const webSocketCount = () => transports?.webSockets.size ?? 0
  const eventStreamCount = () => transports?.eventStreams.size ?? 0
  const bufferedBytes = () =>
    transports ? transports.webSockets.bufferedBytes + transports.eventStreams.bufferedBytes : 0
  return {
    url: urlOf(app),
    get sockets() {
      return webSocketCount() + eventStreamCount()
    },
    get bufferedBytes() {
      return bufferedBytes()
    },
    open(opened) {
      services = opened
      const { operationNames } = opened.admission
      if (operationNames) telemetry.operations.countOnly(operationNames)
      const { identity, openSettlementFile } = opened
      if (openSettlementFile) settlementFiles = { identity, open: openSettlementFile }
      if (opened.exchange !== undefined) exchange = { identity, exchange: opened.exchange }
      if (opened.metrics) {
        metrics.open({
          ...opened.metrics,
          sockets: webSocketCount,
          eventStreams: eventStreamCount,
          bufferedBytes,
          identity,
        })
      }
      transports = openTransports(app, { ...options, telemetry }, unknown, opened)
    },
    async close(spreadMs) {
      connections.drain()
      unfollow?.()
      await Promise.all([transports?.close(spreadMs), untilDrained(app)])
      directWay?.close()
      silent.destroy()
      await app.close()
    },
  }
}

function createApp(
  { config, logger, isStandalone = false }: ServerOptions,
  tls: Tls | null,
): FastifyInstance {
  const http = {
    ...webServerRefusals.http,
    headersTimeout: config.RECEIVE_TIMEOUT_MS,
    // Node refuses a longer `headersTimeout` than this, which is 300 s by default.
    requestTimeout: config.RECEIVE_TIMEOUT_MS,
    connectionsCheckingInterval: Math.min(config.RECEIVE_TIMEOUT_MS, 1_000),
  }
  const transport = tls
    ? { https: { ...http, ...tls.options, handshakeTimeout: config.RECEIVE_TIMEOUT_MS } }
    : { http }
  const app = fastify({
    ...webServerRefusals,
    // Fastify would log where it listens while the hub is not ready yet.
    loggerInstance: logger.child({}, { level: logger.level === 'silent' ? 'silent' : 'warn' }),
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: config.BODY_BYTES_MAX,
    // A request that is half sent is answered with 408 and closed.
    requestTimeout: config.RECEIVE_TIMEOUT_MS,
    ...transport,
    exposeHeadRoutes: false,
    // Fastify would create a logger for each request, which the hub never uses.
    childLoggerFactory: (parent) => parent,
    forceCloseConnections: 'idle',
    genReqId: ({ headers }) => requestIdOf(headers['x-request-id']),
    // Whether or not a proxy removes the path of PUBLIC_URL, the routes are the same.
    rewriteUrl: ({ url = '/' }) => withoutBase(url, publicPath(config)),
  } as FastifyServerOptions)
  const origins = allowedOrigins(config)
  const names = namesOf(origins)
  refuseByItself(app)
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id)
    // The keys of a demo are public, so a page of another name must not reach it.
    const isAllowed = config.MODE !== 'demo' || isStandalone || isAllowedHost(request.headers.host, names)
    done(isAllowed ? undefined : new HttpError('HOST_NOT_ALLOWED'))
  })
  originHeaders(app, origins)
  refuseUnknown(app)
  app.setErrorHandler((error, request, reply) => {
    const httpError = httpErrorOf(error)
    if (httpError.code === 'INTERNAL_SERVER_ERROR')
      logger.error({ err: error, requestId: request.id }, 'an HTTP request failed')
    return sendHttpError(reply, httpError)
  })
  return app
}

/** From `drain` on, each connection closes after the answer to its request: no client finds it reset. */
function closeAfterAnswer(app: FastifyInstance): { readonly isDraining: boolean; drain(): void } {
  const connections = {
    isDraining: false,
    drain: () => void (connections.isDraining = true),
  }
  app.addHook('onSend', (_request, reply, _payload, done) => {
    if (connections.isDraining) reply.header('connection', 'close')
    done()
  })
  return connections
}

/**
 * Connections of Node’s server on which no request has come yet, as browsers open ahead. It takes them for
 * busy: a server that closes would wait until their clients close them.
 */
function silentConnections(server: FastifyInstance['server']): {
  readonly add: (socket: Socket) => void
  readonly destroy: () => void
} {
  const silent = new Set<Socket>()
  let isClosing = false
  server.on('request', ({ socket }) => silent.delete(socket))
  return {
    add(socket) {
      if (isClosing) return void socket.destroy()
      silent.add(socket)
      socket.once('close', () => silent.delete(socket))
    },
    destroy() {
      isClosing = true
      for (const socket of silent) socket.destroy()
    },
  }
}

/**
 * Half a second for clients that send their next request while the hub begins to stop. A busy machine takes
 * longer for it: each turn reads what has arrived, so a request is not reset because the process had no time.
 */
const drainTurns = 25
const drainTurnMs = 20

/** Resolves when all connections are closed, or after `drainTurns`: what is open then is idle. */
async function untilDrained({ server }: FastifyInstance): Promise<void> {
  const count = () => new Promise<number>((resolve) => server.getConnections((_, open) => resolve(open)))
  for (let turn = 0; turn < drainTurns && (await count()) > 0; turn++) await pause(drainTurnMs)
}

function openTransports(
  app: FastifyInstance,
  { config, logger, telemetry, isStandalone = false }: ServerOptions & { readonly telemetry: Telemetry },
  unknown: UnknownConnections,
  { supergraph, admission, identity, refused = unnoted }: Services,
): Transports {
  const broker = openBroker({
    supergraph,
    admission,
    refused,
    telemetry,
    logger,
    behindMs: config.SOCKET_BEHIND_MS,
    requestMs: config.REQUEST_TIMEOUT_MS,
    sharesStreams: !isStandalone,
  })
  const webSockets = openWebSocketTransport({
    server: app.server,
    config,
    identity,
    logger,
    broker,
    unknown,
    isStandalone,
  })
  const eventStreams = openEventStreamTransport({ config, identity, broker })
  return {
    webSockets,
    eventStreams,
    async close(spreadMs) {
      await Promise.all([webSockets.close(spreadMs), eventStreams.close(spreadMs)])
      broker.close()
    },
  }
}

function urlOf({ server }: FastifyInstance): string {
  const { address, family, port } = server.address() as AddressInfo
  return `${server instanceof HttpsServer ? 'https' : 'http'}://${family === 'IPv6' ? `[${address}]` : address}:${port}`
}

/** The client's own id when it is safe in a log line, else a new one. */
const requestIdOf = (header: unknown): string =>
  typeof header === 'string' && /^[\w.:-]{1,64}$/.test(header) && !holdsCardNumber(header)
    ? header
    : randomUUID()
