// Reads a GraphQL request, whatever transport it comes by: which fields it has and what each must be.

import { HttpError } from './http-error.ts'

export interface GraphqlRequest {
  readonly query: string
  readonly operationName: string | undefined
  readonly variables: Record<string, unknown>
}

/** GraphQL over HTTP, "Request Parameters": these four and no others. */
const parameters = new Set(['query', 'operationName', 'variables', 'extensions'])

/** Reads the parameters from parsed JSON. Throws BAD_REQUEST that names the field at fault. */
export function readRequest(body: unknown): GraphqlRequest {
  if (!isRecord(body))
    throw new HttpError('BAD_REQUEST', `the request must be a JSON object, not ${typeName(body)}`)
  for (const name in body) {
    if (!parameters.has(name))
      throw new HttpError('BAD_REQUEST', `"${name.slice(0, 80)}" is no field of a GraphQL request`)
  }
  const { query, operationName, variables, extensions } = body
  if (query === undefined && isRecord(extensions) && 'persistedQuery' in extensions)
    throw new HttpError('PERSISTED_QUERY_NOT_SUPPORTED')
  if (typeof query !== 'string')
    throw new HttpError('BAD_REQUEST', `"query" must be a string, not ${typeName(query)}`)
  if (operationName !== undefined && operationName !== null && typeof operationName !== 'string') {
    throw new HttpError('BAD_REQUEST', `"operationName" must be a string, not ${typeName(operationName)}`)
  }
  readMap('extensions', extensions)
  return { query, operationName: operationName ?? undefined, variables: readMap('variables', variables) }
}

function readMap(name: string, value: unknown): Record<string, unknown> {
  if (value === undefined || value === null) return {}
  if (!isRecord(value))
    throw new HttpError('BAD_REQUEST', `"${name}" must be an object, not ${typeName(value)}`)
  return value
}

/**
 * Parses JSON. `name` names the text in the message. Throws BAD_REQUEST with the position where it stops
 * being JSON.
 */
export function readJson(text: string, name: string): unknown {
  if (text === '') throw new HttpError('BAD_REQUEST', `${name} is empty`)
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new HttpError('BAD_REQUEST', `${name} is not JSON: ${(error as SyntaxError).message}`)
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function typeName(value: unknown): string {
  if (value === undefined) return 'missing'
  if (value === null) return 'null'
  return Array.isArray(value) ? 'a list' : typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
