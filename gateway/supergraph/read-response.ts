// Reads what a remote subgraph sends: a GraphQL response, or text that is none.

import type { SubgraphError, SubgraphResult } from './connection.ts'
import { invalidResponse } from './failures.ts'
import type { HttpReply } from './address.ts'
import { failedResult, type FailureReason, type RemoteFailure } from './remote-failure.ts'

/** The codes with which a process of a subgraph refuses a call that it has not begun. */
const callRefusals: ReadonlyMap<unknown, FailureReason> = new Map([
  ['CALL_REFUSED', 'REFUSED'],
  ['NOT_READY', 'UNREACHABLE'],
])

/** The failure of a call that the subgraph has not begun; null for any other reply. */
export function refusalIn({ status, text }: HttpReply): RemoteFailure | null {
  if (status !== 401 && status !== 503) return null
  const { errors: [error] = [] } = readResponse('', status, text)
  const reason = callRefusals.get(error?.extensions?.['code'])
  return reason ? { reason, status, cause: error } : null
}

/** Reads the text of a response; `status` is null within a stream. */
export function readResponse(subgraph: string, status: number | null, text: string): SubgraphResult {
  let response: unknown
  try {
    response = JSON.parse(text)
  } catch (cause) {
    return failedResult(subgraph, { reason: 'NOT_GRAPHQL', status, cause })
  }
  return readResult(subgraph, status, response)
}

/** Reads a response that is already parsed. */
export function readResult(subgraph: string, status: number | null, response: unknown): SubgraphResult {
  if (!isObject(response)) return failedResult(subgraph, { reason: 'NOT_GRAPHQL', status })
  const result = readMembers(subgraph, status, response)
  const { extensions } = response
  if (isObject(extensions) && extensions['ftv1'] !== undefined) result.ftv1 = extensions['ftv1']
  return result
}

function readMembers(
  subgraph: string,
  status: number | null,
  { data, errors }: Readonly<Record<string, unknown>>,
): SubgraphResult {
  const isEmpty = errors === undefined || errors === null || (Array.isArray(errors) && errors.length === 0)
  const hasErrors = !isEmpty && Array.isArray(errors) && errors.every(isError)
  if (isObject(data) && !isEmpty && !hasErrors) {
    const valid = Array.isArray(errors) ? errors.filter(isError).map(readError) : []
    return { data, errors: [...valid, invalidResponse(subgraph, 'returned invalid errors')] }
  }
  if (isObject(data)) return { data, ...(hasErrors && { errors: errors.map(readError) }) }
  if (hasErrors && (data === null || data === undefined)) {
    return { data: null, errors: errors.map(readError) }
  }
  return failedResult(subgraph, { reason: 'NOT_GRAPHQL', status })
}

/** Reads an error. Some servers, including mercurius, write list indexes in a path as text. */
function readError({ message, path, extensions }: SubgraphError): SubgraphError {
  const steps = path?.map((step) => (/^\d+$/.test(String(step)) ? Number(step) : step))
  return { message, ...(steps && { path: steps }), ...(extensions && { extensions }) }
}

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isError = (value: unknown): value is SubgraphError =>
  isObject(value) &&
  typeof value['message'] === 'string' &&
  (value['path'] === undefined || value['path'] === null || Array.isArray(value['path']))
