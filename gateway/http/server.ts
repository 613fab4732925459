// The web server: all routes and transports of the hub on one port.

import fastify, { LogController, type FastifyBaseLogger, type FastifyInstance } from 'fastify'
import { randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { holdsCardNumber } from '../../schema/values/card-number.ts'
import { pause } from '../../subgraphs/platform/async/promise.ts'
import type { Config } from '../config/config.ts'
import { demoKeys } from '../identity/key.ts'
import { openBroker } from '../live/broker.ts'
import { originHeaders } from '../protocol/cors.ts'
import { HttpError, sendHttpError } from '../protocol/http-error.ts'
import { graphqlRoutes, httpErrorOf, type Services } from './graphql.ts'
import { healthRoutes, type Readiness } from './health.ts'
import { ideRoutes } from './ide.ts'
import { portalRoutes } from './portal.ts'
import { metricsRoute, type MetricsSources } from './metrics.ts'
import { openEventStreamTransport, type EventStreamTransport } from './server-sent-events.ts'
import { openShortWay } from './short-way.ts'
import { settlementFileRoutes, type SettlementFiles } from './settlement-files.ts'
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

/** What is served. Settlement files and metrics are refused with NOT_READY when they are left out. */
export interface ServerServices extends Services {
  readonly openSettlementFile?: SettlementFiles['open']
  readonly metrics?: Omit<MetricsSources, 'sockets' | 'eventStreams' | 'identity'>
}

export interface ServerOptions {
  readonly config: Config
  readonly readiness: Readiness
  readonly logger: FastifyBaseLogger
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
  const { config, readiness, logger, isStandalone = false } = options
  let services: ServerServices | null = null
  let settlementFiles: SettlementFiles | null = null
  let transports: Transports | null = null
  const app = createApp(options)
  const connections = closeAfterAnswer(app)
  healthRoutes(app, readiness)
  const metrics = metricsRoute(app)
  const keys = config.MODE === 'demo' && !isStandalone ? keysByRole : {}
  ideRoutes(app, keys, isStandalone ? '{ __typename }\n' : undefined)
  if (!isStandalone) {
    settlementFileRoutes(app, () => settlementFiles)
    portalRoutes(app, keys)
  }
  originHeaders(app, config.ORIGINS)
  const streams = () => transports?.eventStreams ?? null
  const graphqlOptions = { config, logger, services: () => services, streams }
  await app.register(async (graphql) => graphqlRoutes(graphql, graphqlOptions))
  await app.ready()
  openShortWay(app.server, { ...graphqlOptions, requestIdOf, metrics, connections })
  await app.listen({ host: config.HOST, port: config.PORT })

  const webSocketCount = () => transports?.webSockets.size ?? 0
  const eventStreamCount = () => transports?.eventStreams.size ?? 0
  return {
    url: urlOf(app),
    get sockets() {
      return webSocketCount() + eventStreamCount()
    },
    get bufferedBytes() {
      return transports ? transports.webSockets.bufferedBytes + transports.eventStreams.bufferedBytes : 0
    },
    open(opened) {
      services = opened
      const { identity, openSettlementFile } = opened
      if (openSettlementFile) settlementFiles = { identity, open: openSettlementFile }
      if (opened.metrics) {
        metrics.open({
          ...opened.metrics,
          sockets: webSocketCount,
          eventStreams: eventStreamCount,
          identity,
        })
      }
      transports = openTransports(app, options, opened)
    },
    async close(spreadMs) {
      connections.drain()
      await Promise.all([transports?.close(spreadMs), untilDrained(app)])
      await app.close()
    },
  }
}

function createApp({ config, logger }: ServerOptions): FastifyInstance {
  const app = fastify({
    // Fastify would log where it listens while the hub is not ready yet.
    loggerInstance: logger.child({}, { level: logger.level === 'silent' ? 'silent' : 'warn' }),
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: config.BODY_BYTES_MAX,
    exposeHeadRoutes: false,
    // Fastify would create a logger for each request, which the hub never uses.
    childLoggerFactory: (parent) => parent,
    forceCloseConnections: 'idle',
    genReqId: ({ headers }) => requestIdOf(headers['x-request-id']),
  })
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id)
    done()
  })
  app.setNotFoundHandler((_request, reply) => sendHttpError(reply, new HttpError('NOT_FOUND')))
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

/** For clients that send their next request while the hub begins to stop. */
const drainMs = 500

/** Resolves when all connections are closed, or after half a second: what is open then is idle. */
async function untilDrained({ server }: FastifyInstance): Promise<void> {
  const untilMs = performance.now() + drainMs
  const count = () => new Promise<number>((resolve) => server.getConnections((_, open) => resolve(open)))
  while ((await count()) > 0 && performance.now() < untilMs) await pause(20)
}

function openTransports(
  app: FastifyInstance,
  { config, logger, isStandalone = false }: ServerOptions,
  { supergraph, admission, identity }: Services,
): Transports {
  const broker = openBroker({
    supergraph,
    admission,
    logger,
    behindMs: config.SOCKET_BEHIND_MS,
    requestMs: config.REQUEST_TIMEOUT_MS,
    sharesStreams: !isStandalone,
  })
  const webSockets = openWebSocketTransport({ server: app.server, config, identity, logger, broker })
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
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
}

/** The client's own id when it is safe in a log line, else a new one. */
const requestIdOf = (header: unknown): string =>
  typeof header === 'string' && /^[\w.:-]{1,64}$/.test(header) && !holdsCardNumber(header)
    ? header
    : randomUUID()
