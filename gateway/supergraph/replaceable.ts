// A graph that is replaced as a whole while it serves: prepared operations keep the graph that prepared them.

import type { GraphQLSchema } from 'graphql'
import type { AccessOf } from './access.ts'
import type { Rejected } from './errors.ts'
import type { Prepared } from './prepared.ts'

export interface Supergraph {
  /** The schema for clients: no federation directives, nothing `@inaccessible`. */
  readonly schema: GraphQLSchema
  /** Parses and validates a document; the result is cached by text and operation name. */
  prepare(document: string, operationName?: string | null): Prepared | Rejected
  /** What the caller may read, from the context of its request. */
  readonly accessOf: AccessOf
  /** The operations that were used lately, the latest first, at most `max`. */
  recent(max: number): readonly RecentOperation[]
}

export interface RecentOperation {
  readonly document: string
  /** '' for the only operation of its document. */
  readonly operationName: string
}

export interface ReplaceableSupergraph extends Supergraph {
  /**
   * Prepares the operations that were used lately by `next`, and serves `next` from then on. One operation is
   * prepared in each turn of the event loop, so that requests run in between.
   */
  replace(next: Supergraph): Promise<void>
  /** Calls `listener` after each replacement, until the function that is returned is called. */
  onReplace(listener: () => void): () => void
}

/** Operations that are prepared by the next graph before it serves. */
const preparedMax = 200

export function replaceableSupergraph(first: Supergraph): ReplaceableSupergraph {
  let current = first
  const listeners = new Set<() => void>()
  return {
    get schema() {
      return current.schema
    },
    accessOf: (context) => current.accessOf(context),
    prepare: (document, operationName) => current.prepare(document, operationName),
    recent: (max) => current.recent(max),
    async replace(next) {
      for (const { document, operationName } of current.recent(preparedMax).toReversed()) {
        const prepared = next.prepare(document, operationName)
        if (prepared.kind === 'prepared') await prepared.ready()
        await new Promise<void>((resolve) => setImmediate(resolve))
      }
      current = next
      for (const listener of listeners) listener()
    },
    onReplace(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
