// The results for calls of a remote subgraph that fail: each names the subgraph, the reason, and the HTTP
// status where there is one.

import type { SubgraphResult } from './connection.ts'
import type { EngineCode } from './errors.ts'

/** By reason: the code of the error, and the end of its message. */
const failures = {
  TIMEOUT: { code: 'SUBGRAPH_UNAVAILABLE', what: 'did not respond in time' },
  UNREACHABLE: { code: 'SUBGRAPH_UNAVAILABLE', what: 'cannot be reached' },
  CUT_OFF: { code: 'SUBGRAPH_UNAVAILABLE', what: 'closed the connection before its response was complete' },
  PAUSED: {
    code: 'SUBGRAPH_UNAVAILABLE',
    what: 'did not respond in time a moment ago, and is not called yet',
  },
  REFUSED: { code: 'SUBGRAPH_UNAVAILABLE', what: 'refused the call of the hub' },
  TOO_LARGE: { code: 'SUBGRAPH_RESPONSE_INVALID', what: 'returned a response that is too large' },
  NOT_GRAPHQL: { code: 'SUBGRAPH_RESPONSE_INVALID', what: 'did not return a GraphQL response' },
} as const satisfies Record<string, { readonly code: EngineCode; readonly what: string }>

/** `extensions.reason` of an error of a remote subgraph. */
export type FailureReason = keyof typeof failures

export interface RemoteFailure {
  readonly reason: FailureReason
  /** Null when there was no response. */
  readonly status: number | null
  /** For the log, not for the client. */
  readonly cause?: unknown
}

/** The result of a call that failed: no data, and one error. */
export function failedResult(subgraph: string, { reason, status, cause }: RemoteFailure): SubgraphResult {
  const { what } = failures[reason]
  // A server that is overloaded or restarts often responds with a page.
  const code = status !== null && status >= 500 ? 'SUBGRAPH_UNAVAILABLE' : failures[reason].code
  const error = {
    message: `The subgraph "${subgraph}" ${what}.`,
    extensions: { code, subgraph, ...(status !== null && { status }), reason },
  }
  return { data: null, errors: [Object.defineProperty(error, 'originalError', { value: cause })] }
}

/** The reason for which a request over HTTP was rejected by undici. */
export function reasonOf(error: unknown, isLate: boolean): FailureReason {
  const { code, name } = error as { readonly code?: unknown; readonly name?: unknown }
  if (code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE') return 'TOO_LARGE'
  if (isLate || name === 'TimeoutError' || timeouts.has(code)) return 'TIMEOUT'
  return notSent.has(code) ? 'UNREACHABLE' : 'CUT_OFF'
}

const timeouts: ReadonlySet<unknown> = new Set([
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'ETIMEDOUT',
])

/** Codes of connections that were never made: the subgraph has not received the request. */
const notSent: ReadonlySet<unknown> = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
])
