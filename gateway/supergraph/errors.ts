// Every code that the engine itself gives, and how an error entry looks. Codes of the domain pass through untouched.

import type { GraphQLError, GraphQLFormattedError } from 'graphql'

export const engineCodes = {
  GRAPHQL_PARSE_FAILED: 'The document is not GraphQL.',
  GRAPHQL_VALIDATION_FAILED: 'The document does not fit the schema.',
  OPERATION_RESOLUTION_FAILURE: 'The document has no such operation, or several and none was named.',
  OPERATION_NOT_PLANNED: 'The hub finds no way to gather this operation from its subgraphs.',
  OPERATION_TOO_LARGE: 'The document is longer, deeper or wider than the hub runs.',
  BAD_USER_INPUT: 'A variable is missing or has a value that its type does not allow.',
  SUBGRAPH_UNAVAILABLE: 'A subgraph that holds part of the answer could not be reached in time.',
  SUBGRAPH_RESPONSE_INVALID: 'A subgraph answered with something that is not a GraphQL response.',
  INTERNAL_SERVER_ERROR: 'The hub made a mistake.',
} as const
export type EngineCode = keyof typeof engineCodes

/** Why a document is not run: `errors` is what the client gets. */
export interface Rejected {
  kind: 'rejected'
  errors: readonly GraphQLFormattedError[]
}

export const reject = (code: EngineCode, ...errors: readonly (GraphQLError | string)[]): Rejected => ({
  kind: 'rejected',
  errors: errors.map((error) => coded(code, error)),
})

/** An error entry with `extensions.code`; message and locations as graphql-js gives them. */
export function coded(code: EngineCode, error: GraphQLError | string): GraphQLFormattedError {
  if (typeof error === 'string') return { message: error, extensions: { code } }
  const { message, locations } = error
  return { message, ...(locations && { locations }), extensions: { code } }
}

/** An answer without data, as JSON text. */
export const refusalText = (errors: readonly GraphQLFormattedError[]): string => JSON.stringify({ errors })
