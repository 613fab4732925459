// Maps the errors of subgraphs to paths in the response.

import type { GraphQLFormattedError, GraphQLSchema } from 'graphql'
import { memberOf } from './codegen.ts'
import type { SubgraphError, SubgraphResult } from './connection.ts'
import type { Entities } from './entities.ts'
import { engineCodes } from './errors.ts'
import type { Data } from './merge.ts'
import { failedResult } from './remote-failure.ts'
import { fieldsFor, type Shape, type ShapeField } from './shape.ts'

/** The errors of one fetch, and the data that is needed to find their paths in the response. */
export interface Failure {
  readonly subgraph: string
  readonly errors: readonly SubgraphError[]
  /** Whether the subgraph returned errors and no data. */
  readonly noData: boolean
  readonly targets: readonly Target[]
}

/** The fields of a fetch that an error may belong to: its root fields, or one `_entities` field. */
export interface Target {
  readonly keys: readonly string[]
  /** Keys in the data by keys in the subgraph's result, where the two differ. */
  readonly renamed: ReadonlyMap<string, readonly string[]>
  /** The fetched entities, and the paths in the data that they were collected from, without list indexes. */
  readonly entities: { readonly found: Entities; readonly paths: ReadonlySet<string> } | null
}

export type Path = readonly (string | number)[]
/** Makes the error entry for a client from a subgraph's error; the engine adds the path. */
export type PresentError = (
  error: SubgraphError,
  subgraph: string,
  context: unknown,
) => Omit<GraphQLFormattedError, 'path'>

export const presentUnchanged: PresentError = ({ message, extensions = {} }) =>
  Object.keys(extensions).length > 0 ? { message, extensions } : { message }

/**
 * The result for a connection that throws, which none should. `originalError` is for the log, not for the
 * client.
 */
export function brokenConnection(subgraph: string, originalError: unknown): SubgraphResult {
  const message = `The subgraph "${subgraph}" could not be called.`
  const error = { message, extensions: { code: 'INTERNAL_SERVER_ERROR' } }
  return { data: null, errors: [Object.defineProperty(error, 'originalError', { value: originalError })] }
}

/** The result of a subgraph that has not responded by the deadline of the request. */
export const lateSubgraph = (subgraph: string): SubgraphResult =>
  failedResult(subgraph, { reason: 'TIMEOUT', status: null })

/** The result of a subgraph that is not called, because the operation has taken its loop time. */
export const endedOperation: SubgraphResult = {
  data: null,
  errors: [{ message: engineCodes.OPERATION_TOO_LONG, extensions: { code: 'OPERATION_TOO_LONG' } }],
}

/** The error for a response that breaks the protocol: "The subgraph x" and `what`. */
export const invalidResponse = (
  subgraph: string | undefined,
  what: string,
  path?: SubgraphError['path'],
): SubgraphError => ({
  message: `${subgraph === undefined ? 'A subgraph' : `The subgraph "${subgraph}"`} ${what}.`,
  ...(path && { path }),
  extensions: { code: 'SUBGRAPH_RESPONSE_INVALID', ...(subgraph !== undefined && { subgraph }) },
})

/** The requested fields of one run and their data, from which paths in the response are computed. */
export interface ResponseTree {
  readonly schema: GraphQLSchema
  readonly fields: readonly ShapeField[]
  readonly data: Data
}

/**
 * Makes the error entries for `failures`.
 *
 * A subgraph's path starts at its root, or at the n-th of the fetched entities. One entity may be at several
 * paths of the response, and each gets an entry. An error in a field that the client did not request (a key,
 * a `@requires`) gets the path of the object that has the field. After `max` entries, the others are counted.
 */
export function locateFailures(
  failures: readonly Failure[],
  tree: ResponseTree,
  present: (error: SubgraphError, subgraph: string) => Omit<GraphQLFormattedError, 'path'>,
  max: number,
): Located {
  const locator = new Locator(tree)
  // By path and message: two subgraphs that both resolve a field can report the same error for it.
  const entries = new Map<string, GraphQLFormattedError>()
  let omitted = 0
  for (const { subgraph, errors, noData, targets } of failures) {
    for (const error of errors) {
      if (entries.size >= max) {
        omitted++
        continue
      }
      const found = targets.flatMap((target) => locator.locate(error, target, noData))
      // A missing object may have several possible types, and some of them may not have the field.
      const exact = found.filter(({ isExact }) => isExact)
      const paths = (exact.length > 0 ? exact : found).map(({ path }) => path)
      const entry: GraphQLFormattedError = present(error, subgraph)
      for (const located of paths.length > 0 ? paths.map((path) => ({ ...entry, path })) : [entry]) {
        const key = JSON.stringify([located.path, located.message])
        if (entries.size < max || entries.has(key)) entries.set(key, located)
        else omitted++
      }
    }
  }
  return { errors: [...entries.values()], omitted }
}

/** Error entries, and how many more there are. */
export interface Located {
  readonly errors: readonly GraphQLFormattedError[]
  readonly omitted: number
}

/** One occurrence of an object of the data in the response. */
interface Occurrence {
  readonly path: Path
  /** The path in the data, without list indexes. */
  readonly keys: string
  readonly shape: Shape
}

/** A path in the response for a subgraph's path. */
interface Place {
  readonly path: Path
  /** False when the path leads to an object above the subgraph's field. */
  readonly isExact: boolean
}

class Locator {
  readonly #tree: ResponseTree
  readonly #occurrences = new Map<unknown, Occurrence[]>()

  constructor(tree: ResponseTree) {
    this.#tree = tree
    this.#visitFields(tree.fields, tree.data, [], [])
  }

  locate(error: SubgraphError, { keys, renamed, entities }: Target, noData: boolean): Place[] {
    const [key, ...rest] = error.path ?? []
    if (key === undefined ? !noData : !keys.includes(String(key))) return []
    const follow = (fields: readonly ShapeField[], object: unknown, inner: Path, path: Path) =>
      this.#follow(fields, object, inner, path, renamed)
    if (!entities) {
      const roots = key === undefined ? keys : [String(key)]
      const { fields, data } = this.#tree
      return roots.flatMap((root) => follow(fields, data, [root, ...rest], []))
    }
    const [index, ...inner] = rest
    const { found, paths } = entities
    const objects = new Set(found.objects.filter((_, n) => index === undefined || found.indexes[n] === index))
    return [...objects].flatMap((object) => {
      // The same object may also occur at paths from which this fetch did not collect entities.
      const occurrences = (this.#occurrences.get(object) ?? []).filter(({ keys: at }) => paths.has(at))
      return occurrences.flatMap(({ shape, path }) =>
        follow(this.#fieldsFor(shape, object), object, inner, path),
      )
    })
  }

  #visit(shape: Shape, value: unknown, path: Path, keys: readonly string[]): void {
    if (Array.isArray(value)) value.forEach((item, n) => this.#visit(shape, item, [...path, n], keys))
    else if (typeof value === 'object' && value !== null) {
      const occurrence = { path, keys: keys.join('/'), shape }
      const others = this.#occurrences.get(value)
      if (others) others.push(occurrence)
      else this.#occurrences.set(value, [occurrence])
      this.#visitFields(this.#fieldsFor(shape, value), value as Data, path, keys)
    }
  }

  #visitFields(fields: readonly ShapeField[], object: Data, path: Path, keys: readonly string[]): void {
    for (const { shape, dataKey, responseKey } of fields) {
      if (shape) this.#visit(shape, memberOf(object, dataKey), [...path, responseKey], [...keys, dataKey])
    }
  }

  /**
   * Returns the response paths for a path in the data: several where a missing object has several possible
   * types.
   */
  #follow(
    fields: readonly ShapeField[],
    object: unknown,
    [key, ...rest]: Path,
    path: Path,
    renamed: Target['renamed'],
  ): Place[] {
    if (key === undefined) return [{ path, isExact: true }]
    const keys = renamed.get(String(key)) ?? [key]
    const matching = fields.filter(({ dataKey }) => keys.includes(dataKey))
    if (matching.length === 0) return [{ path, isExact: false }]
    return matching.flatMap(({ shape, dataKey, responseKey }) => {
      const nextKey = rest.findIndex((step) => typeof step === 'string')
      const numbers = nextKey < 0 ? rest : rest.slice(0, nextKey)
      const here = [...path, responseKey, ...numbers]
      if (!shape) return [{ path: here, isExact: true }]
      const value = [dataKey, ...numbers].reduce(
        (inner, step) => (typeof inner === 'object' && inner !== null ? memberOf(inner, step) : undefined),
        object,
      )
      return this.#follow(this.#fieldsFor(shape, value), value, rest.slice(numbers.length), here, renamed)
    })
  }

  #fieldsFor(shape: Shape, value: unknown): readonly ShapeField[] {
    return fieldsFor(shape, value, this.#tree.schema)
  }
}
