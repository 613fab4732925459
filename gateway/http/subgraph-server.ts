// The web server of a subgraph in a process of its own: mercurius at POST /graphql, streams of events over
// WebSockets, and health. Everything but health takes a token of the hub.

import fastify, {
  LogController,
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type preValidationHookHandler,
} from 'fastify'
import mercurius, { type MercuriusOptions } from 'mercurius'
import type { AddressInfo } from 'node:net'
import { Deadline } from '../../subgraphs/platform/async/deadline.ts'
import { tracing, type Tracing } from '../../subgraphs/platform/tracing.ts'
import type { Subgraph } from '../../subgraphs/shared/subgraph.ts'
import type { RequestContext, Viewer } from '../../subgraphs/shared/viewer.ts'
import type { OpenFile } from '../../subgraphs/transaction/index.ts'
import type { Config } from '../config/config.ts'
import type { CallTokens } from '../identity/call-token.ts'
import { HttpError, sendHttpError } from '../protocol/http-error.ts'
import { withInputCodes } from '../supergraph/connection-in-process.ts'
import type { SubgraphError } from '../supergraph/connection.ts'
import type { PresentError } from '../supergraph/failures.ts'
import { deadlineHeader } from '../supergraph/address.ts'
import { beginRequest } from '../telemetry/spans.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import { exchangeRoutes, type Exchange } from './exchange.ts'
import { httpErrorOf } from './graphql.ts'
import { healthRoutes, type Readiness } from './health.ts'
import { maskErrors } from './mask-errors.ts'
import { metricsRoute, type MetricsSources } from './metrics.ts'
import { settlementFileRoutes } from './settlement-files.ts'
import { openSubgraphStreams } from './subgraph-streams.ts'

export interface SubgraphServerOptions {
  readonly config: Config
  /** With what it has of files. */
  readonly subgraph: Subgraph &
    Partial<Exchange> & {
      readonly openSettlementFile?: (viewer: Viewer, name: string) => Promise<OpenFile | null>
    }
  readonly tokens: CallTokens
  readonly telemetry: Telemetry
  readonly metrics: Pick<MetricsSources, 'mongo' | 'log'>
  readonly readiness: Readiness
  readonly logger: FastifyBaseLogger
}

export interface SubgraphServer {
  /** For instance "http://127.0.0.1:4002", without a slash at the end. */
  readonly url: string
  /** Finishes running requests, closes streams, and stops listening. */
  close(): Promise<void>
}

/** A step of a plan may fetch a thousand entities in one request. */
const bodyBytesMax = 16 * 1024 * 1024

const viewerKey = Symbol('viewer')
type SignedRequest = FastifyRequest & { [viewerKey]: Viewer }

/** Listens, and accepts the calls of the hub. */
export async function startSubgraphServer(options: SubgraphServerOptions): Promise<SubgraphServer> {
  const { config, subgraph, tokens, readiness, logger } = options
  const { schema } = subgraph.app.graphql
  const present = maskErrors(logger)
  const formatErrors = errorFormatter(subgraph.name, present)
  const app = createApp(logger)
  // Only the hub and its operator reach this port.
  healthRoutes(app, readiness, () => true)
  const metrics = metricsRoute(app, options.telemetry)
  await app.register(async (signed) => {
    signed.addHook('onRequest', async (request) => {
      const viewer = await tokens.find(request.headers.authorization)
      if (!viewer) throw new HttpError('CALL_REFUSED')
      ;(request as SignedRequest)[viewerKey] = viewer
      if (readiness.phase !== 'ready') throw new HttpError('NOT_READY')
    })
    // After the body has been read: the events of a socket are in no asynchronous context of a request.
    if (tracing) signed.addHook('preValidation', traceCall(tracing))
    await fileRoutes(signed, subgraph, tokens)
    await signed.register(mercurius, {
      schema,
      // graphql-js runs the documents: graphql-jit handles some inputs wrongly, and mercurius cannot choose.
      jit: 0,
      graphiql: false,
      context: (request, reply) => contextOf(request as SignedRequest, reply, config.REQUEST_TIMEOUT_MS),
      errorFormatter: formatErrors,
      errorHandler(error, request, reply) {
        if (!mistakesIn(error)) return void sendError(error, request, reply, logger)
        const context = { requestId: request.id } as never
        void reply.send(formatErrors({ errors: [error as never] }, context).response)
      },
    })
  })
  await app.ready()
  const streams = openSubgraphStreams({ server: app.server, subgraph, tokens, present })
  metrics.open({
    ...options.metrics,
    identity: tokens,
    mayRead: () => true,
    sockets: () => streams.size,
    eventStreams: () => 0,
    bufferedBytes: () => streams.bufferedBytes,
  })
  await app.listen({ host: config.HOST, port: config.PORT })
  return {
    url: urlOf(app),
    async close() {
      await streams.close()
      await app.close()
    },
  }
}

async function fileRoutes(
  signed: FastifyInstance,
  subgraph: SubgraphServerOptions['subgraph'],
  tokens: CallTokens,
): Promise<void> {
  const { openSettlementFile } = subgraph
  if (openSettlementFile) settlementFileRoutes(signed, () => ({ identity: tokens, open: openSettlementFile }))
  await signed.register(async (routes) => {
    // A refusal may come before the hub has sent all of a body: the hub closes the connection, when it has
    // the answer.
    routes.addHook('onSend', (_request, reply, _payload, done) => {
      reply.removeHeader('connection')
      done()
    })
    await exchangeRoutes(routes, () => ({ identity: tokens, exchange: subgraph }))
  })
}

function createApp(logger: FastifyBaseLogger): FastifyInstance {
  const app = fastify({
    loggerInstance: logger.child({}, { level: logger.level === 'silent' ? 'silent' : 'warn' }),
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: bodyBytesMax,
    childLoggerFactory: (parent) => parent,
    forceCloseConnections: 'idle',
    requestIdHeader: 'x-request-id',
  })
  app.setNotFoundHandler((_request, reply) => sendHttpError(reply, new HttpError('NOT_FOUND')))
  app.setErrorHandler((error, request, reply) => sendError(error, request, reply, logger))
  return app
}

/** Continues the trace of the hub for what follows the hook. */
const traceCall =
  (traces: Tracing): preValidationHookHandler =>
  ({ method, headers, body }, { raw: response }, done) => {
    const { span } = beginRequest(traces, { method, headers, response })
    const { operationName } = (body ?? {}) as { readonly operationName?: unknown }
    if (typeof operationName === 'string') span.setAttribute('graphql.operation.name', operationName)
    traces.within(span, done)
  }

function sendError(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  logger: Pick<FastifyBaseLogger, 'error'>,
): FastifyReply {
  const httpError = httpErrorOf(error)
  if (httpError.code === 'INTERNAL_SERVER_ERROR')
    logger.error({ err: error, requestId: request.id }, 'an HTTP request failed')
  return sendHttpError(reply, httpError)
}

/** The context of a resolver, with the deadline that the hub has sent. */
function contextOf(
  request: SignedRequest,
  reply: FastifyReply,
  timeoutMs: number,
): RequestContext & Record<string, unknown> {
  const leftMs = Number(request.headers[deadlineHeader])
  const deadline = new Deadline(leftMs > 0 ? Math.min(leftMs, timeoutMs) : timeoutMs)
  const { query = '' } = (request.body ?? {}) as { readonly query?: string }
  const isMutation = /^\s*mutation\b/.test(query)
  reply.raw.once('close', () => {
    if (reply.raw.writableFinished) deadline.end()
    // A mutation that has begun is finished without its caller.
    else if (!isMutation) deadline.leave()
  })
  return { viewer: request[viewerKey], requestId: request.id, deadline }
}

/** Errors as the hub gives them to clients, with their path. */
function errorFormatter(
  name: string,
  present: PresentError,
): NonNullable<MercuriusOptions['errorFormatter']> {
  return ({ data, errors: found }, context) => {
    const errors = found.flatMap((error) => mistakesIn(error) ?? [error])
    const coded = withInputCodes({ ...(data && { data }), errors }).errors ?? []
    const presented = coded.map(({ path, ...error }) => ({
      ...present(error, name, context),
      ...(path && { path }),
    }))
    return { statusCode: 200, response: { data: data ?? null, errors: presented as never } }
  }
}

/** The errors of a document or variables that are not valid; null for any other error. */
function mistakesIn(error: unknown): readonly SubgraphError[] | null {
  const { originalError = error } = error as { originalError?: unknown }
  const { code, errors } = originalError as { code?: string; errors?: SubgraphError[] }
  return code === 'MER_ERR_GQL_VALIDATION' ? (errors ?? null) : null
}

function urlOf({ server }: FastifyInstance): string {
  const { address, family, port } = server.address() as AddressInfo
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
}
