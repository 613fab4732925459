// Keeps what was prepared, by text and operation name, within bounds.

import { findOperation, readDocument, type Document } from './documents.ts'
import type { Rejected } from './errors.ts'
import type { Engine } from './executable.ts'
import type { Limits } from './limits.ts'
import { LruMap } from './lru.ts'
import { prepareOperation, type Prepared } from './prepared.ts'

/** A valid document with those of its operations that have been asked for. */
interface Known {
  readonly document: Document
  readonly operations: Map<string, Prepared>
}

export class DocumentCache {
  readonly #engine: Engine
  readonly #limits: Limits
  readonly #known: LruMap<Known>
  /** Kept apart, so that a client's mistakes cannot push out what others use. */
  readonly #rejected: LruMap<Rejected>

  /** `max` is how many documents are kept, and how many refusals. */
  constructor(engine: Engine, limits: Limits, max: number) {
    this.#engine = engine
    this.#limits = limits
    this.#known = new LruMap(max)
    this.#rejected = new LruMap(max)
  }

  /** `name` is '' for a document's only operation. */
  prepare(text: string, name: string): Prepared | Rejected {
    const known = this.#known.get(text) ?? this.#rejected.get(text) ?? this.#read(text)
    if ('kind' in known) return known
    return known.operations.get(name) ?? this.#prepareIn(known, name)
  }

  #read(text: string): Known | Rejected {
    const document = readDocument(this.#engine.supergraph.api.graphql, text, this.#limits)
    if ('kind' in document) {
      this.#rejected.set(text, document)
      return document
    }
    const known = { document, operations: new Map<string, Prepared>() }
    this.#known.set(text, known)
    return known
  }

  #prepareIn({ document, operations }: Known, name: string): Prepared | Rejected {
    const operation = findOperation(this.#engine.supergraph.api, document, name, this.#limits)
    // Refusals are not kept here: there is no end to the names that a document does not have.
    if ('kind' in operation) return operation
    const prepared = prepareOperation(operation, this.#engine)
    if (prepared.kind === 'prepared') operations.set(name, prepared)
    return prepared
  }
}
