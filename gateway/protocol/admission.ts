// Admits requests to the supergraph, the same for every transport: finds the document of a request, and
// charges what it costs.

import type { LoopTime } from '../../subgraphs/platform/async/loop-time.ts'
import type { Viewer } from '../../subgraphs/shared/viewer.ts'
import { RecentCache } from '../supergraph/recent-cache.ts'
import type { Prepared, Rejected, Supergraph, Variables } from '../supergraph/index.ts'
import { unlimited, type Allowance, type CallerLimits } from './caller-limits.ts'
import { HttpError } from './http-error.ts'
import type { GraphqlRequest } from './request.ts'
import { documentId, type TrustedDocuments } from './trusted-documents.ts'

export interface AdmissionOptions {
  /** Documents that clients may name by their ids. Default: none. */
  readonly trusted?: TrustedDocuments | null
  /** Whether only those are run. Default: false. */
  readonly onlyTrusted?: boolean
  /** The names of their operations. Default: null. */
  readonly operationNames?: ReadonlySet<string> | null
  /** Whether clients may register a document under its hash (APQ). Default: true. */
  readonly persistedQueries?: boolean
  /** The most that one operation may cost. Default: any amount. */
  readonly costMax?: number
  /** What each caller may spend. Default: any amount. */
  readonly limits?: CallerLimits
  /** Receives each operation that is prepared, with its document. Default: nothing does. */
  readonly record?: ((text: string, prepared: Prepared) => void) | null
}

export interface Admission {
  /** The names of the trusted documents; null when there are none. */
  readonly operationNames: ReadonlySet<string> | null
  /** Begins an operation; see `CallerLimits`. Throws BUDGET_EXCEEDED. */
  begin(viewer: Viewer | null, address: string): LoopTime
  /**
   * Prepares the document of a request. Throws HttpError when it is named by an id that is not known, or may
   * not be run.
   */
  prepare(request: GraphqlRequest): Prepared | Rejected
  /** The text that `prepare` prepares. */
  textOf(request: GraphqlRequest): string
  /** Charges a caller for an operation. Throws HttpError when it costs too much. */
  charge(
    prepared: Prepared,
    variables: Variables,
    caller: { readonly viewer: Viewer; readonly address: string },
    request: GraphqlRequest,
  ): Charged
  /** Charges the address of a request without a valid key. Throws BUDGET_EXCEEDED. */
  chargeUnknown(address: string): void
}

export interface Charged {
  /** Of the response, as JSON; null when the request wants none. */
  readonly extensions: string | null
  /** What the caller has left; null when nothing limits it. */
  readonly allowance: Allowance | null
}

/** Of the documents that clients have registered. */
const registeredBounds = { entriesMax: 10_000, sizeMax: 16 * 1024 * 1024 }

export function createAdmission(supergraph: Supergraph, options: AdmissionOptions = {}): Admission {
  const { trusted = null, onlyTrusted = false, persistedQueries = true } = options
  const { operationNames = null } = options
  const { costMax = Infinity, limits = unlimited, record = null } = options
  const registered = new RecentCache<string>(registeredBounds)

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
    operationNames,
    begin: (viewer, address) => limits.begin(viewer, address),
    textOf,
    prepare(request) {
      const { query, id, operationName } = request
      const text = textOf(request)
      const prepared = supergraph.prepare(text, operationName)
      if (record && prepared.kind === 'prepared') record(text, prepared)
      // A document that is not valid is not kept.
      if (id !== null && query !== '' && persistedQueries && prepared.kind === 'prepared')
        registered.set(id, query, query.length)
      return prepared
    },
    charge(prepared, variables, { viewer, address }, { wantsCost }) {
      const cost = prepared.cost(variables)
      if (cost > costMax) throw new HttpError('OPERATION_TOO_COSTLY', undefined, { cost, limit: costMax })
      const allowance = limits.charge(viewer, address, cost)
      if (!wantsCost) return { extensions: null, allowance }
      const budget = allowance && { perMinute: allowance.limit, remaining: allowance.remaining }
      return { extensions: `"cost":${JSON.stringify({ cost, limit: costMax, ...budget })}`, allowance }
    },
    chargeUnknown: (address) => void limits.charge(null, address, 1),
  }
}

/** The response with more extensions. It ends with `}`, and has none of its own. */
export const withExtensions = (response: Buffer, extensions: string | null): Buffer =>
  extensions === null
    ? response
    : Buffer.concat([response.subarray(0, -1), Buffer.from(`,"extensions":{${extensions}}}`)])
