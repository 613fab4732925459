// Resolves `__schema` and `__type` by graphql-js, from the schema for clients. No subgraph takes part.

import { execute, Kind, type GraphQLSchema } from 'graphql'
import type { Variables } from './connection.ts'
import { isIntrospectionField, type Operation } from './operation.ts'
import type { ShapeField } from './shape.ts'

/**
 * Compiles the introspection fields among `fields` into JSON text by response key; null when there are none.
 */
export function compileIntrospection(
  schema: GraphQLSchema,
  operation: Operation,
  fields: readonly ShapeField[],
): ((variables: Variables) => Record<string, string>) | null {
  const selections = fields.filter(({ name }) => isIntrospectionField(name)).flatMap(({ nodes }) => nodes)
  if (selections.length === 0) return null
  const { definition, fragments } = operation
  const document = {
    kind: Kind.DOCUMENT,
    definitions: [
      { ...definition, selectionSet: { kind: Kind.SELECTION_SET, selections } } as const,
      ...fragments.values(),
    ],
  } as const
  const introspect = (variableValues: Variables): Record<string, string> => {
    const result = execute({ schema, document, variableValues })
    // Nothing in the introspection types is asynchronous or can fail.
    const { data } = result as { data: Record<string, unknown> }
    return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, JSON.stringify(value)]))
  }
  if (definition.variableDefinitions?.length) return introspect
  let cached: Record<string, string> | undefined
  return () => (cached ??= introspect({}))
}
