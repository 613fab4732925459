// A subgraph in this process: its schema, run by graphql-jit. No request, no text, and no promise unless a resolver waits.

import {
  createSourceEventStream,
  execute,
  getNamedType,
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
import type { StreamPosition, ResumableStream } from '../../subgraphs/platform/async/resumable-stream.ts'
import {
  isPromise,
  type SubgraphConnection,
  type SubgraphError,
  type SubgraphEvent,
  type SubgraphOperation,
  type SubgraphResult,
  type Variables,
} from './connection.ts'
import { MappedStream } from './mapped-stream.ts'

/** As much of a mercurius app as is used. */
export interface SubgraphApp {
  readonly graphql: { readonly schema: GraphQLSchema }
}

type Execute = (
  root: unknown,
  context: unknown,
  variables: Variables,
) => SubgraphResult | Promise<SubgraphResult>

/**
 * Reaches a mercurius app by compiling the hub's documents against its schema, as mercurius does itself. Going through
 * `app.graphql` would coerce the variables twice, the second time by walking the document: 7 µs for 20 entities that
 * take 3 µs to resolve. It would also validate what the planner made of a valid document. What is lost are
 * mercurius's hooks and `context.app`; nothing behind the hub's door uses them.
 *
 * Built-in scalars and enums are left as the resolvers gave them, for the renderer serializes them anyway; enums must
 * therefore have no inner values. The root value is new for every call, because caches may be keyed by it.
 */
export function inProcessConnection(name: string, app: SubgraphApp): SubgraphConnection {
  const { schema } = app.graphql
  return {
    name,
    prepare(text): SubgraphOperation {
      const document = parse(text)
      let compiled: Execute | undefined
      const run: Execute = (root, context, variables) =>
        (compiled ??= compile(schema, document))(root, context, variables)
      return {
        execute: (variables, context) => run({}, context, variables),
        async subscribe(variables, context) {
          const source = { schema, document, rootValue: {}, contextValue: context, variableValues: variables }
          const events = await createSourceEventStream(source)
          if (!(Symbol.asyncIterator in events)) return { data: null, errors: events.errors as never }
          if (!isResumable(events)) {
            return new MappedStream(events, (event) => told(run(event, context, variables), null))
          }
          return new MappedStream(events.positioned(), ({ value, position }) =>
            value === null ? { value: null, position } : told(run(value, context, variables), position),
          )
        },
      }
    },
  }
}

const isResumable = (events: object): events is ResumableStream<unknown> => 'positioned' in events

const told = (
  result: SubgraphResult | Promise<SubgraphResult>,
  position: StreamPosition | null,
): SubgraphEvent | Promise<SubgraphEvent> =>
  isPromise(result) ? result.then((value) => ({ value, position })) : { value: result, position }

function compile(schema: GraphQLSchema, document: DocumentNode): Execute {
  if (!isTooDifficult(schema, document)) {
    const compiled = compileQuery(schema, document, undefined, { disableLeafSerialization: true })
    if (isCompiledQuery(compiled)) {
      const query = compiled.query as Execute
      return (root, context, variables) => {
        const result = query(root, context, variables)
        return isPromise(result) ? result.then(tidy) : tidy(result)
      }
    }
  }
  return (rootValue, contextValue, variableValues) =>
    execute({ schema, document, rootValue, contextValue, variableValues })
}

/**
 * graphql-jit reports a non-null field that fails twice, the second time as a null that may not be; and where a document
 * asks for a field in two places, it names the field as often.
 */
function tidy(result: SubgraphResult): SubgraphResult {
  const { data = null, errors } = result
  if (!errors) return result
  const places = new Map<string, SubgraphError>()
  const rest: SubgraphError[] = []
  for (const error of errors) {
    const place = JSON.stringify(error.path)
    if (error.path === undefined) rest.push(error)
    else if (!places.has(place)) places.set(place, withOneName(error))
  }
  return { data, errors: [...rest, ...places.values()] }
}

function withOneName(error: SubgraphError): SubgraphError {
  const message = error.message.replace(/^(Cannot return null .*\.)\((\w+),.*\)\.$/, '$1$2.')
  return message === error.message ? error : { ...error, message }
}

/**
 * Inputs that graphql-jit gets wrong, so that graphql-js runs the document: it never ends compiling a variable whose
 * type contains itself, it writes what a custom scalar makes of a literal into its source as JSON, and it turns an absent
 * variable within a list or an object into a null.
 */
function isTooDifficult(schema: GraphQLSchema, document: DocumentNode): boolean {
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
