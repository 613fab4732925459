// The answer by the letter of the specification, when the compiled renderer has met something that it does not handle:
// a null where none may be, or a value that is not of its type. Slower, and says exactly what is wrong and where.

import {
  GraphQLError,
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
import { isIntrospection, type ShapeField } from './shape.ts'

/** A field that cannot have its value. It moves up to the nearest place that may be null. */
class FieldProblem {
  readonly path: Path
  readonly message: string

  constructor(path: Path, message: string) {
    this.path = path
    this.message = message
  }
}

/**
 * Completes `answer`, and adds to `errors` what is wrong with it. A place that becomes null needs one reason: where a
 * subgraph has reported an error there, above it or below it, no other is given. `text` is the fields as JSON without the braces
 * around them, or null when a null went all the way up.
 */
export function completeAnswer(
  answer: Answer,
  lost: ReadonlySet<unknown> | null,
  meta: Readonly<Record<string, string>> | null,
  errors: GraphQLFormattedError[],
): string | null {
  const completer = new Completer(answer, lost, errors)
  try {
    return answer.fields
      .map((field) => {
        const text = isIntrospection(field.name)
          ? meta![field.responseKey]
          : completer.field(field, answer.data, [])
        return `${JSON.stringify(field.responseKey)}:${text}`
      })
      .join()
  } catch (problem) {
    completer.report(problem, [])
    return null
  }
}

class Completer {
  readonly #answer: Answer
  readonly #lost: ReadonlySet<unknown> | null
  readonly #errors: GraphQLFormattedError[]
  readonly #explained: (path: Path) => boolean

  constructor(answer: Answer, lost: ReadonlySet<unknown> | null, errors: GraphQLFormattedError[]) {
    this.#answer = answer
    this.#lost = lost
    this.#errors = errors
    this.#explained = explainer(errors)
  }

  field(
    { name, parent, type, responseKey, dataKey, shape, nodes }: ShapeField,
    object: Data,
    above: Path,
  ): string {
    if (name === '__typename') return JSON.stringify(parent.name)
    const field = { label: `${parent.name}.${name}`, shape, nodes }
    return this.#value(type, object[dataKey], [...above, responseKey], field)
  }

  /** `place` is where the null that a problem leads to has come to rest. */
  report(problem: unknown, place: Path): void {
    if (!(problem instanceof FieldProblem)) throw problem
    const { message, path } = problem
    if (!this.#explained(place)) this.#errors.push({ message, path })
  }

  /** A value at a place that is null when it has a problem, unless it may not be. */
  #value(type: GraphQLOutputType, value: unknown, path: Path, field: FieldContext): string {
    try {
      return this.#complete(type, value, path, field) ?? 'null'
    } catch (problem) {
      if (isNonNullType(type)) throw problem
      this.report(problem, path)
      return 'null'
    }
  }

  #complete(type: GraphQLOutputType, value: unknown, path: Path, field: FieldContext): string | null {
    if (isNonNullType(type)) {
      const text = this.#complete(type.ofType, value, path, field)
      if (text !== null) return text
      throw new FieldProblem(path, `Cannot return null for non-nullable field ${field.label}.`)
    }
    if (value === null || value === undefined || this.#lost?.has(value)) return null
    if (isListType(type)) {
      if (!Array.isArray(value)) {
        throw new FieldProblem(path, `Expected Iterable, but did not find one for field "${field.label}".`)
      }
      return `[${value.map((item: unknown, n) => this.#value(type.ofType, item, [...path, n], field)).join()}]`
    }
    if (isLeafType(type)) return serialize(type, value, path)
    if (typeof value !== 'object')
      throw new FieldProblem(path, `Expected an object for field "${field.label}".`)
    const fields = field.shape!.fieldsOf(this.#runtimeType(type, value as Data, path, field))
    const members = fields.map(
      (inner) => `${JSON.stringify(inner.responseKey)}:${this.field(inner, value as Data, path)}`,
    )
    return `{${members.join()}}`
  }

  /** The messages are those of graphql-js. */
  #runtimeType(
    type: GraphQLObjectType | GraphQLAbstractType,
    { __typename: name }: Data,
    path: Path,
    { shape, label }: FieldContext,
  ): GraphQLObjectType | GraphQLAbstractType {
    if (!isAbstractType(type) || !shape!.byType) return type
    const { schema } = this.#answer
    const runtimeType = typeof name === 'string' ? schema.getType(name) : undefined
    const problem = (message: string) => new FieldProblem(path, message)
    if (typeof name !== 'string') throw problem(`The type of an object for field "${label}" is not known.`)
    const resolved = `Abstract type "${type.name}" was resolved to a`
    if (!runtimeType) throw problem(`${resolved} type "${name}" that does not exist inside the schema.`)
    if (!isObjectType(runtimeType)) throw problem(`${resolved} non-object type "${name}".`)
    if (schema.isSubType(type, runtimeType)) return runtimeType
    throw problem(`Runtime Object type "${name}" is not a possible type for "${type.name}".`)
  }
}

interface FieldContext extends Pick<ShapeField, 'shape' | 'nodes'> {
  /** "Payment.merchant" */
  readonly label: string
}

function serialize(type: GraphQLLeafType, value: unknown, path: Path): string {
  try {
    const text = JSON.stringify(type.serialize(value)) as string | undefined
    if (text !== undefined) return text
  } catch (error) {
    throw new FieldProblem(
      path,
      error instanceof GraphQLError || error instanceof Error ? error.message : String(error),
    )
  }
  throw new FieldProblem(path, `Expected a value of type "${type.name}".`)
}

/** Whether there is an error at a place, above it, or below it. */
function explainer(errors: readonly GraphQLFormattedError[]): (path: Path) => boolean {
  const here = new Set<string>()
  const below = new Set<string>()
  for (const { path } of errors) {
    if (!path) continue
    here.add(path.join('\n'))
    path.forEach((_, n) => below.add(path.slice(0, n).join('\n')))
  }
  return (path) =>
    below.has(path.join('\n')) || path.some((_, n) => here.has(path.slice(0, n + 1).join('\n')))
}
