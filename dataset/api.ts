// A minimal client of the public API, with persistent connections and one request at a time on each.

import { Pool } from 'undici'

const timeoutMs = 10_000

export interface Api {
  /**
   * Returns the response's `data`. Throws when the hub is down, returns an error, or takes more than 10 s.
   */
  request<Data>(key: string, query: string, variables: Readonly<Record<string, unknown>>): Promise<Data>
  /** Closes the connections after their pending requests. */
  close(): Promise<void>
}

/** `url` is the URL of the GraphQL endpoint. */
export function openApi(url: string, connections: number): Api {
  const { origin, pathname } = new URL(url)
  const pool = new Pool(origin, { connections, headersTimeout: timeoutMs, bodyTimeout: timeoutMs })
  return {
    async request<Data>(key: string, query: string, variables: Readonly<Record<string, unknown>>) {
      const { statusCode, body } = await pool.request({
        path: pathname,
        method: 'POST',
        headers: {
          authorization: `Bearer ${key}`,
          'content-type': 'application/json',
          accept: 'application/graphql-response+json',
        },
        body: JSON.stringify({ query, variables }),
      })
      const text = await body.text()
      const response = readResponse<Data>(text)
      if (!response?.data || response.errors) {
        throw new Error(
          `the hub returned status ${statusCode}: ${response?.errors?.[0]?.message ?? text.slice(0, 200)}`,
        )
      }
      return response.data
    },
    close: () => pool.close(),
  }
}

interface Response<Data> {
  readonly data?: Data | null
  readonly errors?: readonly { readonly message: string }[]
}

function readResponse<Data>(text: string): Response<Data> | null {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
