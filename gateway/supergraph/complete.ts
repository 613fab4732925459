// The answer by the letter of the specification, when the compiled renderer has met something that it does not handle:
// a null where none may be, or a value that is not of its type. Slower, and says exactly what is wrong and where.

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
import type { Answer, Path } from './failures.ts'
import type { Data } from './merge.ts'
import { isIntrospection, type Shape, type ShapeField } from './shape.ts'

/** A field that cannot have its value; the messages are those of graphql-js. */
export interface Problem {
  readonly path: Path
  readonly message: string
}

export interface Completed {
  /** The fields as JSON without the braces around them; null when a null went all the way up. */
  readonly text: string | null
  readonly problems: readonly Problem[]
}

/**
 * Completes an answer. A place that becomes null needs one reason: where there is an error among `known` already, at that
 * place, above it or below it, no problem is reported. `lost` are objects and lists that count as null, `meta` has the
 * answers to introspection fields.
 */
export function completeAnswer(
  answer: Answer,
  lost: ReadonlySet<unknown> | null,
  meta: Readonly<Record<string, string>> | null,
  known: readonly GraphQLFormattedError[],
): Completed {
  const completer = new Completer(answer, lost, explainer(known))
  const { problems } = completer
  try {
    const members = answer.fields.map((field) => {
      const text = isIntrospection(field.name)
        ? meta![field.responseKey]
        : completer.field(field, answer.data, [])
      return `${JSON.stringify(field.responseKey)}:${text}`
    })
    return { text: members.join(), problems }
  } catch (error) {
    completer.report(error, [])
    return { text: null, problems }
  }
}

/** Thrown up to the nearest place that may be null. */
class ProblemError extends Error {
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
  readonly problems: Problem[] = []
  readonly #answer: Answer
  readonly #lost: ReadonlySet<unknown> | null
  readonly #isExplained: (path: Path) => boolean

  constructor(answer: Answer, lost: ReadonlySet<unknown> | null, isExplained: (path: Path) => boolean) {
    this.#answer = answer
    this.#lost = lost
    this.#isExplained = isExplained
  }

  field({ name, parent, type, responseKey, dataKey, shape }: ShapeField, object: Data, above: Path): string {
    if (name === '__typename') return JSON.stringify(parent.name)
    return this.#place(type, object[dataKey], [...above, responseKey], {
      label: `${parent.name}.${name}`,
      shape,
    })
  }

  /** `place` is where the null that a problem leads to has come to rest. */
  report(error: unknown, place: Path): void {
    if (!(error instanceof ProblemError)) throw error
    const { path, message } = error
    if (!this.#isExplained(place)) this.problems.push({ path, message })
  }

  /** The value at a place; null when it has a problem, unless it may not be null. */
  #place(type: GraphQLOutputType, value: unknown, path: Path, field: FieldContext): string {
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
      throw new ProblemError(path, `Cannot return null for non-nullable field ${label}.`)
    }
    if (value === null || value === undefined || this.#lost?.has(value)) return null
    if (isListType(type)) {
      if (!Array.isArray(value)) {
        throw new ProblemError(path, `Expected Iterable, but did not find one for field "${label}".`)
      }
      return `[${value.map((item: unknown, n) => this.#place(type.ofType, item, [...path, n], field)).join()}]`
    }
    if (isLeafType(type)) return serialize(type, value, path)
    if (typeof value !== 'object') throw new ProblemError(path, `Expected an object for field "${label}".`)
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
      throw new ProblemError(
        path,
        `Abstract type "${type.name}" must resolve to an Object type for field "${label}".`,
      )
    }
    const { schema } = this.#answer
    const runtimeType = schema.getType(name)
    const resolved = `Abstract type "${type.name}" was resolved to a`
    if (!runtimeType)
      throw new ProblemError(path, `${resolved} type "${name}" that does not exist inside the schema.`)
    if (!isObjectType(runtimeType)) throw new ProblemError(path, `${resolved} non-object type "${name}".`)
    if (schema.isSubType(type, runtimeType)) return runtimeType
    throw new ProblemError(path, `Runtime Object type "${name}" is not a possible type for "${type.name}".`)
  }
}

function serialize(type: GraphQLLeafType, value: unknown, path: Path): string {
  let text: string | undefined
  try {
    text = JSON.stringify(type.serialize(value)) as string | undefined
  } catch (error) {
    throw new ProblemError(path, error instanceof Error ? error.message : String(error))
  }
  if (text !== undefined) return text
  throw new ProblemError(path, `Expected a value of type "${type.name}".`)
}

/** Whether there is an error at a place, above it, or below it. */
function explainer(errors: readonly GraphQLFormattedError[]): (path: Path) => boolean {
  const places = new Set<string>()
  const above = new Set<string>()
  for (const { path } of errors) {
    if (!path) continue
    places.add(path.join('\n'))
    path.forEach((_, n) => above.add(path.slice(0, n).join('\n')))
  }
  return (path) =>
    above.has(path.join('\n')) || path.some((_, n) => places.has(path.slice(0, n + 1).join('\n')))
}
