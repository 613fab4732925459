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
import { isIntrospectionField, type Shape, type ShapeField } from './shape.ts'

/** The error of a field that has no valid value; the messages are those of graphql-js. */
export interface FieldError {
  readonly path: Path
  readonly message: string
}

export interface Completed {
  /** The fields as JSON, without the braces around them; null when a null propagated to the root. */
  readonly text: string | null
  readonly fieldErrors: readonly FieldError[]
}

/**
 * Completes a response.
 *
 * One error is enough for each null. So a field error is left out when `reported` has an error at the same
 * path, above it or below it. `lost` has objects and lists that count as null, `meta` the JSON of
 * introspection fields.
 */
export function completeResponse(
  tree: ResponseTree,
  lost: ReadonlySet<unknown> | null,
  meta: Readonly<Record<string, string>> | null,
  reported: readonly GraphQLFormattedError[],
): Completed {
  const completer = new Completer(tree, lost, explainer(reported))
  const { fieldErrors } = completer
  try {
    const members = tree.fields.map((field) => {
      const text = isIntrospectionField(field.name)
        ? meta![field.responseKey]
        : completer.field(field, tree.data, [])
      return `${JSON.stringify(field.responseKey)}:${text}`
    })
    return { text: members.join(), fieldErrors }
  } catch (error) {
    completer.report(error, [])
    return { text: null, fieldErrors }
  }
}

/** Propagates a field error to the nearest nullable field. */
class CompletionError extends Error {
  readonly path: Path

  constructor(path: Path, message: string) {
    super(message)
    this.path = path
  }
}

interface FieldContext {
  /** "Payment.merchant" */
  readonly label: string
  readonly shape: Shape | null
}

class Completer {
  readonly fieldErrors: FieldError[] = []
  readonly #tree: ResponseTree
  readonly #lost: ReadonlySet<unknown> | null
  readonly #isExplained: (path: Path) => boolean

  constructor(tree: ResponseTree, lost: ReadonlySet<unknown> | null, isExplained: (path: Path) => boolean) {
    this.#tree = tree
    this.#lost = lost
    this.#isExplained = isExplained
  }

  field(
    { name, parent, type, responseKey, dataKey, shape, isForbidden }: ShapeField,
    object: Data,
    above: Path,
  ): string {
    if (name === '__typename') return JSON.stringify(parent.name)
    return this.#nullable(type, isForbidden ? null : memberOf(object, dataKey), [...above, responseKey], {
      label: `${parent.name}.${name}`,
      shape,
    })
  }

  /** Adds a field error whose null propagated to `nullPath`. */
  report(error: unknown, nullPath: Path): void {
    if (!(error instanceof CompletionError)) throw error
    const { path, message } = error
    if (!this.#isExplained(nullPath)) this.fieldErrors.push({ path, message })
  }

  /** The value as JSON; for a field error, null if the type is nullable, otherwise the error propagates. */
  #nullable(type: GraphQLOutputType, value: unknown, path: Path, field: FieldContext): string {
    try {
      return this.#complete(type, value, path, field) ?? 'null'
    } catch (error) {
      if (isNonNullType(type)) throw error
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
    if (value === null || value === undefined || this.#lost?.has(value)) return null
    if (isListType(type)) {
      if (!Array.isArray(value)) {
        throw new CompletionError(path, `Expected Iterable, but did not find one for field "${label}".`)
      }
      return `[${value.map((item: unknown, n) => this.#nullable(type.ofType, item, [...path, n], field)).join()}]`
    }
    if (isLeafType(type)) return serialize(type, value, path)
    if (typeof value !== 'object') throw new CompletionError(path, `Expected an object for field "${label}".`)
    const object = value as Data
    const fields = shape!.fieldsOf(this.#runtimeType(type, shape!, object, path, label))
    return `{${fields.map((inner) => `${JSON.stringify(inner.responseKey)}:${this.field(inner, object, path)}`).join()}}`
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
