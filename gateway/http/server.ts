// The web server: all doors of the hub on one port.

import fastify, { LogController, type FastifyBaseLogger } from 'fastify'
import { randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import type { Config } from '../config/config.ts'
import { HttpError, httpErrorText } from '../protocol/http-error.ts'
import { healthRoutes, type Readiness } from './health.ts'
import { graphqlRoutes, type Services } from './graphql.ts'
import { demoKeys } from '../identity/key.ts'
import { ideRoutes } from './ide.ts'
import { openBroker, type Broker } from '../live/broker.ts'
import { openEventStreamTransport, type EventStreamTransport } from './server-sent-events.ts'
import { metricsRoute, type MetricsSources } from './metrics.ts'
import { originHeaders } from '../protocol/cors.ts'
import { settlementFileRoutes, type SettlementFiles } from './settlement-files.ts'
import { openWebSocketTransport, type WebSocketTransport } from './websocket.ts'

export interface Server {
  /** For instance "http://127.0.0.1:4000", without a slash at the end. */
  readonly url: string
  /** WebSockets and event streams that are open now. */
  readonly sockets: number
  /** Bytes that wait until the clients of these have read what was sent before. */
  readonly waitingBytes: number
  /** Lets operations in. Before, they are answered with NOT_READY. */
  open(services: Services & Beside): void
  /** Closes WebSockets and event streams over at most `spreadMs`, lets running requests finish, then stops listening. */
  close(spreadMs: number): Promise<void>
}

/** What is served beside GraphQL. */
export interface Beside {
  readonly openSettlementFile?: SettlementFiles['open']
  readonly metrics?: Omit<MetricsSources, 'sockets' | 'eventStreams' | 'identity'>
}

export interface ServerOptions {
  readonly config: Config
  readonly readiness: Readiness
  readonly logger: FastifyBaseLogger
}

/** Listens, so that a port that is taken is known at once, and health can be asked for while the hub starts. */
export async function startServer({ config, readiness, logger }: ServerOptions): Promise<Server> {
  let services: Services | null = null
  let broker: Broker | null = null
  let webSocketDoor: WebSocketTransport | null = null
  let sseDoor: EventStreamTransport | null = null
  let settlementFiles: SettlementFiles | null = null
  const app = fastify({
    // Without its own word on where it listens: the hub is not ready yet.
    loggerInstance: logger.child({}, { level: logger.level === 'silent' ? 'silent' : 'warn' }),
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: config.BODY_BYTES_MAX,
    exposeHeadRoutes: false,
    // A logger of its own for each request would be made and never used.
    childLoggerFactory: (parent) => parent,
    forceCloseConnections: 'idle',
    genReqId: ({ headers }) => requestId(headers['x-request-id']),
  })
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id)
    done()
  })
  app.setNotFoundHandler((_request, reply) =>
    reply
      .code(404)
      .type('application/json')
      .send(httpErrorText(new HttpError('NOT_FOUND'))),
  )
  healthRoutes(app, readiness)
  const metrics = metricsRoute(app)
  settlementFileRoutes(app, () => settlementFiles)
  ideRoutes(app, config.MODE === 'demo' ? demoKeys[0]!.key : null)
  originHeaders(app, config.ORIGINS)
  await app.register(async (graphql) =>
    graphqlRoutes(graphql, { config, logger, services: () => services, streams: () => sseDoor }),
  )
  app.get('/', (_request, reply) => reply.redirect('/graphiql/'))
  await app.listen({ host: config.HOST, port: config.PORT })

  const { address, family, port } = app.server.address() as AddressInfo
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`,
    get sockets() {
      return (webSocketDoor?.size ?? 0) + (sseDoor?.size ?? 0)
    },
    get waitingBytes() {
      return (webSocketDoor?.waitingBytes ?? 0) + (sseDoor?.waitingBytes ?? 0)
    },
    open(given) {
      services = given
      const { supergraph, identity, openSettlementFile } = given
      if (openSettlementFile) settlementFiles = { identity, open: openSettlementFile }
      if (given.metrics) {
        const sockets = () => webSocketDoor?.size ?? 0
        const eventStreams = () => sseDoor?.size ?? 0
        const onlyFor = config.MODE === 'demo' ? null : identity
        metrics.open({ ...given.metrics, sockets, eventStreams, identity: onlyFor })
      }
      broker = openBroker({ supergraph, logger, behindMs: config.SOCKET_BEHIND_MS })
      webSocketDoor = openWebSocketTransport({ server: app.server, config, identity, logger, broker })
      sseDoor = openEventStreamTransport({ config, identity, broker })
    },
    async close(spreadMs) {
      await Promise.all([webSocketDoor?.close(spreadMs), sseDoor?.close(spreadMs)])
      broker?.close()
      await app.close()
    },
  }
}

/** A caller's own id is kept when it is harmless in a log line. */
const requestId = (given: unknown): string =>
  typeof given === 'string' && /^[\w.:-]{1,64}$/.test(given) ? given : randomUUID()
