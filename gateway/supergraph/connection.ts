// The engine's interface to a subgraph: a document is prepared once and run many times. Transports have their
// own files.

import type { Positioned } from './stream.ts'

/** The connection to one subgraph: in this process, or a partner's over HTTP. */
export interface SubgraphConnection {
  /** The name in the supergraph's `join__Graph(name:)`, for instance "participant". */
  readonly name: string
  /** Prepares a document once, to run it many times. */
  prepare(document: string, operationName?: string): SubgraphOperation
}

export interface SubgraphOperation {
  /** Whether a run ends by itself with the deadline of its context, and its result gives the reason. */
  readonly endsByDeadline?: boolean
  /**
   * Runs a query or mutation. An immediate result is returned without a promise, which would cost a
   * microtask.
   */
  execute(variables: Variables, context: unknown): Promise<SubgraphResult> | SubgraphResult
  /** Opens a subscription. A result instead of a stream is a refusal. */
  subscribe(
    variables: Variables,
    context: unknown,
  ): Promise<AsyncIterableIterator<SubgraphEvent> | SubgraphResult>
}

/** Thrown by a stream of a subgraph that ends before its time. */
export class StreamFailure extends Error {
  override readonly name = 'StreamFailure'
  readonly errors: readonly SubgraphError[]

  constructor(errors: readonly SubgraphError[]) {
    super(errors[0]?.message ?? 'the stream of a subgraph failed')
    this.errors = errors
  }
}

/** One event of a subgraph's stream; the value is null when only the position advanced. */
export type SubgraphEvent = Positioned<ResolveEvent | null>

/** Resolves the fields of an event. Each call resolves them again, for instance after an outage. */
export type ResolveEvent = () => Promise<SubgraphResult> | SubgraphResult

/** The result of one run. The engine changes `data`: a connection must return a new object each time. */
export interface SubgraphResult {
  data?: Record<string, unknown> | null
  errors?: readonly SubgraphError[]
  /** `extensions.ftv1`, where a remote subgraph has sent it: a trace of its resolvers, not checked. */
  ftv1?: unknown
}

export interface SubgraphError {
  readonly message: string
  readonly path?: readonly (string | number)[]
  readonly extensions?: Record<string, unknown>
  readonly locations?: unknown
}

export type Variables = Record<string, unknown>
