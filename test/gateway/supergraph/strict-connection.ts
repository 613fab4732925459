// Connects to a subgraph like an independent server: validates every document, runs graphql-js, and copies
// results by JSON.

import { execute, parse, validate, type GraphQLSchema } from 'graphql'
import type { SubgraphConnection, SubgraphResult } from '../../../gateway/supergraph/index.ts'

export function createStrictConnection(name: string, schema: GraphQLSchema): SubgraphConnection {
  return {
    name,
    prepare(text) {
      const document = parse(text)
      const [error] = validate(schema, document)
      if (error) throw new Error(`subgraph ${name} rejects ${text}`, { cause: error })
      return {
        async execute(variables, contextValue) {
          const variableValues = JSON.parse(JSON.stringify(variables)) as Record<string, unknown>
          const result = await execute({ schema, document, variableValues, contextValue })
          return JSON.parse(JSON.stringify(result)) as SubgraphResult
        },
        subscribe: () => Promise.reject(new Error('subscriptions are not supported')),
      }
    },
  }
}
