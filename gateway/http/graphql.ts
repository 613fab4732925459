// HTTP at /graphql: one request, one operation, one response. Per the GraphQL over HTTP specification.
//
// A web page of another origin cannot use a visitor's access: the hub authenticates by the Authorization
// header alone, never by a cookie or an address. A browser sends that header to another origin only after a
// preflight, which `ORIGINS` must allow.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { Deadline } from '../../subgraphs/platform/async/deadline.ts'
import type { LoopTime } from '../../subgraphs/platform/async/loop-time.ts'
import type { Logger } from '../../subgraphs/platform/logger.ts'
import { tracing } from '../../subgraphs/platform/tracing.ts'
import type { RequestContext, Viewer } from '../../subgraphs/shared/viewer.ts'
import type { Config } from '../config/config.ts'
import type { Identity, Peer } from '../identity/identity.ts'
import { isIntrospectionOnly } from '../identity/introspection.ts'
import { anonymous } from '../identity/without-database.ts'
import { acceptsEventStream, contentTypes, negotiate, type MediaType } from '../protocol/accept.ts'
import { withExtensions, type Admission, type Charged } from '../protocol/admission.ts'
import {
  asHttpError,
  HttpError,
  httpErrorHeaders,
  httpErrorText,
  rateLimitHeaders,
  setHeaders,
} from '../protocol/http-error.ts'
import { noting, unnoted, type RefusedRequests } from '../protocol/refused-requests.ts'
import { readJson, readRequest, type GraphqlRequest } from '../protocol/request.ts'
import { refusalText } from '../supergraph/errors.ts'
import type { Prepared, Supergraph, Variables } from '../supergraph/index.ts'
import { others } from '../telemetry/call-stats.ts'
import { nameSpan, traceRequest } from '../telemetry/spans.ts'
import { endsWithErrors, unnamed, type Telemetry } from '../telemetry/telemetry.ts'
import { expandBodies } from './expand-body.ts'
import { peerOf } from './peer.ts'
import { isUnchanged, sendCompressed } from './response.ts'
import type { EventStreamTransport } from './server-sent-events.ts'
import type { UnknownConnections } from './unknown-connections.ts'

/** What operations run on, once the hub has started. */
export interface Services {
  readonly supergraph: Supergraph
  readonly admission: Admission
  readonly identity: Identity
  /** Left out, refusals are not noted. */
  readonly refused?: RefusedRequests
}

export interface GraphqlRoutesOptions {
  readonly config: Config
  readonly logger: Logger
  readonly telemetry: Telemetry
  /** Null while the hub starts. */
  readonly services: () => Services | null
  readonly streams: () => EventStreamTransport | null
  readonly unknown: UnknownConnections
  /** The path below which clients see the hub; empty at the top. */
  readonly base: string
}

export function graphqlRoutes(app: FastifyInstance, options: GraphqlRoutesOptions): void {
  expandBodies(app)
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) =>
    done(null, body),
  )

  app.post('/graphql', (request, reply) => {
    checkCharset(request.headers['content-type'])
    const text = (request.body as string | undefined) ?? ''
    return respond(options, request, reply, () => readRequest(readJson(text, 'the body')))
  })

  app.get<{ Querystring: Record<string, unknown> }>('/graphql', (request, reply) => {
    const { query } = request
    if (query.query === undefined && request.headers.accept?.includes('text/html'))
      return reply.redirect(`${options.base}/graphiql/`)
    reply.header('cache-control', 'no-store')
    return respond(options, request, reply, () => readRequest(fromUrl(query)))
  })

  app.setErrorHandler((error, request, reply) =>
    send(reply, errorAnswer(options, error, callerOf(request, reply))),
  )
}

/** Where an operation comes from, whichever way it takes. */
export interface Caller extends Peer {
  readonly method: string
  readonly socket: Socket
  /** Null where the answer does not go through Node’s server, which no traced request may do. */
  readonly response: ServerResponse | null
  /** Calls `leave` when the client has gone before its answer. */
  onGone(leave: () => void): void
}

export interface Answer {
  readonly status: number
  readonly contentType: string
  readonly body: Buffer
  /** Seconds for which it may be kept; left out for 0. */
  readonly maxAge?: number
  /** Further headers: names in lower case and values in turn. */
  readonly headers?: readonly string[]
}

async function respond(
  options: GraphqlRoutesOptions,
  request: FastifyRequest,
  reply: FastifyReply,
  read: () => GraphqlRequest,
): Promise<FastifyReply> {
  const stream = (operation: GraphqlRequest, viewer: Viewer) =>
    options.streams()!.open(request, reply, operation, viewer)
  const answer = await runOperation(options, callerOf(request, reply), read, stream)
  if (!answer) return reply
  const { status, contentType, body, maxAge = 0, headers = [] } = answer
  setHeaders(reply, headers).code(status).type(contentType)
  const { FORWARD_HEADERS: forwarded, COMPRESS_FROM_BYTES } = options.config
  if (request.method === 'GET' && isUnchanged(request, reply, body, { maxAge, forwarded }))
    return reply.send()
  return sendCompressed(request, reply, body, COMPRESS_FROM_BYTES)
}

const callerOf = (request: FastifyRequest, { raw }: FastifyReply): Caller => ({
  ...peerOf(request),
  method: request.method,
  socket: request.socket,
  response: raw,
  onGone: (leave) => void raw.on('close', leave),
})

const send = (reply: FastifyReply, { status, contentType, body, headers = [] }: Answer): FastifyReply =>
  setHeaders(reply, headers).code(status).type(contentType).send(body)

/** Answers an operation with events. */
type Stream = (operation: GraphqlRequest, viewer: Viewer) => void

/** A promise only where something takes time: a promise for each step would take longer than most steps. */
type Answering = Answer | null | Promise<Answer | null>

/**
 * Runs the operation that `read` gives, and gives its answer; null when `stream` has begun to answer it with
 * events, which is left out for a caller that accepts none. A key is checked before anything is read. Throws
 * or rejects with HttpError.
 */
export function runOperation(
  options: GraphqlRoutesOptions,
  caller: Caller,
  read: () => GraphqlRequest,
  stream?: Stream,
): Answering {
  const { method, headers, response } = caller
  if (!tracing || !response) return run(options, caller, read, stream)
  return traceRequest(tracing, { method, headers, response }, async () => run(options, caller, read, stream))
}

function run(
  options: GraphqlRoutesOptions,
  peer: Caller,
  read: () => GraphqlRequest,
  stream?: Stream,
): Answering {
  const { accept, authorization } = peer.headers
  const mediaType = negotiate(accept)
  const acceptsStream = stream !== undefined && acceptsEventStream(accept)
  if (!mediaType && !acceptsStream) throw new HttpError('NOT_ACCEPTABLE')
  const hub = options.services()
  if (!hub) throw new HttpError('NOT_READY')
  const runFor = (viewer: Viewer | null): Answering => {
    if (!viewer && authorization !== undefined) refuseUnknown(hub, peer)
    const { admission, refused = unnoted } = hub
    return noting(refused, viewer, peer.requestId, () => {
      const loopTime = admission.begin(viewer, peer.address)
      const client = { peer, viewer, mediaType, acceptsStream }
      const answered = loopTime.run(() => {
        const admitted = admit(options, hub, client, read)
        if ('body' in admitted) return admitted
        loopTime.admit()
        return 'prepared' in admitted ? execute(options, peer, admitted, loopTime) : admitted
      })
      if (!('viewer' in answered)) return answered
      stream!(answered.operation, answered.viewer)
      return null
    })
  }
  const found = hub.identity.find(authorization, peer)
  return found instanceof Promise ? found.then(runFor) : runFor(found)
}

/** A client, and how it may be answered. */
interface Client {
  readonly peer: Caller
  /** Null without a key. */
  readonly viewer: Viewer | null
  readonly mediaType: MediaType | null
  readonly acceptsStream: boolean
}

/** An operation that may run. */
interface Admitted extends Charged {
  readonly mediaType: MediaType
  readonly prepared: Prepared
  readonly variables: Variables
  readonly viewer: Viewer
  /** By which it is counted. */
  readonly name: string
}

/** An operation that is to be answered with events. */
interface Streamed {
  readonly operation: GraphqlRequest
  readonly viewer: Viewer
}

/** Reads an operation and checks whether it may run. Gives the answer of one that is refused. */
function admit(
  { config, unknown }: GraphqlRoutesOptions,
  hub: Services,
  { peer, viewer: known, mediaType, acceptsStream }: Client,
  read: () => GraphqlRequest,
): Admitted | Streamed | Answer {
  const { admission, refused = unnoted } = hub
  const { method, headers, address, requestId, socket, response } = peer
  const operation = read()
  const { CHARACTERS_MAX: charactersMax, TOKENS_MAX: tokensMax } = config
  const needsNoKey =
    headers.authorization === undefined &&
    isIntrospectionOnly(admission.textOf(operation), { charactersMax, tokensMax })
  const viewer = needsNoKey ? { ...anonymous, address } : (known ?? refuseUnknown(hub, peer))
  if (!needsNoKey) unknown.known(socket)

  const prepared = admission.prepare(operation)
  if (tracing) nameSpan(tracing, prepared)
  const kind = prepared.kind === 'prepared' ? prepared.operation : null
  if (kind === 'subscription' && !acceptsStream) throw new HttpError('STREAM_NEEDED')
  if (kind === 'mutation' && method === 'GET') {
    response?.setHeader('allow', 'POST')
    throw new HttpError('METHOD_NOT_ALLOWED', 'GET runs queries only: send a mutation by POST')
  }
  if (acceptsStream && (kind === 'subscription' || !mediaType)) return { operation, viewer }
  if (!mediaType) throw new HttpError('NOT_ACCEPTABLE')
  if (prepared.kind === 'rejected') {
    refused.note(viewer, requestId, prepared.errors)
    return refusal(mediaType, prepared.errors)
  }
  const coerced = prepared.coerce(operation.variables)
  if ('errors' in coerced) return refusal(mediaType, coerced.errors)
  const { variables } = coerced
  const charged = admission.charge(prepared, variables, { viewer, address }, operation)
  // A name that needs no key could be any text.
  const name = needsNoKey ? others : (prepared.name ?? unnamed)
  return { ...charged, mediaType, prepared, variables, viewer, name }
}

/** Runs an operation, as a part of its time on the event loop. */
function execute(
  { config, telemetry }: GraphqlRoutesOptions,
  peer: Caller,
  { mediaType, prepared, variables, viewer, name, extensions, allowance }: Admitted,
  loopTime: LoopTime,
): Answer | Promise<Answer> {
  const deadline = new Deadline(config.REQUEST_TIMEOUT_MS)
  const context: RequestContext = { viewer, requestId: peer.requestId, deadline, loopTime }
  const startedAt = performance.now()
  const answer = (response: Buffer): Answer => {
    deadline.end()
    const hasErrors = endsWithErrors(response)
    telemetry.operations.count(name, performance.now() - startedAt, hasErrors)
    const maxAge = hasErrors || extensions !== null ? 0 : prepared.maxAge
    const headers = allowance ? rateLimitHeaders(allowance) : noHeaders
    const status = statusOf(response, mediaType)
    return answerOf(status, mediaType, withExtensions(response, extensions), maxAge, headers)
  }
  const response = prepared.execute(variables, context)
  if (!(response instanceof Promise)) return answer(response)
  // A mutation that has begun is finished without its client, which then repeats it with the same key.
  if (prepared.operation === 'query') peer.onGone(() => deadline.leave())
  return response.then(answer).finally(() => deadline.end())
}

/** Charges the address of a client without a valid key, and refuses it. */
function refuseUnknown({ admission }: Services, { address, headers }: Caller): never {
  admission.chargeUnknown(address)
  throw unauthenticated(headers.authorization)
}

const noHeaders: readonly string[] = []

const answerOf = (
  status: number,
  mediaType: MediaType,
  body: Buffer,
  maxAge = 0,
  headers = noHeaders,
): Answer => ({ status, contentType: contentTypes[mediaType], body, maxAge, headers })

/** An operation that could not be planned has no data: it is refused like one that is not valid. */
const statusOf = (response: Buffer, mediaType: MediaType): number =>
  mediaType !== 'application/json' && response.toString('latin1', 0, 9) === '{"errors"' ? 400 : 200

/** The answer for whatever `runOperation` or the web server has thrown. */
export function errorAnswer(
  { logger }: Pick<GraphqlRoutesOptions, 'logger'>,
  error: unknown,
  peer: Peer,
): Answer {
  const { headers, requestId } = peer
  const httpError = httpErrorOf(error)
  const isBug = httpError.code === 'INTERNAL_SERVER_ERROR'
  if (isBug) logger.error({ err: error, requestId }, 'a request to /graphql failed')
  return {
    status: httpError.status,
    contentType: contentTypes[negotiate(headers.accept) ?? 'application/json'],
    body: Buffer.from(httpErrorText(httpError, isBug ? requestId : undefined)),
    headers: httpErrorHeaders(httpError),
  }
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
const refusal = (mediaType: MediaType, errors: Parameters<typeof refusalText>[0]): Answer =>
  answerOf(mediaType === 'application/json' ? 200 : 400, mediaType, Buffer.from(refusalText(errors)))

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
