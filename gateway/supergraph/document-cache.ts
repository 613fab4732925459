// Caches prepared operations by document text and operation name, up to a limit.

import { RecentMap } from '../../subgraphs/platform/async/recent-map.ts'
import { findOperation, readDocument, type Document } from './documents.ts'
import type { TextRules } from './document-text.ts'
import type { Rejected } from './errors.ts'
import type { Engine } from './executable.ts'
import { prepareOperation, type Prepared } from './prepared.ts'

/** A valid document, and those of its operations that were requested. */
interface ValidDocument {
  readonly document: Document
  readonly operations: Map<string, Prepared>
}

export class DocumentCache {
  readonly #engine: Engine
  readonly #rules: TextRules
  readonly #valid: RecentMap<string, ValidDocument>
  /**
   * Separate from the valid documents, so that one client's mistakes cannot evict the documents of other
   * clients.
   */
  readonly #rejected: RecentMap<string, Rejected>

  /** `max` limits the valid documents and, separately, the rejected ones. */
  constructor(engine: Engine, rules: TextRules, max: number) {
    this.#engine = engine
    this.#rules = rules
    this.#valid = new RecentMap(max, { refreshOnRead: true })
    this.#rejected = new RecentMap(max, { refreshOnRead: true })
  }

  /** `name` is '' for a document's only operation. */
  prepare(text: string, name: string): Prepared | Rejected {
    const document = this.#valid.get(text) ?? this.#rejected.get(text) ?? this.#read(text)
    if ('kind' in document) return document
    return document.operations.get(name) ?? this.#prepareIn(document, name)
  }

  #read(text: string): ValidDocument | Rejected {
    const document = readDocument(this.#engine.supergraph.api.graphql, text, this.#rules)
    if ('kind' in document) {
      if (!document.isSecret) this.#rejected.set(text, document)
      return document
    }
    const valid = { document, operations: new Map<string, Prepared>() }
    this.#valid.set(text, valid)
    return valid
  }

  #prepareIn({ document, operations }: ValidDocument, name: string): Prepared | Rejected {
    const operation = findOperation(this.#engine.supergraph.api, document, name, this.#rules.limits)
    // Not cached: the operation names that a document does not have are unlimited.
    if ('kind' in operation) return operation
    const prepared = prepareOperation(operation, this.#engine)
    if (prepared.kind === 'prepared') operations.set(name, prepared)
    return prepared
  }
}
