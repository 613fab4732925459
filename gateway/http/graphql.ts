// HTTP at /graphql: one request, one operation, one response. Per the GraphQL over HTTP specification.
//
// A web page of another origin cannot use a visitor's access: the hub authenticates by the Authorization
// header alone, never by a cookie or an address. A browser sends that header to another origin only after a
// preflight, which `ORIGINS` must allow.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Deadline } from '../../subgraphs/platform/async/deadline.ts'
import type { Logger } from '../../subgraphs/platform/logger.ts'
import type { RequestContext } from '../../subgraphs/shared/viewer.ts'
import type { Config } from '../config/config.ts'
import type { Identity } from '../identity/identity.ts'
import { isIntrospectionOnly } from '../identity/introspection.ts'
import { anonymous } from '../identity/without-database.ts'
import { acceptsEventStream, contentTypes, negotiate, type MediaType } from '../protocol/accept.ts'
import { withExtensions, type Admission } from '../protocol/admission.ts'
import { asHttpError, HttpError, sendHttpError } from '../protocol/http-error.ts'
import { readJson, readRequest, type GraphqlRequest } from '../protocol/request.ts'
import { refusalText } from '../supergraph/errors.ts'
import type { Supergraph } from '../supergraph/index.ts'
import { endsWithErrors, unnamed, type Telemetry } from '../telemetry/telemetry.ts'
import type { RequestTrace, Tracing } from '../telemetry/tracing.ts'
import { isUnchanged, sendCompressed } from './response.ts'
import type { EventStreamTransport } from './server-sent-events.ts'

/** What operations run on, once the hub has started. */
export interface Services {
  readonly supergraph: Supergraph
  readonly admission: Admission
  readonly identity: Identity
}

export interface GraphqlRoutesOptions {
  readonly config: Config
  readonly logger: Logger
  readonly telemetry: Telemetry
  /** Null while the hub starts. */
  readonly services: () => Services | null
  readonly streams: () => EventStreamTransport | null
}

export function graphqlRoutes(app: FastifyInstance, options: GraphqlRoutesOptions): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) =>
    done(null, body),
  )

  app.post('/graphql', (request, reply) => {
    checkCharset(request.headers['content-type'])
    const body = readJson((request.body as string | undefined) ?? '', 'the body')
    return respond(options, request, reply, readRequest(body))
  })

  app.get<{ Querystring: Record<string, unknown> }>('/graphql', (request, reply) => {
    const { query } = request
    if (query.query === undefined && request.headers.accept?.includes('text/html'))
      return reply.redirect('/graphiql/')
    reply.header('cache-control', 'no-store')
    return respond(options, request, reply, readRequest(fromUrl(query)))
  })

  app.route({
    method: ['DELETE', 'HEAD', 'PATCH', 'PUT', 'TRACE'],
    url: '/graphql',
    handler: (_request, reply) => {
      reply.header('allow', 'GET, POST')
      throw new HttpError('METHOD_NOT_ALLOWED')
    },
  })

  app.setErrorHandler((error, request, reply) => {
    const httpError = httpErrorOf(error)
    if (httpError.code === 'INTERNAL_SERVER_ERROR')
      options.logger.error({ err: error, requestId: request.id }, 'a request to /graphql failed')
    const mediaType = negotiate(request.headers.accept) ?? 'application/json'
    return sendHttpError(reply, httpError, contentTypes[mediaType])
  })
}

async function respond(
  { config, telemetry, services, streams }: GraphqlRoutesOptions,
  request: FastifyRequest,
  reply: FastifyReply,
  operation: GraphqlRequest,
): Promise<FastifyReply> {
  const { accept, authorization } = request.headers
  const mediaType = negotiate(accept)
  const acceptsStream = acceptsEventStream(accept)
  if (!mediaType && !acceptsStream) throw new HttpError('NOT_ACCEPTABLE')
  const hub = services()
  if (!hub) throw new HttpError('NOT_READY')
  const { admission, identity } = hub
  const needsNoKey =
    authorization === undefined && isIntrospectionOnly(admission.textOf(operation), config.TOKENS_MAX)
  const found = needsNoKey
    ? { ...anonymous, address: request.ip }
    : identity.find(authorization, request.headers, request.ip)
  const viewer = found instanceof Promise ? await found : found
  if (!viewer) throw unauthenticated(authorization)

  const trace = telemetry.tracing && traceOf(telemetry.tracing, request, reply)
  const prepare = () => admission.prepare(operation)
  const prepared = trace ? trace.plan(prepare) : prepare()
  const kind = prepared.kind === 'prepared' ? prepared.operation : null
  if (kind === 'subscription' && !acceptsStream) throw new HttpError('STREAM_NEEDED')
  if (kind === 'mutation' && request.method === 'GET') {
    reply.header('allow', 'POST')
    throw new HttpError('METHOD_NOT_ALLOWED', 'GET runs queries only: send a mutation by POST')
  }
  if (acceptsStream && (kind === 'subscription' || !mediaType)) {
    streams()!.open(request, reply, operation, viewer)
    return reply
  }
  if (!mediaType) throw new HttpError('NOT_ACCEPTABLE')
  if (prepared.kind === 'rejected') return refuse(reply, mediaType, prepared.errors)
  const coerced = prepared.coerce(operation.variables)
  if ('errors' in coerced) return refuse(reply, mediaType, coerced.errors)
  const extensions = admission.charge(prepared, coerced.variables, viewer, operation)
  const deadline = new Deadline(config.REQUEST_TIMEOUT_MS)
  // A mutation that has begun is finished without its client, which then repeats it with the same key.
  if (kind === 'query') reply.raw.once('close', () => deadline.leave())
  const context: RequestContext = { viewer, requestId: request.id, deadline, ...(trace && { trace }) }
  trace?.name(prepared.operation, prepared.name)
  const startedAt = performance.now()
  const text = await prepared.execute(coerced.variables, context).finally(() => deadline.end())
  const hasErrors = endsWithErrors(text)
  telemetry.operations.count(prepared.name ?? unnamed, performance.now() - startedAt, hasErrors)
  if (hasErrors) trace?.fail()
  const complete = withExtensions(text, extensions)
  reply.type(contentTypes[mediaType])
  if (request.method === 'GET') {
    const maxAge = hasErrors || extensions !== null ? 0 : prepared.maxAge
    const caching = { maxAge, forwarded: config.FORWARD_HEADERS }
    if (isUnchanged(request, reply, complete, caching)) return reply.send()
  }
  return sendCompressed(request, reply, complete, config.COMPRESS_FROM_BYTES)
}

/** The trace of a request, which ends with its response. */
function traceOf(tracing: Tracing, { headers }: FastifyRequest, { raw }: FastifyReply): RequestTrace {
  const trace = tracing.begin(headers, 'HTTP')
  raw.once('close', () => {
    if (raw.statusCode >= 400 || !raw.writableFinished) trace.fail()
    trace.end()
  })
  return trace
}

const unauthenticated = (authorization: string | undefined): HttpError =>
  new HttpError(
    'UNAUTHENTICATED',
    authorization && 'the key is unknown or was revoked, or the token is invalid or has expired',
  )

/**
 * Under `application/json`, the status 200 only means that the response is GraphQL: the client must read the
 * body.
 */
const refuse = (
  reply: FastifyReply,
  mediaType: MediaType,
  errors: Parameters<typeof refusalText>[0],
): FastifyReply =>
  reply
    .code(mediaType === 'application/json' ? 200 : 400)
    .type(contentTypes[mediaType])
    .send(refusalText(errors))

function checkCharset(contentType: string | undefined): void {
  const charset = contentType && /;\s*charset\s*=\s*"?([^";\s]+)/i.exec(contentType)?.[1]
  if (charset && charset.toLowerCase() !== 'utf-8') {
    throw new HttpError('UNSUPPORTED_MEDIA_TYPE', `the body must be in UTF-8, not ${charset}`)
  }
}

/** The request in a query string, where maps are JSON text. */
function fromUrl({
  variables,
  extensions,
  checkpoints: _,
  ...rest
}: Record<string, unknown>): Record<string, unknown> {
  const map = (name: string, value: unknown): unknown => {
    if (typeof value !== 'string') throw new HttpError('BAD_REQUEST', `"${name}" is given twice`)
    return readJson(value, `"${name}"`)
  }
  return {
    ...rest,
    ...(variables !== undefined && { variables: map('variables', variables) }),
    ...(extensions !== undefined && { extensions: map('extensions', extensions) }),
  }
}

/** Maps errors of the web server to our codes; an unknown error is an outage, or a bug of the hub. */
export function httpErrorOf(error: unknown): HttpError {
  if (error instanceof HttpError) return error
  const {
    code = '',
    statusCode = 500,
    message,
  } = error as { code?: string; statusCode?: number; message: string }
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return new HttpError('BODY_TOO_LARGE')
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') return new HttpError('UNSUPPORTED_MEDIA_TYPE')
  return statusCode < 500 ? new HttpError('BAD_REQUEST', message) : asHttpError(error)
}
