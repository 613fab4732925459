// Queries and mutations over HTTP.

import { textOf, type Document } from './graphql.ts'

/** What the hub refused or could not do. */
export class ApiError extends Error {
  /** A code of the reference page, or OFFLINE when the hub could not be reached. */
  readonly code: string
  readonly requestId: string | null

  constructor(code: string, message: string, requestId: string | null = null) {
    super(message)
    this.name = 'ApiError'
    this.code = code
    this.requestId = requestId
  }
}

interface Answer<Data> {
  readonly data?: Data | null
  readonly errors?: readonly {
    readonly message: string
    readonly extensions?: { readonly code?: string; readonly requestId?: string }
  }[]
}

export interface Sent {
  readonly query: string
  readonly variables: Record<string, unknown>
}

/** Sends one operation with `key`. Throws ApiError, also when a part of the data failed. */
export async function request<Data, Variables>(
  key: string,
  document: Document<Data, Variables>,
  variables: Variables,
  signal?: AbortSignal,
): Promise<Data> {
  const answer = await send<Data>(
    key,
    { query: textOf(document), variables: variables as Sent['variables'] },
    signal,
  )
  const error = answer.errors?.[0]
  if (error) {
    const { code = 'INTERNAL_SERVER_ERROR', requestId = null } = error.extensions ?? {}
    throw new ApiError(code, error.message, requestId)
  }
  return answer.data as Data
}

async function send<Data>(key: string, body: Sent, signal?: AbortSignal): Promise<Answer<Data>> {
  let response: Response
  try {
    response = await fetch('/graphql', {
      method: 'POST',
      headers: {
        authorization: `Bearer ${key}`,
        'content-type': 'application/json',
        accept: 'application/json',
      },
      body: JSON.stringify(body),
      credentials: 'omit',
      ...(signal && { signal }),
    })
    return (await response.json()) as Answer<Data>
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === 'AbortError') throw cause
    throw new ApiError('OFFLINE', cause instanceof Error ? cause.message : String(cause))
  }
}
