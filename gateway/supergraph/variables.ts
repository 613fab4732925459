// Coerces variables as the specification defines: applies defaults, omits absent variables, rejects wrong
// types.

import {
  coerceInputValue,
  getVariableValues,
  isNonNullType,
  typeFromAST,
  valueFromAST,
  type GraphQLFormattedError,
  type GraphQLInputType,
} from 'graphql'
import { emptyObject } from './codegen.ts'
import type { Variables } from './connection.ts'
import { coded } from './errors.ts'
import { compileNullCheck } from './null-variables.ts'
import type { Operation } from './operation.ts'

export type Coerced = { variables: Variables } | { errors: readonly GraphQLFormattedError[] }

interface Definition {
  readonly name: string
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
  const definitions = variableDefinitions.map(({ variable, type: node, defaultValue }): Definition => {
    const type = typeFromAST(schema, node) as GraphQLInputType
    return { name: variable.name.value, type, defaultValue: defaultValue && valueFromAST(defaultValue, type) }
  })
  const create = emptyObject(definitions.map(({ name }) => name))

  return (input) => {
    if (input !== undefined && (typeof input !== 'object' || Array.isArray(input))) {
      return { errors: [coded('BAD_USER_INPUT', 'Variables must be an object.')] }
    }
    const inputs = (input ?? {}) as Variables
    const variables = coerce(definitions, inputs, create)
    if (!variables) {
      // graphql-js coerces the variables again, to report each error with its message.
      const { errors = [] } = getVariableValues(schema, variableDefinitions, inputs)
      return { errors: errors.map((error) => coded('BAD_USER_INPUT', error)) }
    }
    const nullSwitch = switches.find((name) => variables[name] === null)
    const message =
      nullSwitch === undefined
        ? findNull(variables, new Map(switches.map((name) => [name, variables[name] === true])))
        : `Variable "$${nullSwitch}" is used in @skip or @include and must not be null.`
    return message === null ? { variables } : { errors: [coded('BAD_USER_INPUT', message)] }
  }
}

/** Returns null when a variable is missing or invalid. */
function coerce(
  definitions: readonly Definition[],
  inputs: Variables,
  create: () => Variables,
): Variables | null {
  const variables = create()
  let isInvalid = false
  for (const { name, type, defaultValue } of definitions) {
    if (!Object.hasOwn(inputs, name) || inputs[name] === undefined) {
      if (defaultValue !== undefined) variables[name] = defaultValue
      else if (isNonNullType(type)) return null
      continue
    }
    variables[name] = coerceInputValue(inputs[name], type, () => (isInvalid = true))
    if (isInvalid) return null
  }
  return variables
}
