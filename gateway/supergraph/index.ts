// The supergraph engine: one graph out of many, planned once per document, joined in place, answered as text.

import type { GraphQLSchema } from 'graphql'
import type { SubgraphConnection } from './connection.ts'
import { DocumentCache } from './document-cache.ts'
import type { Rejected } from './errors.ts'
import type { Engine } from './executable.ts'
import { passOn, type PresentError } from './failures.ts'
import { defaultLimits, type Limits } from './limits.ts'
import { createPlanner } from './plan.ts'
import type { Prepared } from './prepared.ts'
import { readSupergraph } from './supergraph-schema.ts'

export { composeSupergraph } from './compose.ts'
export type { SubgraphConnection, SubgraphResult, Variables } from './connection.ts'
export type { SubscriptionEvent } from './executable.ts'
export { inProcessConnection } from './connection-in-process.ts'
export type { Rejected } from './errors.ts'
export type { PresentError } from './failures.ts'
export type { Limits } from './limits.ts'
export type { Prepared } from './prepared.ts'

export interface SupergraphOptions {
  readonly supergraphSdl: string
  /** By the names in the supergraph; each must be there. */
  readonly subgraphs: ReadonlyMap<string, SubgraphConnection>
  /** Documents that are kept prepared, and as many that are kept refused. 1,000 when left out. */
  readonly documentsMax?: number
  /** What differs from the default limits. */
  readonly limits?: Partial<Limits>
  /** What a client is told of an error in the answer; its message and extensions when left out. */
  readonly present?: PresentError
  /** Told of a valid operation that the planner cannot plan: the client only gets OPERATION_NOT_PLANNED. */
  readonly report?: (error: unknown) => void
}

export interface Supergraph {
  /** What clients see: no federation, nothing `@inaccessible`. */
  readonly schema: GraphQLSchema
  /** Parses, validates and plans; kept by text and operation name. */
  prepare(document: string, operationName?: string | null): Prepared | Rejected
}

/** Throws when a subgraph of the supergraph has no connection. */
export function createSupergraph(options: SupergraphOptions): Supergraph {
  const { supergraphSdl, subgraphs, documentsMax = 1_000, present = passOn, report = () => {} } = options
  const supergraph = readSupergraph(supergraphSdl)
  const missing = [...supergraph.subgraphs].filter((name) => !subgraphs.has(name))
  if (missing.length > 0) throw new TypeError(`there is no connection to subgraph ${missing.join(', ')}`)
  const engine: Engine = { supergraph, subgraphs, plan: createPlanner(supergraphSdl), present, report }
  const limits = { ...defaultLimits, ...options.limits }
  const documents = new DocumentCache(engine, limits, documentsMax)
  return {
    schema: supergraph.api.graphql,
    prepare: (document, operationName) => documents.prepare(document, operationName ?? ''),
  }
}
