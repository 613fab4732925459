// From what subgraphs reported to the error entries of the answer: each at the places where the client sees it.

import type { GraphQLFormattedError, GraphQLSchema } from 'graphql'
import type { SubgraphError, SubgraphResult } from './connection.ts'
import type { Entities } from './entities.ts'
import type { Data } from './merge.ts'
import { fieldsFor, isHidden, type Shape, type ShapeField } from './shape.ts'

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
  readonly entities: Entities | null
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
  const places = findPlaces(answer)
  const entries = failures.flatMap(({ subgraph, errors, noData, targets }) =>
    errors.flatMap((error): GraphQLFormattedError[] => {
      const paths = targets.flatMap((target) => pathsOf(error, target, noData, answer, places))
      const entry = present(error, subgraph)
      if (paths.length === 0) return [entry]
      return paths.flatMap((path) => (path === hidden ? [] : [{ ...entry, path }]))
    }),
  )
  // One place can be told the same twice: by two subgraphs that both give it, or where an object that is not there may
  // have been of several types.
  return [...new Map(entries.map((entry) => [JSON.stringify([entry.path, entry.message]), entry])).values()]
}

/** An object of the data as the client sees it: where, and what was asked of it. */
interface Place {
  readonly path: Path
  readonly shape: Shape
}

function findPlaces({ schema, fields, data }: Answer): Map<unknown, Place[]> {
  const places = new Map<unknown, Place[]>()
  const visit = (shape: Shape, value: unknown, path: Path): void => {
    if (Array.isArray(value)) value.forEach((item, index) => visit(shape, item, [...path, index]))
    else if (typeof value === 'object' && value !== null) {
      const known = places.get(value)
      if (known) known.push({ path, shape })
      else places.set(value, [{ path, shape }])
      visitFields(fieldsFor(shape, value, schema), value as Data, path)
    }
  }
  const visitFields = (some: readonly ShapeField[], object: Data, path: Path): void => {
    for (const { shape, dataKey, responseKey } of some) {
      if (shape) visit(shape, object[dataKey], [...path, responseKey])
    }
  }
  visitFields(fields, data, [])
  return places
}

function pathsOf(
  error: SubgraphError,
  { keys, renamed, entities }: Target,
  noData: boolean,
  { schema, fields, data }: Answer,
  places: ReadonlyMap<unknown, readonly Place[]>,
): Path[] {
  const [key, ...rest] = error.path ?? []
  if (key === undefined ? !noData : !keys.includes(String(key))) return []
  const asked = (name: string): readonly string[] => renamed.get(name) ?? [name]
  if (!entities) {
    const roots = key === undefined ? keys : [String(key)]
    return roots.flatMap((root) => follow(fields, data, [root, ...rest], [], asked, schema))
  }
  const [index, ...inner] = rest
  const objects = new Set(entities.places.filter((_, n) => index === undefined || entities.at[n] === index))
  return [...objects].flatMap((object) =>
    (places.get(object) ?? []).flatMap(({ shape, path }) =>
      follow(fieldsFor(shape, object, schema), object, inner, path, asked, schema),
    ),
  )
}

/** Stands for the path of an error within an object that clients must not know of. */
const hidden: Path = []

/** The client's paths for a path in the data: one for each alias on the way. */
function follow(
  fields: readonly ShapeField[],
  object: unknown,
  [key, ...rest]: Path,
  path: Path,
  asked: (name: string) => readonly string[],
  schema: GraphQLSchema,
): Path[] {
  if (key === undefined) return [path]
  const matching = fields.filter(({ dataKey }) => asked(String(key)).includes(dataKey))
  if (matching.length === 0) return [path]
  return matching.flatMap(({ shape, dataKey, responseKey }) => {
    const steps: (string | number)[] = [responseKey]
    let value = (object as Data | null | undefined)?.[dataKey]
    let left: Path = rest
    while (typeof left[0] === 'number') {
      steps.push(left[0])
      value = (value as readonly unknown[] | null | undefined)?.[left[0]]
      left = left.slice(1)
    }
    const here = [...path, ...steps]
    if (shape && isHidden(shape, value, schema)) return [hidden]
    return shape ? follow(fieldsFor(shape, value, schema), value, left, here, asked, schema) : [here]
  })
}
