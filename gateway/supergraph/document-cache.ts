// Caches prepared operations by document text and operation name, up to a number and a size.

import { findOperation, readDocument, type Document, type DocumentPolicy } from './documents.ts'
import type { Rejected } from './errors.ts'
import type { Engine } from './executable.ts'
import { prepareOperation, type Prepared } from './prepared.ts'
import { RecentCache, type CacheBounds } from './recent-cache.ts'
import type { RecentOperation } from './replaceable.ts'

/** A valid document, and those of its operations that were requested. */
interface ValidDocument {
  readonly document: Document
  readonly operations: Map<string, Prepared>
  /** Plans that were compiled for it. */
  plans: number
}

/** Bytes of heap for each character of a document: of its syntax tree, and of one compiled plan. */
const treeBytes = 100
const planBytes = 300

export class DocumentCache {
  readonly #engine: Engine
  readonly #policy: DocumentPolicy
  readonly #valid: RecentCache<ValidDocument>
  /**
   * Separate from the valid documents, so that one client's mistakes cannot evict the documents of other
   * clients.
   */
  readonly #rejected: RecentCache<Rejected>

  /**
   * The bounds are those of the valid documents and, separately, of the rejected ones; sizes are in bytes.
   */
  constructor(engine: Engine, policy: DocumentPolicy, bounds: CacheBounds) {
    this.#engine = engine
    this.#policy = policy
    this.#valid = new RecentCache(bounds)
    this.#rejected = new RecentCache(bounds)
  }

  /** `name` is '' for a document's only operation. */
  prepare(text: string, name: string): Prepared | Rejected {
    const document = this.#find(text)
    if ('kind' in document) return document
    return document.operations.get(name) ?? this.#prepareIn(text, document, name)
  }

  /** A text that is too long is refused before the look-up, which would hash it, and keeps no place here. */
  #find(text: string): ValidDocument | Rejected {
    if (text.length > this.#policy.limits.charactersMax) return this.#read(text)
    return this.#valid.get(text) ?? this.#rejected.get(text) ?? this.#read(text)
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
    const document = readDocument(this.#engine.supergraph.api.graphql, text, this.#policy)
    if ('kind' in document) {
      const isKept = !document.isSecret && text.length <= this.#policy.limits.charactersMax
      if (isKept) this.#rejected.set(text, document, text.length + rejectedBytes)
      return document
    }
    const valid = { document, operations: new Map<string, Prepared>(), plans: 0 }
    this.#keep(text, valid)
    return valid
  }

  #prepareIn(text: string, valid: ValidDocument, name: string): Prepared | Rejected {
    const { document, operations } = valid
    const operation = findOperation(this.#engine.supergraph.api, document, name, this.#policy)
    // Not cached: the operation names that a document does not have are unlimited.
    if ('kind' in operation) return operation
    const prepared = prepareOperation(operation, this.#engine, () => {
      valid.plans++
      this.#keep(text, valid)
    })
    operations.set(name, prepared)
    return prepared
  }

  #keep(text: string, valid: ValidDocument): void {
    this.#valid.set(text, valid, text.length * (treeBytes + valid.plans * planBytes))
  }
}

/** Bytes of the errors of a rejected document, at most about. */
const rejectedBytes = 5_000
