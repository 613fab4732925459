// The supergraph engine: joins the subgraphs into one graph. It plans a document once, merges the subgraphs'
// results in place, and renders the response as JSON text.
//
// Read the files in the order in which an operation passes through them:
//
//   documents         parses and validates the client's text, and selects the operation
//   operation         gives every field of the operation its key in the data
//   planner-document  writes the operation again in plain form, for the planner
//   plan              calls the planner, which returns the fetches that answer the operation
//   steps             compiles the plan into functions that run in sequence or in parallel
//   fetch             calls one subgraph and takes its result into the data
//   entities          collects the entities of a fetch from the data, each once
//   merge             merges the result of a fetch into the data
//   shape             lists the requested fields at each place of the response
//   render            writes the data as JSON, by code generated for the document
//   complete          replaces `render` when a value is null or invalid where the schema forbids it
//
// `executable` runs these parts for one operation; `prepared` and `document-cache` store it for later
// requests, and `replaceable` replaces a whole graph by the next one. `settings` reads which variant of an
// operation a request gets: by its switches, by what the caller may read (`access`), and by labels of
// `@override`.
//
// Subgraphs over a network: `connection-http` sends a call to an `address`, each of which has a `breaker`;
// `http-stream` and `socket-stream` read the events of subscriptions, and `grouped-entities` sends the calls
// of several requests as one.
//
// `requires-arguments`, `nested-query`, `interface-objects` and `compose-repairs` correct the planner and the
// composition library.

import type { AccessOf } from './access.ts'
import type { SubgraphConnection } from './connection.ts'
import { DocumentCache } from './document-cache.ts'
import type { RefuseText } from './document-text.ts'
import type { Engine, Observer } from './executable.ts'
import { presentUnchanged, type PresentError } from './failures.ts'
import { defaultLimits, type Limits } from './limits.ts'
import { createPlanner } from './plan.ts'
import type { Supergraph } from './replaceable.ts'
import { atOnce, inSlices, type Sliced } from './slices.ts'
import { readSupergraph, type ScalarChecks } from './supergraph-schema.ts'

export type { Access, AccessOf } from './access.ts'
export {
  apiSdl,
  composeOrMistakes,
  composeSupergraph,
  placed,
  type CompositionMistake,
  type SubgraphSdl,
} from './compose.ts'
export type { SubgraphConnection, SubgraphResult, Variables } from './connection.ts'
export type { RefuseText } from './document-text.ts'
export { EventOutage, type Observer, type SubscriptionEvent } from './executable.ts'
export { openHttpConnection, type HttpConnection } from './connection-http.ts'
export { createInProcessConnection } from './connection-in-process.ts'
export type { Rejected } from './errors.ts'
export { readFeatures } from './features.ts'
export type { PresentError } from './failures.ts'
export { UnsupportedSupergraph } from './features.ts'
export type { Limits } from './limits.ts'
export type { Prepared } from './prepared.ts'
export type { Resumption } from './socket-stream.ts'
export { replaceableSupergraph, type ReplaceableSupergraph, type Supergraph } from './replaceable.ts'
export { subgraphUrls } from './supergraph-schema.ts'

export interface SupergraphOptions {
  readonly supergraphSdl: string
  /** By the names in the supergraph; each must be there. */
  readonly subgraphs: ReadonlyMap<string, SubgraphConnection>
  /**
   * Checks of custom scalars, by name. A value that fails its check is refused with the check's own message,
   * before any subgraph is called. The values of other custom scalars are passed on unchecked.
   */
  readonly scalars?: ScalarChecks
  /** The most valid documents that are cached, and the most rejected ones. Default: 1,000. */
  readonly documentsMax?: number
  /**
   * Refuses the text of a literal, name or number in a document, given the argument or input field that it
   * is for. Default: none is refused.
   */
  readonly refuseText?: RefuseText
  /** The most bytes of heap for the cached documents, as estimated from their length. Default: 128 MiB. */
  readonly documentBytesMax?: number
  /** Limits that differ from `defaultLimits`. */
  readonly limits?: Partial<Limits>
  /** Whether `__schema` and `__type` are answered. Default: true. */
  readonly introspection?: boolean
  /**
   * Whether errors suggest names of the schema (“Did you mean”). Default: true. Without introspection too,
   * errors have no name that the client has not sent.
   */
  readonly suggestions?: boolean
  /** The items for which a list is priced when no `@listSize` gives their number. Default: 10. */
  readonly listSize?: number
  /** The most errors of a response; one more counts the others. Default: 100. */
  readonly errorsMax?: number
  /** Makes the error entry that the client receives. Default: the error's own message and extensions. */
  readonly present?: PresentError
  /**
   * Returns what the caller may read, from the context of its request. Must be there when the supergraph uses
   * `@authenticated`, `@requiresScopes` or `@policy`.
   */
  readonly accessOf?: AccessOf
  /** Returns the labels of `@override(label:)` that are on for a request. Default: none. */
  readonly overrideLabelsOf?: (context: unknown) => Iterable<string>
  /**
   * Returns a number from 0 to 100 for a request. Where it is below n, the request uses the new subgraph of
   * `@override(label: "percent(n)")`. Default: a random number.
   */
  readonly overridePercentageOf?: (context: unknown) => number
  /** Receives the fields of a response that the caller may not read, as "Type.field". */
  readonly onForbidden?: (context: unknown, fields: ReadonlySet<string>) => void
  /** Receives the planner's error for a valid operation; the client receives only OPERATION_NOT_PLANNED. */
  readonly report?: (error: unknown) => void
  /**
   * How long an event of a subscription waits for a subgraph that is down, before its stream ends with
   * `EventOutage`. Default: 30,000.
   */
  readonly eventWaitMs?: number
  /** Runs parts of the work of the engine; null runs them as they are. Default: null. */
  readonly observer?: Observer | null
}

/**
 * Throws `TypeError` when a subgraph of the supergraph has no connection, or when the supergraph uses
 * directives that the engine does not support; the message has their names.
 */
export const createSupergraph = (options: SupergraphOptions): Supergraph => atOnce(creating(options))

/**
 * The same in slices, so that another graph serves meanwhile. Only the planner reads the SDL in one go: some
 * 20 ms for a graph of 200 types.
 */
export const openSupergraph = (options: SupergraphOptions): Promise<Supergraph> => inSlices(creating(options))

function* creating(options: SupergraphOptions): Sliced<Supergraph> {
  const {
    supergraphSdl,
    subgraphs,
    scalars = {},
    documentsMax = 1_000,
    documentBytesMax = 128 * 1024 * 1024,
    present = presentUnchanged,
    errorsMax = 100,
    introspection = true,
    suggestions = true,
    listSize = 10,
    report = () => {},
    onForbidden = () => {},
    eventWaitMs = 30_000,
    observer = null,
    refuseText = () => null,
    accessOf,
    overrideLabelsOf = () => [],
    overridePercentageOf = () => Math.random() * 100,
  } = options
  const supergraph = yield* readSupergraph(supergraphSdl, scalars)
  const missing = [...supergraph.subgraphs].filter((name) => !subgraphs.has(name))
  if (missing.length > 0) throw new TypeError(`no connection for subgraph ${missing.join(', ')}`)
  const { directives } = supergraph.api.access
  if (directives.length > 0 && !accessOf) {
    throw new TypeError(`the supergraph uses ${directives.join(', ')}: createSupergraph needs accessOf`)
  }
  const planner = createPlanner(supergraph.plannerSdl)
  yield
  const engine: Engine = {
    supergraph,
    subgraphs,
    planner,
    accessOf: accessOf ?? (() => ({ isAuthenticated: false })),
    overrideLabelsOf,
    overridePercentageOf,
    present,
    errorsMax,
    report,
    onForbidden,
    listSize,
    eventWaitMs,
    observer,
    hidesNames: !introspection && !suggestions,
  }
  const policy = {
    limits: { ...defaultLimits, ...options.limits },
    introspection,
    suggestions,
    refuseText,
  }
  const documents = new DocumentCache(engine, policy, {
    entriesMax: documentsMax,
    sizeMax: documentBytesMax,
  })
  return {
    schema: supergraph.api.graphql,
    accessOf: engine.accessOf,
    prepare: (document, operationName) => documents.prepare(document, operationName ?? ''),
    recent: (max) => documents.recent(max),
  }
}
