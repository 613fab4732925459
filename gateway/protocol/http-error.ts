// Errors of the transports themselves, before or around an operation. Codes of the engine and of the domain
// pass unchanged.

import type { FastifyReply } from 'fastify'
import { problems } from '../../schema/values/problems.ts'
import { isOutage } from '../../subgraphs/platform/mongo/errors.ts'

/** By code: the HTTP status, and the message when there is no more specific one. A code is never reused. */
export const httpErrors = {
  BAD_REQUEST: { status: 400, message: 'The request is not a GraphQL request.' },
  PAN_REFUSED: { status: 400, message: problems.PAN_REFUSED },
  BATCH_NOT_SUPPORTED: {
    status: 400,
    message: 'A request has one operation, not a list: send each by itself, over one connection.',
  },
  PERSISTED_QUERY_NOT_FOUND: { status: 200, message: 'PersistedQueryNotFound' },
  PERSISTED_QUERY_NOT_SUPPORTED: { status: 200, message: 'PersistedQueryNotSupported' },
  OPERATION_TOO_COSTLY: {
    status: 400,
    message: 'The operation costs more than one operation may: request fewer fields, or shorter lists.',
  },
  BUDGET_EXCEEDED: {
    status: 429,
    message: 'The operation costs more than is left of the caller’s budget: wait for `retryAfterMs`.',
  },
  DOCUMENT_NOT_TRUSTED: {
    status: 403,
    message: 'The hub runs only documents of its manifest, and this is none of them.',
  },
  UNAUTHENTICATED: { status: 401, message: 'This takes a key: Authorization: Bearer KEY.' },
  CALL_REFUSED: {
    status: 401,
    message: 'A subgraph takes calls of the hub alone, with a token that the hub has signed.',
  },
  ORIGIN_NOT_ALLOWED: { status: 403, message: 'A page of this origin may not open a WebSocket here.' },
  NOT_FOUND: { status: 404, message: 'There is nothing at this address.' },
  METHOD_NOT_ALLOWED: { status: 405, message: 'GET runs queries, POST runs queries and mutations.' },
  NOT_ACCEPTABLE: {
    status: 406,
    message:
      'The hub responds with application/graphql-response+json, application/json, or text/event-stream: accept one of them.',
  },
  STREAM_NEEDED: {
    status: 406,
    message:
      'A subscription takes server-sent events (Accept: text/event-stream) or a WebSocket (graphql-transport-ws).',
  },
  HOST_NOT_ALLOWED: {
    status: 421,
    message: 'A demo is called by an address, by localhost, or by a name in PUBLIC_URL or ORIGINS.',
  },
  REQUEST_TIMEOUT: { status: 408, message: 'The request did not arrive in time.' },
  BODY_TOO_LARGE: { status: 413, message: 'The body is larger than the hub reads.' },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, message: 'The body must be application/json in UTF-8.' },
  ENCODING_NOT_SUPPORTED: {
    status: 415,
    message: 'The body may be compressed by one of gzip, br and deflate: send it so, or as it is.',
  },
  EXPECTATION_FAILED: { status: 417, message: 'The hub meets no other expectation than 100-continue.' },
  UPGRADE_REQUIRED: {
    status: 426,
    message: 'A WebSocket takes version 13 of its protocol (RFC 6455).',
  },
  HEADERS_TOO_LARGE: { status: 431, message: 'The address and headers are larger than the hub reads.' },
  TOO_MANY_OPERATIONS: {
    status: 429,
    message: 'Too many operations run over this WebSocket: end one, or open another WebSocket.',
  },
  NOT_READY: {
    status: 503,
    message: 'The hub is starting or stopping: try again soon, or at another hub.',
  },
  ISSUER_UNREACHABLE: {
    status: 503,
    message: 'The token cannot be checked, because the keys of its issuer cannot be read: try again soon.',
  },
  UNAVAILABLE: {
    status: 503,
    message: problems.UNAVAILABLE,
  },
  INTERNAL_SERVER_ERROR: {
    status: 500,
    message: 'The hub failed because of a bug. Its log has the details under the request id.',
  },
} as const

export type HttpErrorCode = keyof typeof httpErrors

/**
 * Becomes `{"errors":[{"message","extensions":{"code"}}]}`. It has no stack, which is never read and would
 * take longer than the rest of a refusal.
 */
export class HttpError extends Error {
  readonly code: HttpErrorCode
  /** Further members of the error’s extensions. */
  readonly details: Readonly<Record<string, unknown>>
  constructor(
    code: HttpErrorCode,
    message: string = httpErrors[code].message,
    details: Readonly<Record<string, unknown>> = {},
  ) {
    const { stackTraceLimit } = Error
    Error.stackTraceLimit = 0
    super(message)
    Error.stackTraceLimit = stackTraceLimit
    this.details = details
    this.name = 'HttpError'
    this.code = code
  }

  get status(): number {
    return httpErrors[this.code].status
  }
}

/** An HttpError as it is, UNAVAILABLE for an outage, and INTERNAL_SERVER_ERROR for anything else. */
export function asHttpError(error: unknown): HttpError {
  if (error instanceof HttpError) return error
  return new HttpError(isOutage(error) ? 'UNAVAILABLE' : 'INTERNAL_SERVER_ERROR')
}

/**
 * The response for `error` as JSON text. `requestId` is given where the hub is at fault, to find the line in
 * its log.
 */
export function httpErrorText({ code, message, status, details }: HttpError, requestId?: string): string {
  const extensions = {
    code,
    ...details,
    ...(status === 503 && { retryable: true }),
    ...(requestId && { requestId }),
  }
  return JSON.stringify({ errors: [{ message, extensions }] })
}

/**
 * The header fields of a limit, names and values in turn, by the names of the IETF draft “RateLimit header
 * fields for HTTP”.
 */
export const rateLimitHeaders = ({
  limit,
  remaining,
  waitMs,
}: {
  readonly limit: number
  readonly remaining: number
  readonly waitMs: number
}): readonly string[] => [
  'ratelimit-limit',
  String(limit),
  'ratelimit-remaining',
  String(remaining),
  'ratelimit-reset',
  String(Math.ceil(waitMs / 1000)),
]

/**
 * The headers of the response for `error`, names and values in turn: for UNAUTHENTICATED the scheme to
 * authenticate with (RFC 6750), for ENCODING_NOT_SUPPORTED those that are (RFC 9110, 15.5.16), for
 * BUDGET_EXCEEDED the limit and when to try again.
 */
export function httpErrorHeaders({ code, details }: HttpError): readonly string[] {
  if (code === 'UNAUTHENTICATED') return ['www-authenticate', 'Bearer']
  if (code === 'ENCODING_NOT_SUPPORTED') return ['accept-encoding', 'gzip, br, deflate']
  if (code !== 'BUDGET_EXCEEDED') return []
  const {
    limit,
    remaining,
    retryAfterMs: waitMs,
  } = details as Record<'limit' | 'remaining' | 'retryAfterMs', number>
  return [...rateLimitHeaders({ limit, remaining, waitMs }), 'retry-after', String(Math.ceil(waitMs / 1000))]
}

/** Sets headers that are names and values in turn. */
export function setHeaders(reply: FastifyReply, headers: readonly string[]): FastifyReply {
  for (let n = 0; n < headers.length; n += 2) reply.header(headers[n]!, headers[n + 1])
  return reply
}

/** Responds with `error`: status, headers and JSON. */
export function sendHttpError(
  reply: FastifyReply,
  error: HttpError,
  contentType = 'application/json',
): FastifyReply {
  const requestId = error.code === 'INTERNAL_SERVER_ERROR' ? reply.request.id : undefined
  return setHeaders(reply, httpErrorHeaders(error))
    .code(error.status)
    .type(contentType)
    .send(httpErrorText(error, requestId))
}
