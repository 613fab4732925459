// HTTP at /graphql: a request in, one operation, its answer out. Per the GraphQL over HTTP specification.
//
// A web page elsewhere cannot use a visitor's access: nothing here is known by cookie or by address, only by a key that
// the caller writes into a header, which a browser sends across origins after asking first, and only `ORIGINS` may.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { negotiate, type MediaType } from '../protocol/accept.ts'
import type { Config } from '../config/config.ts'
import { HttpError, httpErrorText } from '../protocol/http-error.ts'
import { isIntrospection } from '../identity/introspection.ts'
import type { Identity } from '../identity/identity.ts'
import type { Viewer } from '../../subgraphs/shared/viewer.ts'
import { readJson, readRequest, type GraphqlRequest } from '../protocol/request.ts'
import { refusalText } from '../supergraph/errors.ts'
import { takesEventStream, type EventStreamTransport } from './server-sent-events.ts'
import type { Supergraph } from '../supergraph/index.ts'
import type { Logger } from '../../subgraphs/platform/logger.ts'

/** What operations run on; there once the hub has started. */
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
}

/** Who asks without a key, for what needs none. */
const nobody: Viewer = { participant: '', scopes: new Set(), key: '' }

export function graphqlRoutes(app: FastifyInstance, options: GraphqlRoutesOptions): void {
  const { config, logger, services, streams } = options
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) =>
    done(null, body),
  )

  app.post('/graphql', (request, reply) => {
    checkCharset(request.headers['content-type'])
    return answer(
      request,
      reply,
      readRequest(readJson((request.body as string | undefined) ?? '', 'the body')),
    )
  })

  app.get<{ Querystring: Record<string, unknown> }>('/graphql', (request, reply) => {
    const { query } = request
    if (query.query === undefined && request.headers.accept?.includes('text/html'))
      return reply.redirect('/graphiql/')
    reply.header('cache-control', 'no-store')
    return answer(request, reply, readRequest(fromUrl(query)))
  })

  app.route({
    method: ['DELETE', 'HEAD', 'PATCH', 'PUT', 'TRACE'],
    url: '/graphql',
    handler: (_request, reply) => {
      reply.header('allow', 'GET, POST')
      throw new HttpError('METHOD_NOT_ALLOWED')
    },
  })

  async function answer(
    request: FastifyRequest,
    reply: FastifyReply,
    asked: GraphqlRequest,
  ): Promise<FastifyReply> {
    const { query, operationName, variables } = asked
    const mediaType = negotiate(request.headers.accept)
    const takesStream = takesEventStream(request.headers.accept)
    if (!mediaType && !takesStream) throw new HttpError('NOT_ACCEPTABLE')
    const hub = services()
    if (!hub) throw new HttpError('NOT_READY')
    const found = identify(request, query, hub.identity)
    const viewer = found instanceof Promise ? await found : found
    if (!viewer) {
      throw new HttpError(
        'UNAUTHENTICATED',
        request.headers.authorization &&
          'the key is unknown or was revoked, or the token is not valid any more',
      )
    }

    const prepared = hub.supergraph.prepare(query, operationName)
    const operation = prepared.kind === 'prepared' ? prepared.operation : null
    if (operation === 'subscription' && !takesStream) throw new HttpError('STREAM_NEEDED')
    if (operation === 'mutation' && request.method === 'GET') {
      reply.header('allow', 'POST')
      throw new HttpError('METHOD_NOT_ALLOWED', 'GET runs queries only: send a mutation by POST')
    }
    if (takesStream && (operation === 'subscription' || !mediaType)) {
      streams()!.open(request, reply, asked, viewer)
      return reply
    }
    if (!mediaType) throw new HttpError('NOT_ACCEPTABLE')
    if (prepared.kind === 'rejected') return refuse(reply, mediaType, prepared.errors)
    const coerced = prepared.coerce(variables)
    if ('errors' in coerced) return refuse(reply, mediaType, coerced.errors)
    const text = await prepared.execute(coerced.variables, { viewer, requestId: request.id })
    return reply.type(contentTypes[mediaType]).send(text)
  }

  function identify(
    { headers: { authorization } }: FastifyRequest,
    query: string,
    identity: Identity,
  ): Viewer | null | Promise<Viewer | null> {
    if (authorization === undefined && isIntrospection(query, config.TOKENS_MAX)) return nobody
    return identity.find(authorization)
  }

  app.setErrorHandler((error, request, reply) => {
    const httpError = faultOf(error)
    if (httpError.code === 'INTERNAL_SERVER_ERROR')
      logger.error({ err: error, requestId: request.id }, 'a request failed')
    if (httpError.code === 'UNAUTHENTICATED') reply.header('www-authenticate', 'Bearer')
    const mediaType = negotiate(request.headers.accept) ?? 'application/json'
    return reply
      .code(httpError.status)
      .type(contentTypes[mediaType])
      .send(httpErrorText(httpError, httpError.status === 500 ? request.id : undefined))
  })
}

const contentTypes: Readonly<Record<MediaType, string>> = {
  'application/graphql-response+json': 'application/graphql-response+json; charset=utf-8',
  'application/json': 'application/json; charset=utf-8',
}

/** Under `application/json`, 200 says no more than that GraphQL answered; a client has to look into the body. */
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

/** In an address, maps come as JSON text. */
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

/** The web server's own refusals in our words; anything unknown is our mistake. */
function faultOf(error: unknown): HttpError {
  if (error instanceof HttpError) return error
  const {
    code = '',
    statusCode = 500,
    message,
  } = error as { code?: string; statusCode?: number; message: string }
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return new HttpError('BODY_TOO_LARGE')
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') return new HttpError('UNSUPPORTED_MEDIA_TYPE')
  return statusCode < 500 ? new HttpError('BAD_REQUEST', message) : new HttpError('INTERNAL_SERVER_ERROR')
}
