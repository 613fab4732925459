// Connects to a subgraph in this process: runs its schema by graphql-jit. There is no request and no text,
// and a promise only where a resolver returns one.

import {
  createSourceEventStream,
  execute,
  getNamedType,
  GraphQLError,
  isInputObjectType,
  isScalarType,
  isSpecifiedScalarType,
  Kind,
  parse,
  typeFromAST,
  TypeInfo,
  visit,
  visitWithTypeInfo,
  type ASTNode,
  type DocumentNode,
  type GraphQLInputObjectType,
  type GraphQLSchema,
  type NamedTypeNode,
} from 'graphql'
import { compileQuery, isCompiledQuery } from 'graphql-jit'
import type {
  SubgraphConnection,
  SubgraphError,
  SubgraphOperation,
  SubgraphResult,
  Variables,
} from './connection.ts'
import { mapStream, type ResumableStream } from './stream.ts'
import { isPromise, loopTimeOf, type LoopTime } from './waiting.ts'

/** The part of a mercurius app that the connection uses. */
export interface SubgraphApp {
  readonly graphql: { readonly schema: GraphQLSchema }
}

type Execute = (
  root: unknown,
  context: unknown,
  variables: Variables,
) => SubgraphResult | Promise<SubgraphResult>

/**
 * Connects to a mercurius app by compiling the hub's documents against its schema, as mercurius itself does.
 *
 * `app.graphql` would coerce the variables again, by a visit of the document: 7 µs for 20 entities that take
 * 3 µs to resolve. It would also validate the planner's document, which is valid already. Mercurius's hooks
 * and `context.app` do not work here; no subgraph uses them.
 *
 * Built-in scalars and enums are not serialized, because the renderer serializes them. So enums must have no
 * internal values. The root value is new for every call, because resolvers may key caches by it.
 */
export function createInProcessConnection(name: string, app: SubgraphApp): SubgraphConnection {
  const { schema } = app.graphql
  countRootFields(schema)
  return {
    name,
    prepare(text): SubgraphOperation {
      const document = parse(text)
      let compiled: Execute | undefined
      const run: Execute = (root, context, variables) =>
        (compiled ??= compileDocument(schema, document))(root, context, variables)
      return {
        execute: (variables, context) => run({}, context, variables),
        async subscribe(variables, context) {
          const source = { schema, document, rootValue: {}, contextValue: context, variableValues: variables }
          const events = await createSourceEventStream(source)
          if (!(Symbol.asyncIterator in events)) return withInputCodes(events)
          if (!isResumable(events)) {
            return mapStream(events, (event) => ({
              value: () => run(event, context, variables),
              position: null,
            }))
          }
          return mapStream(events.positioned(), ({ value, position }) => ({
            value: value === null ? null : () => run(value, context, variables),
            position,
          }))
        },
      }
    },
  }
}

const countedSchemas = new WeakSet<GraphQLSchema>()

/**
 * Counts what follows the value of a root field as loop time of its request: completing a list takes most of
 * the time. What follows the promises of inner fields is not counted: a wrapper for each would cost more than
 * it.
 */
function countRootFields(schema: GraphQLSchema): void {
  if (countedSchemas.has(schema)) return
  countedSchemas.add(schema)
  for (const type of [schema.getQueryType(), schema.getMutationType()]) {
    for (const field of Object.values(type?.getFields() ?? {})) {
      const { resolve } = field
      if (!resolve) continue
      field.resolve = (parent, args, context, info) => {
        const value = resolve(parent, args, context, info)
        const loopTime = isPromise(value) ? loopTimeOf(context) : null
        return loopTime ? new CountedPromise(value as Promise<unknown>, loopTime) : value
      }
    }
  }
}

/** Counts what is run with the value of `promise`. */
class CountedPromise implements PromiseLike<unknown> {
  readonly #promise: Promise<unknown>
  readonly #loopTime: LoopTime

  constructor(promise: Promise<unknown>, loopTime: LoopTime) {
    this.#promise = promise
    this.#loopTime = loopTime
  }

  // oxlint-disable-next-line unicorn/no-thenable -- The executor adds its work by this method.
  then<Value, Reason>(
    fulfilled?: ((value: unknown) => Value | PromiseLike<Value>) | null,
    rejected?: ((reason: unknown) => Reason | PromiseLike<Reason>) | null,
  ): Promise<Value | Reason> {
    const counted = fulfilled && ((value: unknown) => this.#loopTime.run(() => fulfilled(value)))
    return this.#promise.then<Value, Reason>(counted, rejected)
  }
}

const isResumable = (events: object): events is ResumableStream<unknown> => 'positioned' in events

function compileDocument(schema: GraphQLSchema, document: DocumentNode): Execute {
  if (!isUnsafeForJit(schema, document)) {
    const compiled = compileQuery(schema, document, undefined, { disableLeafSerialization: true })
    if (isCompiledQuery(compiled)) {
      const query = compiled.query as Execute
      return (root, context, variables) => {
        const result = query(root, context, variables)
        return isPromise(result) ? result.then(withClearErrors) : withClearErrors(result)
      }
    }
  }
  return (rootValue, contextValue, variableValues) => {
    const result = execute({ schema, document, rootValue, contextValue, variableValues }) as
      SubgraphResult | Promise<SubgraphResult>
    return isPromise(result) ? result.then(withInputCodes) : withInputCodes(result)
  }
}

const withClearErrors = (result: SubgraphResult): SubgraphResult => withInputCodes(withDistinctErrors(result))

/**
 * Gives the errors of input coercion their code, because they are the client's. They come before the first
 * resolver, without data, or in place of one resolver, for its arguments.
 */
export function withInputCodes(result: SubgraphResult): SubgraphResult {
  const { data, errors } = result
  if (!errors) return result
  const isOfInput = (error: SubgraphError): boolean => {
    if (error.extensions?.['code'] !== undefined) return false
    if (data === undefined && error.path === undefined) return true
    const cause = (error as { originalError?: unknown }).originalError ?? error
    return cause instanceof GraphQLError && argumentError.test(cause.message)
  }
  const coded = errors.map((error) => {
    if (!isOfInput(error)) return error
    const { message, path } = error
    return { message, ...(path && { path }), extensions: { code: 'BAD_USER_INPUT' } }
  })
  return { data: data ?? null, errors: coded }
}

/** The messages of graphql-js for arguments. */
const argumentError = /^Argument "\w+" (?:of (?:required|non-null) type |has invalid value )/

/**
 * Corrects the errors of graphql-jit. It reports a failed non-null field twice, the second time as a
 * forbidden null. Where a document selects a field in two fragments, it repeats the field's name in the
 * message.
 */
function withDistinctErrors(result: SubgraphResult): SubgraphResult {
  const { data, errors } = result
  if (!errors) return result
  const byPath = new Map<string, SubgraphError>()
  const withoutPath: SubgraphError[] = []
  for (const error of errors) {
    const path = JSON.stringify(error.path)
    if (error.path === undefined) withoutPath.push(error)
    else if (!byPath.has(path)) byPath.set(path, withOneName(error))
  }
  const distinct = [...withoutPath, ...byPath.values()]
  return data === undefined ? { errors: distinct } : { data, errors: distinct }
}

function withOneName(error: SubgraphError): SubgraphError {
  const message = error.message.replace(/^(Cannot return null [^(]*\.)\((\w+),[^)]*\)\.$/, '$1$2.')
  return message === error.message ? error : { ...error, message }
}

/**
 * Finds inputs that graphql-jit handles wrongly; graphql-js then runs the document. graphql-jit does not
 * finish compiling a variable whose type contains itself. It writes the parsed literal of a custom scalar
 * into its code as JSON. It replaces an absent variable within a list or an object by null.
 */
function isUnsafeForJit(schema: GraphQLSchema, document: DocumentNode): boolean {
  let found = false
  const types = new TypeInfo(schema)
  const literal = (): void => {
    const type = getNamedType(types.getInputType())
    if (isScalarType(type) && !isSpecifiedScalarType(type)) found = true
  }
  visit(
    document,
    visitWithTypeInfo(types, {
      VariableDefinition({ type }) {
        const input = getNamedType(typeFromAST(schema, type as NamedTypeNode))
        if (isInputObjectType(input) && containsItself(input, new Set())) found = true
        return false
      },
      Variable(_node, _key, parent) {
        if (Array.isArray(parent) || (parent as ASTNode).kind === Kind.OBJECT_FIELD) found = true
      },
      IntValue: literal,
      FloatValue: literal,
      StringValue: literal,
      BooleanValue: literal,
      EnumValue: literal,
      ListValue: literal,
      ObjectValue: literal,
    }),
  )
  return found
}

function containsItself(type: GraphQLInputObjectType, within: ReadonlySet<GraphQLInputObjectType>): boolean {
  if (within.has(type)) return true
  const inner = new Set([...within, type])
  return Object.values(type.getFields()).some((field) => {
    const named = getNamedType(field.type)
    return isInputObjectType(named) && containsItself(named, inner)
  })
}
