// The slow path of rendering: completes the response exactly as the specification defines. It runs when the
// compiled renderer throws `unfit` for a forbidden null or a value of the wrong type, and reports an error
// for each.

import {
  isAbstractType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  type GraphQLAbstractType,
  type GraphQLFormattedError,
  type GraphQLLeafType,
  type GraphQLObjectType,
  type GraphQLOutputType,
} from 'graphql'
import { memberOf } from './codegen.ts'
import type { Path, ResponseTree } from './failures.ts'
import type { Data } from './merge.ts'
import { isIntrospectionField } from './operation.ts'
import type { Run } from './run.ts'
import type { Shape, ShapeField } from './shape.ts'

/** The error of a field that has no valid value; the messages are those of graphql-js. */
export interface FieldError {
  readonly path: Path
  readonly message: string
  /** For a response that breaks the protocol: the keys of the field in the data. */
  readonly invalid?: readonly string[] | undefined
}

export interface Completed {
  /** The fields as JSON, without the braces around them; null when a null propagated to the root. */
  readonly text: string | null
  readonly fieldErrors: readonly FieldError[]
  /** How many more field errors there are. */
  readonly omitted: number
}

/**
 * Completes a response.
 *
 * One error is enough for each null. So a field error is left out when `reported` has an error at the same
 * path, above it or below it. A missing field is a field error too, except where `gaps` explain it. `meta`
 * has the JSON of introspection fields. After `max` field errors, the others are counted. With `keepsNulls`,
 * a null does not propagate: it stays where it arose.
 */
export function completeResponse(
  tree: ResponseTree,
  gaps: Gaps,
  meta: Readonly<Record<string, string>> | null,
  reported: readonly GraphQLFormattedError[],
  max: number,
  { keepsNulls = false } = {},
): Completed {
  const completer = new Completer(tree, gaps, explainer(reported), max, keepsNulls)
  const { fieldErrors } = completer
  try {
    const members = tree.fields.map((field) => {
      const text = isIntrospectionField(field.name)
        ? meta![field.responseKey]
        : completer.field(field, tree.data, [], [])
      return `${JSON.stringify(field.responseKey)}:${text}`
    })
    return { text: members.join(), fieldErrors, omitted: completer.omitted }
  } catch (error) {
    completer.report(error, [])
    return { text: null, fieldErrors, omitted: completer.omitted }
  }
}

/** What is missing in the data for a reason that the response has already. */
export type Gaps = Pick<Run, 'lost' | 'unknown' | 'unknownRoots'>

/** Propagates a field error to the nearest nullable field. */
class CompletionError extends Error {
  readonly path: Path
  readonly invalid: readonly string[] | undefined

  constructor(path: Path, message: string, invalid?: readonly string[]) {
    super(message)
    this.path = path
    this.invalid = invalid
  }
}

interface FieldContext {
  /** "Payment.merchant" */
  readonly label: string
  readonly shape: Shape | null
  /** The keys of the field in the data. */
  readonly keys: readonly string[]
}

class Completer {
  readonly fieldErrors: FieldError[] = []
  omitted = 0
  readonly #tree: ResponseTree
  readonly #gaps: Gaps
  readonly #max: number
  readonly #isExplained: (path: Path) => boolean
  readonly #keepsNulls: boolean

  constructor(
    tree: ResponseTree,
    gaps: Gaps,
    isExplained: (path: Path) => boolean,
    max: number,
    keepsNulls: boolean,
  ) {
    this.#tree = tree
    this.#gaps = gaps
    this.#max = max
    this.#isExplained = isExplained
    this.#keepsNulls = keepsNulls
  }

  field(
    { name, parent, type, responseKey, dataKey, shape, isForbidden }: ShapeField,
    object: Data,
    above: Path,
    keysAbove: readonly string[],
  ): string {
    if (name === '__typename') return JSON.stringify(parent.name)
    const path = [...above, responseKey]
    const field = { label: `${parent.name}.${name}`, shape, keys: [...keysAbove, dataKey] }
    const value = isForbidden ? null : memberOf(object, dataKey)
    if (value === undefined && !this.#isGap(object, dataKey)) {
      const error = new CompletionError(path, `did not return ${field.label}`, field.keys)
      if (isNonNullType(type) && !this.#keepsNulls) throw error
      this.report(error, path)
      return 'null'
    }
    return this.#nullable(type, value, path, field)
  }

  /** Adds a field error whose null propagated to `nullPath`. */
  report(error: unknown, nullPath: Path): void {
    if (!(error instanceof CompletionError)) throw error
    const { path, message, invalid } = error
    if (this.#isExplained(nullPath)) return
    if (this.fieldErrors.length < this.#max) this.fieldErrors.push({ path, message, invalid })
    else this.omitted++
  }

  /** Whether a missing field has a reason that the response has already. */
  #isGap(object: Data, key: string): boolean {
    const { unknown, unknownRoots } = this.#gaps
    return unknown?.has(object) === true || (object === this.#tree.data && unknownRoots?.has(key) === true)
  }

  /** The value as JSON; for a field error, null if the type is nullable, otherwise the error propagates. */
  #nullable(type: GraphQLOutputType, value: unknown, path: Path, field: FieldContext): string {
    try {
      return this.#complete(type, value, path, field) ?? 'null'
    } catch (error) {
      if (isNonNullType(type) && !this.#keepsNulls) throw error
      this.report(error, path)
      return 'null'
    }
  }

  #complete(type: GraphQLOutputType, value: unknown, path: Path, field: FieldContext): string | null {
    const { label, shape } = field
    if (isNonNullType(type)) {
      const text = this.#complete(type.ofType, value, path, field)
      if (text !== null) return text
      throw new CompletionError(path, `Cannot return null for non-nullable field ${label}.`)
    }
    if (value === null || value === undefined || this.#gaps.lost?.has(value)) return null
    if (isListType(type)) {
      if (!Array.isArray(value)) {
        throw new CompletionError(path, `did not return a list for ${label}`, field.keys)
      }
      return `[${value.map((item: unknown, n) => this.#nullable(type.ofType, item, [...path, n], field)).join()}]`
    }
    if (isLeafType(type)) return serialize(type, value, path)
    if (typeof value !== 'object' || Array.isArray(value)) {
      throw new CompletionError(path, `did not return an object for ${label}`, field.keys)
    }
    const object = value as Data
    const fields = shape!.fieldsOf(this.#runtimeType(type, shape!, object, path, label))
    return `{${fields.map((inner) => `${JSON.stringify(inner.responseKey)}:${this.field(inner, object, path, field.keys)}`).join()}}`
  }

  #runtimeType(
    type: GraphQLObjectType | GraphQLAbstractType,
    { byType }: Shape,
    { __typename: name }: Data,
    path: Path,
    label: string,
  ): GraphQLObjectType | GraphQLAbstractType {
    if (!isAbstractType(type) || !byType) return type
    if (typeof name !== 'string') {
      throw new CompletionError(
        path,
        `Abstract type "${type.name}" must resolve to an Object type for field "${label}".`,
      )
    }
    const { schema } = this.#tree
    const runtimeType = schema.getType(name)
    const resolved = `Abstract type "${type.name}" was resolved to a`
    if (!runtimeType)
      throw new CompletionError(path, `${resolved} type "${name}" that does not exist inside the schema.`)
    if (!isObjectType(runtimeType)) throw new CompletionError(path, `${resolved} non-object type "${name}".`)
    if (schema.isSubType(type, runtimeType)) return runtimeType
    throw new CompletionError(
      path,
      `Runtime Object type "${name}" is not a possible type for "${type.name}".`,
    )
  }
}

function serialize(type: GraphQLLeafType, value: unknown, path: Path): string {
  let text: string | undefined
  try {
    text = JSON.stringify(type.serialize(value)) as string | undefined
  } catch (error) {
    throw new CompletionError(path, error instanceof Error ? error.message : String(error))
  }
  if (text !== undefined) return text
  throw new CompletionError(path, `Expected a value of type "${type.name}".`)
}

/** Returns a function that tests whether there is an error at a path, above it, or below it. */
function explainer(errors: readonly GraphQLFormattedError[]): (path: Path) => boolean {
  const paths = new Set<string>()
  const above = new Set<string>()
  for (const { path } of errors) {
    if (!path) continue
    paths.add(path.join('\n'))
    path.forEach((_, n) => above.add(path.slice(0, n).join('\n')))
  }
  return (path) =>
    above.has(path.join('\n')) || path.some((_, n) => paths.has(path.slice(0, n + 1).join('\n')))
}
