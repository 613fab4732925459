// Traces of requests: what the hub calls when requests are traced. Without tracing, none of it is loaded,
// and a request has one comparison with null.

import type { IncomingHttpHeaders } from 'node:http'
import type { CommandEvents } from '../../subgraphs/platform/mongo/client.ts'
import type { SubgraphConnection } from '../supergraph/connection.ts'

export interface Tracing {
  /** Begins the trace of a request, as a part of the trace in its `traceparent` (W3C Trace Context). */
  begin(headers: IncomingHttpHeaders, transport: string): RequestTrace
  /** The connection with a span for each call, under the trace in the context of the call. */
  traced(connection: SubgraphConnection): SubgraphConnection
  /** `traceparent` for a call that is made now; null outside a traced request. */
  traceparent(): string | null
  /** A span for each command to MongoDB that is sent for a traced request. */
  readonly commands: CommandEvents
  /** Sends what is left, and closes. */
  close(): Promise<void>
}

export interface RequestTrace {
  /** Runs `plan` in a span of its own. */
  plan<Result>(plan: () => Result): Result
  /** Names the request after its operation. */
  name(operation: string, name: string | null): void
  fail(): void
  end(): void
}
