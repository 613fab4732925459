// What a process needs to make traces. It is null unless the settings turn traces on, so that a process
// without traces pays one check at each place that could make a span: no span, no context, no allocation.

import type { Attributes, Span } from '@opentelemetry/api'

/** Makes the spans of a process. The current span is that of the asynchronous context. */
export interface Tracing {
  /** The span in which the caller runs, whether or not it is recorded. */
  current(): Span | undefined
  /**
   * Begins a span below the current one, for the code that ends it; null where the current one is not
   * recorded, or has ended.
   */
  begin(name: string, about: About): Span | null
  /** Runs `run` in a span below the current one. The span ends with `run`, or with the promise it returns. */
  span<Value>(name: string, about: About, run: (span: Span | null) => Value): Value
  /** Begins the span of a server: it continues the trace that `headers` name, or begins one. */
  beginServer(name: string, attributes: Attributes, headers: TraceHeaders): Span
  /** Begins a trace that is linked to the current span, for work that the request has only caused. */
  beginLinked(name: string, attributes: Attributes): Span
  /** Runs `run` with `span` as the current one. */
  within<Value>(span: Span, run: () => Value): Value
  /**
   * Runs one call for several callers, whose current spans are `callers`. Each of them has the call in its
   * trace; what the call does itself is in the trace of the first.
   */
  shared<Value>(callers: readonly (Span | undefined)[], run: () => Promise<Value>): Promise<Value>
  /** Marks the work of `span` as failed. `type` is a code or the name of a class, never a message. */
  fail(span: Span, type: string): void
  /**
   * The headers by which another process continues the trace: `traceparent` and `tracestate`, and a request
   * for the times of its resolvers where the client has sent one; or none.
   */
  headers(): Record<string, string>
  /**
   * Adds to the span of a call, which began at `startedAtMs`, a span for each resolver of `ftv1`, the trace
   * that the other process has sent. False when it is none.
   */
  addResolvers(call: Span, startedAtMs: number, ftv1: unknown): boolean
}

export interface About {
  readonly attributes?: Attributes
  /** Whether it is a call of another process. Default: false. */
  readonly isCall?: boolean
  /** Whether the current span may have ended already. Default: false. */
  readonly isLate?: boolean
}

/** Headers by their names in lower case. */
export type TraceHeaders = Readonly<Record<string, unknown>>

/** Null while this process makes no traces. */
export let tracing: Tracing | null = null

export function setTracing(next: Tracing | null): void {
  tracing = next
}
