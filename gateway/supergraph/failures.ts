// From what subgraphs reported to the error entries of the answer: each at the places where the client sees it.

import type { GraphQLFormattedError, GraphQLSchema } from 'graphql'
import type { SubgraphError, SubgraphResult } from './connection.ts'
import type { Entities } from './entities.ts'
import type { Data } from './merge.ts'
import { fieldsFor, type Shape, type ShapeField } from './shape.ts'

/** Errors of one fetch, with what is needed to say where they belong. */
export interface Failure {
  readonly subgraph: string
  readonly errors: readonly SubgraphError[]
  /** Whether nothing but errors came. */
  readonly noData: boolean
  readonly targets: readonly Target[]
}

/** Part of a fetch: its root fields, or one `_entities` with the entities that it was asked for. */
export interface Target {
  readonly keys: readonly string[]
  /** Keys in the data by the keys that the subgraph was asked for, where the two differ. */
  readonly renamed: ReadonlyMap<string, readonly string[]>
  /** The entities, and the paths in the data that they were looked for at, without the numbers. */
  readonly entities: { readonly found: Entities; readonly paths: ReadonlySet<string> } | null
}

export type Path = readonly (string | number)[]
/** What a client is told of a subgraph's error; the path is added to it. */
export type PresentError = (
  error: SubgraphError,
  subgraph: string,
  context: unknown,
) => Omit<GraphQLFormattedError, 'path'>

export const passOn: PresentError = ({ message, extensions = {} }) =>
  Object.keys(extensions).length > 0 ? { message, extensions } : { message }

/** For a connection that throws, which none should: `originalError` is for whoever logs it. */
export function brokenConnection(subgraph: string, originalError: unknown): SubgraphResult {
  const message = `The subgraph "${subgraph}" could not be asked.`
  const error = { message, extensions: { code: 'INTERNAL_SERVER_ERROR' } }
  return { data: null, errors: [Object.defineProperty(error, 'originalError', { value: originalError })] }
}

/** The answer of one run, as far as paths into it are concerned. */
export interface Answer {
  readonly schema: GraphQLSchema
  readonly fields: readonly ShapeField[]
  readonly data: Data
}

/**
 * The error entries for `failures`. A subgraph's path starts at its own root, or at the n-th of the entities that it was
 * asked for: that one may stand at many places of the answer, and the client is told of each. An error in a field that
 * the client did not ask for (a key, a `@requires`) is shown at the object it belongs to.
 */
export function locateFailures(
  failures: readonly Failure[],
  answer: Answer,
  present: (error: SubgraphError, subgraph: string) => Omit<GraphQLFormattedError, 'path'>,
): GraphQLFormattedError[] {
  const locator = new Locator(answer)
  const entries = failures.flatMap(({ subgraph, errors, noData, targets }) =>
    errors.flatMap((error): GraphQLFormattedError[] => {
      const found = targets.flatMap((target) => locator.locate(error, target, noData))
      // Where a missing object may have been of several types, one of them may not have had the field.
      const exact = found.filter(({ isWhole }) => isWhole)
      const paths = (exact.length > 0 ? exact : found).map(({ path }) => path)
      const entry = present(error, subgraph)
      return paths.length > 0 ? paths.map((path) => ({ ...entry, path })) : [entry]
    }),
  )
  // One place can be told the same twice, by two subgraphs that both give it.
  return [...new Map(entries.map((entry) => [JSON.stringify([entry.path, entry.message]), entry])).values()]
}

/** Where an object of the data stands in the answer, and what was asked of it there. */
interface Place {
  readonly path: Path
  /** Its path in the data, without the numbers. */
  readonly keys: string
  readonly shape: Shape
}

/** A path of the client's, and whether it leads to the very field that the subgraph named. */
interface Located {
  readonly path: Path
  readonly isWhole: boolean
}

class Locator {
  readonly #answer: Answer
  readonly #places = new Map<unknown, Place[]>()

  constructor(answer: Answer) {
    this.#answer = answer
    this.#visitFields(answer.fields, answer.data, [], [])
  }

  locate(error: SubgraphError, { keys, renamed, entities }: Target, noData: boolean): Located[] {
    const [key, ...rest] = error.path ?? []
    if (key === undefined ? !noData : !keys.includes(String(key))) return []
    const follow = (fields: readonly ShapeField[], object: unknown, inner: Path, path: Path) =>
      this.#follow(fields, object, inner, path, renamed)
    if (!entities) {
      const roots = key === undefined ? keys : [String(key)]
      const { fields, data } = this.#answer
      return roots.flatMap((root) => follow(fields, data, [root, ...rest], []))
    }
    const [index, ...inner] = rest
    const { found, paths } = entities
    const objects = new Set(found.places.filter((_, n) => index === undefined || found.at[n] === index))
    return [...objects].flatMap((object) => {
      // An object that two entities share may also stand at places that this fetch was not about.
      const places = (this.#places.get(object) ?? []).filter((place) => paths.has(place.keys))
      return places.flatMap(({ shape, path }) => follow(this.#fieldsFor(shape, object), object, inner, path))
    })
  }

  #visit(shape: Shape, value: unknown, path: Path, keys: readonly string[]): void {
    if (Array.isArray(value)) value.forEach((item, n) => this.#visit(shape, item, [...path, n], keys))
    else if (typeof value === 'object' && value !== null) {
      const place = { path, keys: keys.join('/'), shape }
      const known = this.#places.get(value)
      if (known) known.push(place)
      else this.#places.set(value, [place])
      this.#visitFields(this.#fieldsFor(shape, value), value as Data, path, keys)
    }
  }

  #visitFields(fields: readonly ShapeField[], object: Data, path: Path, keys: readonly string[]): void {
    for (const { shape, dataKey, responseKey } of fields) {
      if (shape) this.#visit(shape, object[dataKey], [...path, responseKey], [...keys, dataKey])
    }
  }

  /** The client's path for a path in the data; several where a missing object may have been of several types. */
  #follow(
    fields: readonly ShapeField[],
    object: unknown,
    [key, ...rest]: Path,
    path: Path,
    renamed: Target['renamed'],
  ): Located[] {
    if (key === undefined) return [{ path, isWhole: true }]
    const keys = renamed.get(String(key)) ?? [key]
    const matching = fields.filter(({ dataKey }) => keys.includes(dataKey))
    if (matching.length === 0) return [{ path, isWhole: false }]
    return matching.flatMap(({ shape, dataKey, responseKey }) => {
      const nextKey = rest.findIndex((step) => typeof step === 'string')
      const numbers = nextKey < 0 ? rest : rest.slice(0, nextKey)
      const here = [...path, responseKey, ...numbers]
      if (!shape) return [{ path: here, isWhole: true }]
      const value = [dataKey, ...numbers].reduce(
        (inner, step) => (inner as Data | null | undefined)?.[step],
        object,
      )
      return this.#follow(this.#fieldsFor(shape, value), value, rest.slice(numbers.length), here, renamed)
    })
  }

  #fieldsFor(shape: Shape, value: unknown): readonly ShapeField[] {
    return fieldsFor(shape, value, this.#answer.schema)
  }
}
