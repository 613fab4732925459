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
  BODY_TOO_LARGE: { status: 413, message: 'The body is larger than the hub reads.' },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, message: 'The body must be application/json in UTF-8.' },
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

/** Becomes `{"errors":[{"message","extensions":{"code"}}]}`. */
export class HttpError extends Error {
  readonly code: HttpErrorCode
  /** Further members of the error’s extensions. */
  readonly details: Readonly<Record<string, unknown>>
  constructor(
    code: HttpErrorCode,
    message: string = httpErrors[code].message,
    details: Readonly<Record<string, unknown>> = {},
  ) {
    super(message)
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

/** The headers of the response for `error`: for UNAUTHENTICATED the scheme to authenticate with (RFC 6750). */
export const httpErrorHeaders = ({ code }: HttpError): Record<string, string> =>
  code === 'UNAUTHENTICATED' ? { 'www-authenticate': 'Bearer' } : {}

/** Responds with `error`: status, headers and JSON. */
export function sendHttpError(
  reply: FastifyReply,
  error: HttpError,
  contentType = 'application/json',
): FastifyReply {
  const requestId = error.code === 'INTERNAL_SERVER_ERROR' ? reply.request.id : undefined
  return reply
    .code(error.status)
    .headers(httpErrorHeaders(error))
    .type(contentType)
    .send(httpErrorText(error, requestId))
}
