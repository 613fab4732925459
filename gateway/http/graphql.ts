// HTTP at /graphql: one request, one operation, one response. Per the GraphQL over HTTP specification.
//
// A web page of another origin cannot use a visitor's access: the hub authenticates by the Authorization
// header alone, never by a cookie or an address. A browser sends that header to another origin only after a
// preflight, which `ORIGINS` must allow.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ParticipantId } from '../../schema/values/id.ts'
import { Deadline } from '../../subgraphs/platform/async/deadline.ts'
import type { Logger } from '../../subgraphs/platform/logger.ts'
import type { RequestContext, Viewer } from '../../subgraphs/shared/viewer.ts'
import type { Config } from '../config/config.ts'
import type { Identity } from '../identity/identity.ts'
import { isIntrospectionOnly } from '../identity/introspection.ts'
import { acceptsEventStream, contentTypes, negotiate, type MediaType } from '../protocol/accept.ts'
import { asHttpError, HttpError, sendHttpError } from '../protocol/http-error.ts'
import { readJson, readRequest, type GraphqlRequest } from '../protocol/request.ts'
import { refusalText } from '../supergraph/errors.ts'
import type { Supergraph } from '../supergraph/index.ts'
import type { EventStreamTransport } from './server-sent-events.ts'

/** What operations run on, once the hub has started. */
export interface Services {
  readonly supergraph: Supergraph
  readonly identity: Identity
}

export interface GraphqlRoutesOptions {
  readonly config: Config
  readonly logger: Logger
  /** Null while the hub starts. */
  readonly services: () => Services | null
  readonly streams: () => EventStreamTransport | null
  /** The path below which clients see the hub; empty at the top. */
  readonly base: string
}

const noParticipant = '' as ParticipantId
/** The viewer of a document that needs no key. */
const anonymous: Viewer = { participant: noParticipant, scopes: new Set(), key: '' }

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
      return reply.redirect(`${options.base}/graphiql/`)
    reply.header('cache-control', 'no-store')
    return respond(options, request, reply, readRequest(fromUrl(query)))
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
  { config, services, streams }: GraphqlRoutesOptions,
  request: FastifyRequest,
  reply: FastifyReply,
  operation: GraphqlRequest,
): Promise<FastifyReply> {
  const { accept, authorization } = request.headers
  const { query, operationName, variables } = operation
  const mediaType = negotiate(accept)
  const acceptsStream = acceptsEventStream(accept)
  if (!mediaType && !acceptsStream) throw new HttpError('NOT_ACCEPTABLE')
  const hub = services()
  if (!hub) throw new HttpError('NOT_READY')
  const needsNoKey = authorization === undefined && isIntrospectionOnly(query, config.TOKENS_MAX)
  const found = needsNoKey ? anonymous : hub.identity.find(authorization)
  const viewer = found instanceof Promise ? await found : found
  if (!viewer) throw unauthenticated(authorization)

  const prepared = hub.supergraph.prepare(query, operationName)
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
  const coerced = prepared.coerce(variables)
  if ('errors' in coerced) return refuse(reply, mediaType, coerced.errors)
  const deadline = new Deadline(config.REQUEST_TIMEOUT_MS)
  // A mutation that has begun is finished without its client, which then repeats it with the same key.
  if (kind === 'query') reply.raw.once('close', () => deadline.leave())
  const context: RequestContext = { viewer, requestId: request.id, deadline }
  const text = await prepared.execute(coerced.variables, context).finally(() => deadline.end())
  return reply.type(contentTypes[mediaType]).send(text)
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
  if (charset && !/^utf-?8$/i.test(charset)) {
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
