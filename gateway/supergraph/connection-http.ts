// A subgraph behind HTTP: any Federation 2 server, a partner's for instance.

import { Pool } from 'undici'
import type {
  SubgraphConnection,
  SubgraphError,
  SubgraphOperation,
  SubgraphResult,
  Variables,
} from './connection.ts'
import type { EngineCode } from './errors.ts'

export interface HttpConnectionOptions {
  /** Headers for one request, from the context of the client's request. */
  readonly headers?: (context: unknown) => Record<string, string>
  /** Sockets kept open to the subgraph. 64 when left out. */
  readonly connectionsMax?: number
  /** How long an answer may take, from sending to its last byte. 10,000 when left out. */
  readonly timeoutMs?: number
  /** Bytes of an answer. 16 MiB when left out. */
  readonly bytesMax?: number
}

export interface HttpConnection extends SubgraphConnection {
  /** Closes the sockets once their requests are answered. */
  close(): Promise<void>
}

/**
 * Reaches a subgraph by POST, over sockets that stay open. A subgraph that is down, slow or does not speak GraphQL gives
 * a result with the code SUBGRAPH_UNAVAILABLE or SUBGRAPH_RESPONSE_INVALID; nothing is thrown. Subscriptions are refused.
 */
export function httpConnection(
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

  const ask = async (body: string, context: unknown): Promise<SubgraphResult> => {
    let text: string
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
        signal: AbortSignal.timeout(timeoutMs),
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
      // All that changes from call to call are the variables.
      const head = `{"query":${JSON.stringify(document)},"variables":`
      return {
        execute: (variables: Variables, context) => ask(`${head}${JSON.stringify(variables)}}`, context),
        subscribe: () =>
          Promise.resolve(failure(name, 'SUBGRAPH_UNAVAILABLE', 'cannot be subscribed to over HTTP')),
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
    return failure(name, 'SUBGRAPH_RESPONSE_INVALID', 'did not answer in JSON', cause)
  }
  if (isObject(result)) {
    const { data, errors } = result
    const hasErrors = Array.isArray(errors) && errors.length > 0 && errors.every(isError)
    if (isObject(data) || (hasErrors && (data === null || data === undefined))) {
      return {
        data: data ?? null,
        ...(hasErrors && { errors: errors.map(readError) }),
      }
    }
  }
  return failure(name, 'SUBGRAPH_RESPONSE_INVALID', 'did not answer with a GraphQL response')
}

/** Some servers, mercurius among them, write the numbers in a path as text; no field is named like a number. */
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
