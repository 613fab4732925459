// Admits requests to the supergraph, the same for every transport: finds the document of a request, and
// charges what it costs.

import type { Viewer } from '../../subgraphs/shared/viewer.ts'
import { RecentCache } from '../supergraph/recent-cache.ts'
import type { Prepared, Rejected, Supergraph, Variables } from '../supergraph/index.ts'
import { Budgets } from './budgets.ts'
import { HttpError } from './http-error.ts'
import type { GraphqlRequest } from './request.ts'
import { documentId, type TrustedDocuments } from './trusted-documents.ts'

export interface AdmissionOptions {
  /** Documents that clients may name by their ids. Default: none. */
  readonly trusted?: TrustedDocuments | null
  /** Whether only those are run. Default: false. */
  readonly onlyTrusted?: boolean
  /** Whether clients may register a document under its hash (APQ). Default: true. */
  readonly persistedQueries?: boolean
  /** The most that one operation may cost. Default: any amount. */
  readonly costMax?: number
  /** What one caller may spend in a minute; null for any amount, which is the default. */
  readonly costPerMinute?: number | null
  /** Milliseconds that only grow. */
  readonly clock?: () => number
}

export interface Admission {
  /**
   * Prepares the document of a request. Throws HttpError when it is named by an id that is not known, or may
   * not be run.
   */
  prepare(request: GraphqlRequest): Prepared | Rejected
  /** The text that `prepare` prepares. */
  textOf(request: GraphqlRequest): string
  /**
   * Charges the caller for an operation; returns its `extensions` when the request wants them, as JSON.
   * Throws HttpError when the operation costs too much.
   */
  charge(prepared: Prepared, variables: Variables, viewer: Viewer, request: GraphqlRequest): string | null
}

/** Of the documents that clients have registered. */
const registeredBounds = { entriesMax: 10_000, sizeMax: 16 * 1024 * 1024 }

export function createAdmission(supergraph: Supergraph, options: AdmissionOptions = {}): Admission {
  const { trusted = null, onlyTrusted = false, persistedQueries = true } = options
  const { costMax = Infinity, costPerMinute = null } = options
  const registered = new RecentCache<string>(registeredBounds)
  const budgets = costPerMinute === null ? null : new Budgets(costPerMinute, options.clock)

  const textOf = ({ query, id }: GraphqlRequest): string => {
    if (onlyTrusted) {
      const text = trusted?.get(id ?? documentId(query))
      if (text === undefined || (query !== '' && query !== text)) throw new HttpError('DOCUMENT_NOT_TRUSTED')
      return text
    }
    if (id === null) return query
    if (query !== '') {
      if (documentId(query) !== id)
        throw new HttpError('BAD_REQUEST', 'the SHA-256 of "query" is not "sha256Hash" of persistedQuery')
      return query
    }
    const text = trusted?.get(id) ?? (persistedQueries ? registered.get(id) : undefined)
    if (text !== undefined) return text
    throw new HttpError(persistedQueries ? 'PERSISTED_QUERY_NOT_FOUND' : 'PERSISTED_QUERY_NOT_SUPPORTED')
  }

  return {
    textOf,
    prepare(request) {
      const { query, id, operationName } = request
      const prepared = supergraph.prepare(textOf(request), operationName)
      // A document that is not valid is not kept.
      if (id !== null && query !== '' && persistedQueries && prepared.kind === 'prepared')
        registered.set(id, query, query.length)
      return prepared
    },
    charge(prepared, variables, { participant, address = '' }, { wantsCost }) {
      const cost = prepared.cost(variables)
      if (cost > costMax) throw new HttpError('OPERATION_TOO_COSTLY', undefined, { cost, limit: costMax })
      const remaining = budgets?.spend(participant || address, cost) ?? null
      if (!wantsCost) return null
      const budget = remaining === null ? {} : { perMinute: costPerMinute, remaining }
      return `"cost":${JSON.stringify({ cost, limit: costMax, ...budget })}`
    },
  }
}

/** The response with more extensions. It ends with `}`, and has none of its own. */
export const withExtensions = (response: string, extensions: string | null): string =>
  extensions === null ? response : `${response.slice(0, -1)},"extensions":{${extensions}}}`
