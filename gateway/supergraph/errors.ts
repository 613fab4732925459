// The error codes of the engine, and error entries with a code. Codes of subgraphs are passed on unchanged.

import { isValueNode, print, type GraphQLError, type GraphQLFormattedError } from 'graphql'

export const engineCodes = {
  GRAPHQL_PARSE_FAILED: 'The document is not valid GraphQL syntax.',
  GRAPHQL_VALIDATION_FAILED: 'The document is not valid for the schema.',
  OPERATION_RESOLUTION_FAILURE:
    'The document has no operation of this name, or has several operations and the request names none.',
  OPERATION_NOT_PLANNED: 'The hub cannot plan this operation over its subgraphs: simplify or split it.',
  OPERATION_TOO_LARGE:
    'The document exceeds a limit on its length, depth, fields, aliases, directives or introspection.',
  INTROSPECTION_OFF: 'The schema is not given to clients: __schema and __type are switched off.',
  OPERATION_TOO_LONG:
    'The operation has taken as much of the hub’s time as one may: request fewer fields, or shorter lists.',
  UNAUTHORIZED_FIELD_OR_TYPE: 'The caller may not read this field or a type that it contains.',
  BAD_USER_INPUT: 'A variable is missing, or its value is not valid for its type.',
  SUBGRAPH_UNAVAILABLE: 'A subgraph that provides part of the response is down or did not respond in time.',
  SUBGRAPH_RESPONSE_INVALID: 'A subgraph did not return a valid GraphQL response.',
  ERRORS_OMITTED:
    'The response has more errors than it shows: `extensions.count` is the number of the others.',
  INTERNAL_SERVER_ERROR: 'An internal error of the hub: report it with the request id.',
} as const
export type EngineCode = keyof typeof engineCodes

/** A document that is not run; the client receives `errors`. */
export interface Rejected {
  kind: 'rejected'
  errors: readonly GraphQLFormattedError[]
  /** True when the document must not be kept. */
  isSecret?: true
}

export const reject = (code: EngineCode, ...errors: readonly (GraphQLError | string)[]): Rejected => ({
  kind: 'rejected',
  errors: errors.map((error) => coded(code, error)),
})

/** Makes an error entry with `extensions.code`; message and locations are those of graphql-js. */
export function coded(code: EngineCode, error: GraphQLError | string): GraphQLFormattedError {
  if (typeof error === 'string') return { message: error, extensions: { code } }
  const { locations } = error
  const message = clip(withShortQuotes(error), messageMax)
  return { message, ...(locations && { locations: locations.slice(0, locationsMax) }), extensions: { code } }
}

/**
 * A message of graphql-js may contain any text of the client: a value, a name, a list of names. Each is cut
 * after 80 characters.
 */
function withShortQuotes({ message, nodes }: GraphQLError): string {
  const [node] = nodes ?? []
  const value = node && isValueNode(node) && message.length > quotedMax ? print(node) : ''
  const shorter = value.length > quotedMax ? message.replace(value, () => clip(value, quotedMax)) : message
  return shorter.replace(/[^\s"]{81,}/g, (text) => clip(text, quotedMax))
}

const clip = (text: string, max: number): string => (text.length > max ? `${text.slice(0, max)}…` : text)

const quotedMax = 80
const messageMax = 500
const locationsMax = 10

/** A response without data, as JSON text. */
export const refusalText = (errors: readonly GraphQLFormattedError[]): string => JSON.stringify({ errors })
