// The spans of a gateway, by OpenTelemetry’s conventions for HTTP and GraphQL. They have names, codes and
// numbers: no document, no variable, and nothing of a response.

import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import { tracing, type TraceHeaders, type Tracing } from '../../subgraphs/platform/tracing.ts'
import type { SubgraphResult, Variables } from '../supergraph/connection.ts'
import type { Observer, Prepared, Rejected } from '../supergraph/index.ts'
import { isPromise } from '../supergraph/waiting.ts'

interface HttpRequest {
  readonly method: string
  readonly headers: IncomingHttpHeaders
  readonly response: ServerResponse
}

/** Runs a request to /graphql in a span that ends with its response, or once the response is a stream. */
export async function traceRequest<Answer>(
  traces: Tracing,
  request: HttpRequest,
  run: () => Promise<Answer | null>,
): Promise<Answer | null> {
  const { span, end } = beginRequest(traces, request)
  const answer = await traces.within(span, run)
  if (answer === null) end()
  return answer
}

/** Begins the span of a request to /graphql, which ends with its response at the latest. */
export function beginRequest(traces: Tracing, { method, headers, response }: HttpRequest) {
  const route = { 'http.request.method': method, 'http.route': '/graphql', 'url.path': '/graphql' }
  const span = traces.beginServer(`${method} /graphql`, { ...route, 'url.scheme': 'http' }, headers)
  const end = (): void => {
    response.off('close', end)
    const { statusCode, headersSent } = response
    if (headersSent) span.setAttribute('http.response.status_code', statusCode)
    if (!headersSent) traces.fail(span, 'client_gone')
    else if (statusCode >= 500) traces.fail(span, String(statusCode))
    span.end()
  }
  response.once('close', end)
  return { span, end }
}

/**
 * Runs an operation of a WebSocket or event stream in a span, until `run` calls the function that it gets.
 * That of an event stream is a part of its request; that of a WebSocket has the `headers` of its connection.
 */
export function traceOperation<Value>(
  traces: Tracing,
  headers: TraceHeaders,
  run: (ended: () => void) => Value,
): Value {
  const span = traces.current() ? traces.begin('operation', {}) : traces.beginServer('operation', {}, headers)
  return span ? traces.within(span, () => run(() => span.end())) : run(() => {})
}

/** Adds what the client runs to the span of its request. */
export function nameSpan(traces: Tracing, prepared: Prepared | Rejected): void {
  const span = traces.current()
  if (!span?.isRecording() || prepared.kind === 'rejected') return
  span.setAttribute('graphql.operation.type', prepared.operation)
  if (prepared.name !== null) span.setAttribute('graphql.operation.name', prepared.name)
}

export interface Fetch {
  readonly subgraph: string
  readonly operationName: string | undefined
  readonly variables: Variables
  /** Whether the subgraph is another process. */
  readonly isRemote: boolean
  /** Is called when the subgraph sends a trace of its resolvers that is none. */
  readonly ignoredTrace: () => void
}

type Result = SubgraphResult | Promise<SubgraphResult>

/** Runs a call of a subgraph in a span. */
export function traceFetch(traces: Tracing, fetch: Fetch, run: () => Result): Result {
  const { subgraph, operationName, variables, isRemote, ignoredTrace } = fetch
  const entities = variables['representations']
  const attributes = {
    'crossgate.subgraph': subgraph,
    ...(operationName !== undefined && { 'graphql.operation.name': operationName }),
    ...(Array.isArray(entities) && { 'crossgate.entities': entities.length }),
  }
  return traces.span(`fetch ${subgraph}`, { attributes, isCall: isRemote }, (span) => {
    const startedAtMs = Date.now()
    const result = run()
    if (!span) return result
    const mark = (received: SubgraphResult): SubgraphResult => {
      const [error] = received.errors ?? []
      const { ftv1 } = received
      if (ftv1 !== undefined && !traces.addResolvers(span, startedAtMs, ftv1)) ignoredTrace()
      const code = error?.extensions?.['code']
      if (error) traces.fail(span, typeof code === 'string' ? code : 'error')
      return received
    }
    return isPromise(result) ? result.then(mark) : mark(result)
  })
}

/** Makes a span of each plan, and a trace of each event of a subscription; null without traces. */
export function engineObserver(): Observer | null {
  const traces = tracing
  return (
    traces && {
      plan: (run) => traces.span('plan', {}, run),
      event(name, run) {
        const span = traces.beginLinked('event', name === null ? {} : { 'graphql.operation.name': name })
        return traces.within(span, run).finally(() => span.end())
      },
    }
  )
}
