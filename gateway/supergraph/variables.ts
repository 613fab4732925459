// Variables as the specification coerces them: defaults filled in, absent ones left out, nothing of a wrong type.

import {
  coerceInputValue,
  getVariableValues,
  isNonNullType,
  typeFromAST,
  valueFromAST,
  type GraphQLFormattedError,
  type GraphQLInputType,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from 'graphql'
import type { Variables } from './connection.ts'
import { coded } from './errors.ts'

export type Coerced = { variables: Variables } | { errors: readonly GraphQLFormattedError[] }

interface Definition {
  readonly name: string
  readonly type: GraphQLInputType
  /** undefined when there is none. */
  readonly standard: unknown
}

/**
 * Compiles the coercion of an operation's variables.
 *
 * A switch (a variable of `@skip` or `@include`) may be declared nullable when it has a default; graphql-js finds a
 * null in it while it executes, which is too late for us, so it is refused here.
 */
export function compileCoercion(
  schema: GraphQLSchema,
  { variableDefinitions = [] }: OperationDefinitionNode,
  switches: readonly string[],
): (variables: unknown) => Coerced {
  const definitions = variableDefinitions.map(({ variable, type: node, defaultValue }): Definition => {
    const type = typeFromAST(schema, node) as GraphQLInputType
    return { name: variable.name.value, type, standard: defaultValue && valueFromAST(defaultValue, type) }
  })

  return (given) => {
    if (given !== undefined && (typeof given !== 'object' || Array.isArray(given))) {
      return { errors: [coded('BAD_USER_INPUT', 'Variables must be an object.')] }
    }
    const inputs = (given ?? {}) as Variables
    const variables = coerce(definitions, inputs)
    if (!variables) {
      // graphql-js finds the same mistakes again, and says what they are.
      const { errors = [] } = getVariableValues(schema, variableDefinitions, inputs)
      return { errors: errors.map((error) => coded('BAD_USER_INPUT', error)) }
    }
    const unset = switches.find((name) => variables[name] === null)
    if (unset === undefined) return { variables }
    return {
      errors: [
        coded('BAD_USER_INPUT', `Variable "$${unset}" decides a @skip or @include and must not be null.`),
      ],
    }
  }
}

/** Null when anything is wrong. */
function coerce(definitions: readonly Definition[], inputs: Variables): Variables | null {
  const variables: Variables = {}
  let wrong = false
  for (const { name, type, standard } of definitions) {
    if (!Object.hasOwn(inputs, name) || inputs[name] === undefined) {
      if (standard !== undefined) variables[name] = standard
      else if (isNonNullType(type)) return null
      continue
    }
    variables[name] = coerceInputValue(inputs[name], type, () => (wrong = true))
    if (wrong) return null
  }
  return variables
}
