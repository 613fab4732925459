// What the doors themselves say no to, before or around an operation. Codes of the engine and of the domain pass through.

/** By code: the HTTP status, and the sentence where nothing more is known. A code is never reused. */
export const httpErrors = {
  BAD_REQUEST: { status: 400, message: 'The request is not a GraphQL request.' },
  UNAUTHENTICATED: { status: 401, message: 'This takes a key: Authorization: Bearer KEY.' },
  NOT_FOUND: { status: 404, message: 'There is nothing at this address.' },
  METHOD_NOT_ALLOWED: { status: 405, message: 'GET runs queries, POST runs queries and mutations.' },
  NOT_ACCEPTABLE: {
    status: 406,
    message:
      'The hub answers with application/graphql-response+json, application/json, or text/event-stream.',
  },
  STREAM_NEEDED: {
    status: 406,
    message:
      'A subscription takes server-sent events (Accept: text/event-stream) or a WebSocket (graphql-transport-ws).',
  },
  BODY_TOO_LARGE: { status: 413, message: 'The body is larger than the hub reads.' },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, message: 'The body must be application/json in UTF-8.' },
  TOO_MANY_OPERATIONS: { status: 429, message: 'Too many operations run over this WebSocket.' },
  NOT_READY: { status: 503, message: 'The hub is starting or stopping. Try again soon, or ask another one.' },
  ISSUER_UNREACHABLE: {
    status: 503,
    message: 'The token cannot be checked: the keys of its issuer cannot be had. Try again soon.',
  },
  INTERNAL_SERVER_ERROR: {
    status: 500,
    message: 'The hub made a mistake. It is logged under the request id.',
  },
} as const

export type HttpErrorCode = keyof typeof httpErrors

/** Thrown by a door; becomes `{"errors":[{"message","extensions":{"code"}}]}`. */
export class HttpError extends Error {
  readonly code: HttpErrorCode
  constructor(code: HttpErrorCode, message: string = httpErrors[code].message) {
    super(message)
    this.name = 'Fault'
    this.code = code
  }

  get status(): number {
    return httpErrors[this.code].status
  }
}

/** A fault as an answer. `requestId` only where the hub is at fault, so that what it logged can be found. */
export const httpErrorText = ({ code, message }: HttpError, requestId?: string): string =>
  JSON.stringify({ errors: [{ message, extensions: { code, ...(requestId && { requestId }) } }] })
