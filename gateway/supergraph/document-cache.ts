// Caches prepared operations by document text and operation name, up to a limit.

import { RecentMap } from '../../subgraphs/platform/async/recent-map.ts'
import { findOperation, readDocument, type Document } from './documents.ts'
import type { Rejected } from './errors.ts'
import type { Engine } from './executable.ts'
import type { Limits } from './limits.ts'
import { prepareOperation, type Prepared } from './prepared.ts'
import type { RecentOperation } from './replaceable.ts'

/** A valid document, and those of its operations that were requested. */
interface ValidDocument {
  readonly document: Document
  readonly operations: Map<string, Prepared>
}

export class DocumentCache {
  readonly #engine: Engine
  readonly #limits: Limits
  readonly #valid: RecentMap<string, ValidDocument>
  /**
   * Separate from the valid documents, so that one client's mistakes cannot evict the documents of other
   * clients.
   */
  readonly #rejected: RecentMap<string, Rejected>

  /** `max` limits the valid documents and, separately, the rejected ones. */
  constructor(engine: Engine, limits: Limits, max: number) {
    this.#engine = engine
    this.#limits = limits
    this.#valid = new RecentMap(max, { refreshOnRead: true })
    this.#rejected = new RecentMap(max, { refreshOnRead: true })
  }

  /** `name` is '' for a document's only operation. */
  prepare(text: string, name: string): Prepared | Rejected {
    const document = this.#valid.get(text) ?? this.#rejected.get(text) ?? this.#read(text)
    if ('kind' in document) return document
    return document.operations.get(name) ?? this.#prepareIn(document, name)
  }

  /** The operations that were used lately, the latest first, at most `max`. */
  recent(max: number): readonly RecentOperation[] {
    const found: RecentOperation[] = []
    for (const [document, { operations }] of this.#valid.latest()) {
      if (found.length >= max) break
      found.push(...[...operations.keys()].map((operationName) => ({ document, operationName })))
    }
    return found.slice(0, max)
  }

  #read(text: string): ValidDocument | Rejected {
    const document = readDocument(this.#engine.supergraph.api.graphql, text, this.#limits)
    if ('kind' in document) {
      this.#rejected.set(text, document)
      return document
    }
    const valid = { document, operations: new Map<string, Prepared>() }
    this.#valid.set(text, valid)
    return valid
  }

  #prepareIn({ document, operations }: ValidDocument, name: string): Prepared | Rejected {
    const operation = findOperation(this.#engine.supergraph.api, document, name, this.#limits)
    // Not cached: the operation names that a document does not have are unlimited.
    if ('kind' in operation) return operation
    const prepared = prepareOperation(operation, this.#engine)
    if (prepared.kind === 'prepared') operations.set(name, prepared)
    return prepared
  }
}
