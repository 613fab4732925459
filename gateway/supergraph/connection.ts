// What the engine knows of a subgraph: a document goes in once, results come out many times. No transport lives here.

import type { Positioned } from '../../subgraphs/platform/async/resumable-stream.ts'

/** How the hub reaches one subgraph: in this process, or a partner's over HTTP. */
export interface SubgraphConnection {
  /** As in the supergraph's `join__Graph(name:)`, for instance "participant". */
  readonly name: string
  /** Prepares a document once; what it returns runs it many times. */
  prepare(document: string, operationName?: string): SubgraphOperation
}

export interface SubgraphOperation {
  /** Runs a query or mutation. A result that is there at once is returned as it is: a promise costs a turn. */
  execute(variables: Variables, context: unknown): Promise<SubgraphResult> | SubgraphResult
  /** Only for subscription documents. A result instead of a stream is a refusal. */
  subscribe(
    variables: Variables,
    context: unknown,
  ): Promise<AsyncIterableIterator<SubgraphEvent> | SubgraphResult>
}

/** One event of a subgraph's stream; a null value when only the position has moved. */
export type SubgraphEvent = Positioned<SubgraphResult | null>

/** The engine merges into `data` and reads it while it answers: whoever gives it must not keep or share it. */
export interface SubgraphResult {
  data?: Record<string, unknown> | null
  errors?: readonly SubgraphError[]
}

export interface SubgraphError {
  readonly message: string
  readonly path?: readonly (string | number)[]
  readonly extensions?: Record<string, unknown>
  readonly locations?: unknown
}

export type Variables = Record<string, unknown>

export const isPromise = <T>(value: T | Promise<T>): value is Promise<T> =>
  typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
