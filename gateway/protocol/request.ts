// Reads a GraphQL request, whatever transport it comes by: which fields it has and what each must be.

import { HttpError } from './http-error.ts'
import { checkVariables } from './input-text.ts'

export interface GraphqlRequest {
  /** Empty when the request names its document by `id`. */
  readonly query: string
  /** `extensions.persistedQuery.sha256Hash` or `documentId`; null when the request has neither. */
  readonly id: string | null
  readonly operationName: string | undefined
  readonly variables: Record<string, unknown>
  /** Whether the response is to have the cost: `extensions.cost` is true. */
  readonly wantsCost: boolean
}

/** GraphQL over HTTP, "Request Parameters" and appendix A, "Persisted Documents": these and no others. */
const parameters = new Set(['query', 'documentId', 'operationName', 'variables', 'extensions'])

/**
 * Reads the parameters from parsed JSON, and checks all texts in them. Throws BAD_REQUEST that names the
 * field at fault, and PAN_REFUSED.
 */
export function readRequest(body: unknown): GraphqlRequest {
  if (Array.isArray(body)) throw new HttpError('BATCH_NOT_SUPPORTED')
  if (!isRecord(body))
    throw new HttpError('BAD_REQUEST', `the request must be a JSON object, not ${typeName(body)}`)
  for (const name in body) {
    if (!parameters.has(name))
      throw new HttpError('BAD_REQUEST', `"${name.slice(0, 80)}" is no field of a GraphQL request`)
  }
  const { operationName, variables } = body
  const extensions = readMap('extensions', body.extensions)
  const id = readId(body, extensions)
  const query = body.query ?? (id === null ? undefined : '')
  if (typeof query !== 'string')
    throw new HttpError('BAD_REQUEST', `"query" must be a string, not ${typeName(query)}`)
  if (operationName !== undefined && operationName !== null && typeof operationName !== 'string') {
    throw new HttpError('BAD_REQUEST', `"operationName" must be a string, not ${typeName(operationName)}`)
  }
  const values = readMap('variables', variables)
  checkVariables(values)
  return {
    query,
    id,
    operationName: operationName ?? undefined,
    variables: values,
    wantsCost: extensions.cost === true,
  }
}

/**
 * The id of a document: that of a persisted query, or a `documentId`, which is `sha256:…` or any other
 * text.
 */
function readId(
  { documentId }: Record<string, unknown>,
  { persistedQuery }: Record<string, unknown>,
): string | null {
  if (documentId !== undefined && documentId !== null) {
    if (typeof documentId !== 'string' || documentId === '')
      throw new HttpError('BAD_REQUEST', `"documentId" must be a string, not ${typeName(documentId)}`)
    return documentId.replace(/^sha256:/, '')
  }
  if (persistedQuery === undefined || persistedQuery === null) return null
  const { version, sha256Hash } = readMap('persistedQuery', persistedQuery)
  if (version !== 1) throw new HttpError('BAD_REQUEST', '"persistedQuery" has a version that is not 1')
  if (typeof sha256Hash !== 'string' || sha256Hash === '')
    throw new HttpError('BAD_REQUEST', `"sha256Hash" must be a string, not ${typeName(sha256Hash)}`)
  return sha256Hash
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
    // The engine quotes the text around the fault, which may be a secret.
    const reason = (error as SyntaxError).message.replace(/,? \.{0,3}".*/su, '')
    throw new HttpError('BAD_REQUEST', `${name} is not JSON: ${reason}`)
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function typeName(value: unknown): string {
  if (value === undefined) return 'missing'
  if (value === null) return 'null'
  return Array.isArray(value) ? 'a list' : typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
