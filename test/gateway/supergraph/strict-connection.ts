// A subgraph as a stranger runs it: every document validated, executed by graphql-js, and the answer sent as JSON.

import { execute, parse, validate, type GraphQLSchema } from 'graphql'
import type { SubgraphConnection, SubgraphResult } from '../../../gateway/supergraph/index.ts'

export function strictConnection(name: string, schema: GraphQLSchema): SubgraphConnection {
  return {
    name,
    prepare(text) {
      const document = parse(text)
      const [error] = validate(schema, document)
      if (error) throw new Error(`${name} refuses ${text}`, { cause: error })
      return {
        async execute(variables, contextValue) {
          const variableValues = JSON.parse(JSON.stringify(variables)) as Record<string, unknown>
          const result = await execute({ schema, document, variableValues, contextValue })
          return JSON.parse(JSON.stringify(result)) as SubgraphResult
        },
        subscribe: () => Promise.reject(new Error('nothing is subscribed to here')),
      }
    },
  }
}
