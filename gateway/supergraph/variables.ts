// Coerces variables as the specification defines: applies defaults, omits absent variables, rejects wrong
// types.

import {
  GraphQLError,
  isNonNullType,
  typeFromAST,
  valueFromAST,
  type GraphQLFormattedError,
  type GraphQLInputType,
  type VariableDefinitionNode,
} from 'graphql'
import { emptyObject } from './codegen.ts'
import type { Variables } from './connection.ts'
import { coded } from './errors.ts'
import { InputReader } from './input.ts'
import { compileNullCheck } from './null-variables.ts'
import type { Operation } from './operation.ts'

export type Coerced = { variables: Variables } | { errors: readonly GraphQLFormattedError[] }

interface Definition {
  readonly name: string
  readonly node: VariableDefinitionNode
  readonly type: GraphQLInputType
  /** The default value; undefined when there is none. */
  readonly defaultValue: unknown
}

/**
 * Compiles the coercion of an operation's variables.
 *
 * A variable may be nullable at a non-null position where one of them has a default. graphql-js rejects its
 * null only during execution. Here the null is rejected before: no subgraph is called, and the switches (the
 * variables of `@skip` and `@include`) select the plan.
 */
export function compileCoercion(operation: Operation): (variables: unknown) => Coerced {
  const { switches } = operation
  const schema = operation.schema.graphql
  const { variableDefinitions = [] } = operation.definition
  const findNull = compileNullCheck(operation)
  const definitions = variableDefinitions.map((node): Definition => {
    const type = typeFromAST(schema, node.type) as GraphQLInputType
    const defaultValue = node.defaultValue && valueFromAST(node.defaultValue, type)
    return { name: node.variable.name.value, node, type, defaultValue }
  })
  const create = emptyObject(definitions.map(({ name }) => name))

  return (input) => {
    if (input !== undefined && (typeof input !== 'object' || Array.isArray(input))) {
      return { errors: [coded('BAD_USER_INPUT', 'Variables must be an object.')] }
    }
    const coerced = coerce(definitions, (input ?? {}) as Variables, create)
    if ('errors' in coerced) return coerced
    const { variables } = coerced
    const nullSwitch = switches.find((name) => variables[name] === null)
    const message =
      nullSwitch === undefined
        ? findNull(variables, new Map(switches.map((name) => [name, variables[name] === true])))
        : `Variable "$${nullSwitch}" is used in @skip or @include and must not be null.`
    return message === null ? coerced : { errors: [coded('BAD_USER_INPUT', message)] }
  }
}

function coerce(
  definitions: readonly Definition[],
  inputs: Variables,
  create: () => Record<string, unknown>,
): Coerced {
  const variables: Variables = create()
  const reader = new InputReader()
  for (const { name, type, defaultValue } of definitions) {
    if (Object.hasOwn(inputs, name) && inputs[name] !== undefined) {
      variables[name] = reader.read(name, inputs[name], type)
    } else if (defaultValue !== undefined) variables[name] = defaultValue
    else if (isNonNullType(type)) reader.refuseAbsent(name, type)
  }
  if (reader.errors.length === 0) return { variables }
  const nodes = new Map(definitions.map(({ name, node }) => [name, node]))
  return {
    errors: reader.errors.map(({ variable, message }) =>
      coded('BAD_USER_INPUT', new GraphQLError(message, { nodes: nodes.get(variable)! })),
    ),
  }
}
