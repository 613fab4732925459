// Connects to a subgraph over HTTP: any Federation 2 server, for instance a partner's.

import { Pool } from 'undici'
import type {
  SubgraphConnection,
  SubgraphError,
  SubgraphOperation,
  SubgraphResult,
  Variables,
} from './connection.ts'
import type { EngineCode } from './errors.ts'
import { deadlineOf } from './waiting.ts'

export interface HttpConnectionOptions {
  /** Returns additional headers for one request, from the context of the client's request. */
  readonly headers?: (context: unknown) => Record<string, string>
  /** The most sockets to the subgraph. Default: 64. */
  readonly connectionsMax?: number
  /** The longest time from sending a request to the last byte of its response. Default: 10,000. */
  readonly timeoutMs?: number
  /** The most bytes of a response. Default: 16 MiB. */
  readonly bytesMax?: number
}

export interface HttpConnection extends SubgraphConnection {
  /** Closes the sockets after their pending requests. */
  close(): Promise<void>
}

/**
 * Opens a connection that sends POST requests over persistent sockets.
 *
 * A request also ends with the `deadline` of its context. For a subgraph that is down or too slow, the result
 * has the code SUBGRAPH_UNAVAILABLE; for an invalid response, SUBGRAPH_RESPONSE_INVALID. Nothing is thrown.
 * Subscriptions are refused.
 */
export function openHttpConnection(
  name: string,
  url: string,
  options: HttpConnectionOptions = {},
): HttpConnection {
  const { headers, connectionsMax = 64, timeoutMs = 10_000, bytesMax = 16 * 1024 * 1024 } = options
  const { origin, pathname, search } = new URL(url)
  const pool = new Pool(origin, {
    connections: connectionsMax,
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    connect: { timeout: timeoutMs },
    maxResponseSize: bytesMax,
  })
  const constantHeaders = {
    'content-type': 'application/json',
    accept: 'application/graphql-response+json, application/json',
  }

  const send = async (body: string, context: unknown): Promise<SubgraphResult> => {
    let text: string
    const patience = AbortSignal.timeout(timeoutMs)
    const deadline = deadlineOf(context)
    try {
      const response = await pool.request({
        method: 'POST',
        path: pathname + search,
        body,
        headers: headers
          ? {
              ...constantHeaders,
              ...headers(context),
            }
          : constantHeaders,
        signal: deadline ? AbortSignal.any([patience, deadline.signal]) : patience,
      })
      text = await response.body.text()
    } catch (cause) {
      return failure(name, 'SUBGRAPH_UNAVAILABLE', 'cannot be reached', cause)
    }
    return readResult(name, text)
  }

  return {
    name,
    prepare(document): SubgraphOperation {
      // Only the variables differ between calls.
      const head = `{"query":${JSON.stringify(document)},"variables":`
      return {
        execute: (variables: Variables, context) => send(`${head}${JSON.stringify(variables)}}`, context),
        subscribe: () =>
          Promise.resolve(failure(name, 'SUBGRAPH_UNAVAILABLE', 'does not support subscriptions over HTTP')),
      }
    },
    close: () => pool.close(),
  }
}

function readResult(name: string, text: string): SubgraphResult {
  let result: unknown
  try {
    result = JSON.parse(text)
  } catch (cause) {
    return failure(name, 'SUBGRAPH_RESPONSE_INVALID', 'did not return JSON', cause)
  }
  if (isObject(result)) {
    const { data, errors } = result
    const isEmpty = errors === undefined || errors === null || (Array.isArray(errors) && errors.length === 0)
    const hasErrors = !isEmpty && Array.isArray(errors) && errors.every(isError)
    if (isObject(data) && !isEmpty && !hasErrors) {
      const { errors: mistakes = [] } = failure(name, 'SUBGRAPH_RESPONSE_INVALID', 'returned invalid errors')
      const valid = Array.isArray(errors) ? errors.filter(isError).map(readError) : []
      return { data, errors: [...valid, ...mistakes] }
    }
    if (isObject(data) || (hasErrors && (data === null || data === undefined))) {
      return {
        data: data ?? null,
        ...(hasErrors && { errors: errors.map(readError) }),
      }
    }
  }
  return failure(name, 'SUBGRAPH_RESPONSE_INVALID', 'did not return a GraphQL response')
}

/** Reads an error. Some servers, including mercurius, write list indexes in a path as text. */
function readError({ message, path, extensions }: SubgraphError): SubgraphError {
  const steps = path?.map((step) => (/^\d+$/.test(String(step)) ? Number(step) : step))
  return { message, ...(steps && { path: steps }), ...(extensions && { extensions }) }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isError = (value: unknown): value is SubgraphError =>
  isObject(value) &&
  typeof value['message'] === 'string' &&
  (value['path'] === undefined || value['path'] === null || Array.isArray(value['path']))

function failure(name: string, code: EngineCode, what: string, originalError?: unknown): SubgraphResult {
  const error = { message: `The subgraph "${name}" ${what}.`, extensions: { code, subgraph: name } }
  return { data: null, errors: [Object.defineProperty(error, 'originalError', { value: originalError })] }
}
