// The supergraph engine: one graph out of many, planned once per document, joined in place, answered as text.

import type { GraphQLSchema } from 'graphql'
import type { SubgraphConnection } from './connection.ts'
import { findOperation, readDocument, type Document } from './documents.ts'
import type { Rejected } from './errors.ts'
import type { Engine } from './executable.ts'
import { passOn, type PresentError } from './failures.ts'
import { defaultLimits, type Limits } from './limits.ts'
import { Lru } from './lru.ts'
import { createPlanner } from './plan.ts'
import { prepareOperation, type Prepared } from './prepared.ts'
import { readSupergraph } from './supergraph-schema.ts'

export { composeSupergraph, type SubgraphSdl } from './compose.ts'
export type {
  SubgraphConnection,
  SubgraphError,
  SubgraphOperation,
  SubgraphResult,
  Variables,
} from './connection.ts'
export { httpConnection } from './connection-http.ts'
export { inProcessConnection } from './connection-in-process.ts'
export { engineCodes, type EngineCode, type Rejected } from './errors.ts'
export type { PresentError } from './failures.ts'
export type { Limits } from './limits.ts'
export type { Prepared } from './prepared.ts'
export type { Coerced } from './variables.ts'

export interface SupergraphOptions {
  readonly supergraphSdl: string
  /** By the names in the supergraph; each must be there. */
  readonly subgraphs: ReadonlyMap<string, SubgraphConnection>
  /** Documents that are kept prepared, and as many that are kept refused. 1,000 when left out. */
  readonly documentsMax?: number
  /** What differs from the default limits. */
  readonly limits?: Partial<Limits>
  /** What a client is told of a subgraph's error; its message and extensions when left out. */
  readonly present?: PresentError
}

export interface Supergraph {
  /** What clients see: no federation, nothing `@inaccessible`. */
  readonly schema: GraphQLSchema
  /** Parses, validates and plans; kept by text and operation name. */
  prepare(document: string, operationName?: string | null): Prepared | Rejected
}

/** Throws when a subgraph of the supergraph has no connection. */
export function createSupergraph(options: SupergraphOptions): Supergraph {
  const { supergraphSdl, subgraphs, documentsMax = 1_000, present = passOn } = options
  const supergraph = readSupergraph(supergraphSdl)
  const { graphql: schema } = supergraph.api
  const missing = [...supergraph.subgraphs].filter((name) => !subgraphs.has(name))
  if (missing.length > 0) throw new TypeError(`there is no connection to subgraph ${missing.join(', ')}`)
  const engine: Engine = { supergraph, subgraphs, plan: createPlanner(supergraphSdl), present }
  const limits = { ...defaultLimits, ...options.limits }

  /** A valid document with its operations, prepared when first asked for. */
  interface Known {
    readonly document: Document
    readonly operations: Map<string, Prepared>
  }
  const documents = new Lru<Known>(documentsMax)
  // Kept apart, so that a client's mistakes cannot push out what others use.
  const rejected = new Lru<Rejected>(documentsMax)

  const read = (text: string): Known | Rejected => {
    const document = readDocument(schema, text, limits)
    if ('kind' in document) {
      rejected.set(text, document)
      return document
    }
    const known = { document, operations: new Map<string, Prepared>() }
    documents.set(text, known)
    return known
  }

  const prepareIn = ({ document, operations }: Known, name: string): Prepared | Rejected => {
    const operation = findOperation(supergraph.api, document, name, limits)
    // Not kept: there is no end to the names that a document does not have.
    if ('kind' in operation) return operation
    const prepared = prepareOperation(operation, engine)
    operations.set(name, prepared)
    return prepared
  }

  return {
    schema,
    prepare(text, operationName) {
      const known = documents.get(text) ?? rejected.get(text) ?? read(text)
      if ('kind' in known) return known
      const name = operationName ?? ''
      return known.operations.get(name) ?? prepareIn(known, name)
    },
  }
}
