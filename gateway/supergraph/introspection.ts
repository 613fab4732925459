// `__schema` and `__type`: answered from the API schema by graphql-js itself. No subgraph is asked.

import { execute, Kind, type GraphQLSchema } from 'graphql'
import type { Variables } from './connection.ts'
import type { Operation } from './operation.ts'
import { isIntrospection, type ShapeField } from './shape.ts'

/** Gives the answers to the introspection fields among `fields`, as JSON text by response key; null when there are none. */
export function compileIntrospection(
  schema: GraphQLSchema,
  operation: Operation,
  fields: readonly ShapeField[],
): ((variables: Variables) => Record<string, string>) | null {
  const selections = fields.filter(({ name }) => isIntrospection(name)).flatMap(({ nodes }) => nodes)
  if (selections.length === 0) return null
  const { definition, fragments } = operation
  const document = {
    kind: Kind.DOCUMENT,
    definitions: [
      { ...definition, selectionSet: { kind: Kind.SELECTION_SET, selections } } as const,
      ...fragments.values(),
    ],
  } as const
  const answer = (variableValues: Variables): Record<string, string> => {
    const result = execute({ schema, document, variableValues })
    // Nothing in the introspection types is asynchronous or can fail.
    const { data } = result as { data: Record<string, unknown> }
    return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, JSON.stringify(value)]))
  }
  if (definition.variableDefinitions?.length) return answer
  let known: Record<string, string> | undefined
  return () => (known ??= answer({}))
}
