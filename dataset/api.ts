// A client of the public API, as small as one can be: connections that stay open, one question at a time on each.

import { Pool } from 'undici'

const timeoutMs = 10_000

export interface Api {
  /** The answer's `data`. Throws when the hub cannot be reached, answers with an error, or takes over 10 s. */
  ask<Data>(key: string, query: string, variables: Readonly<Record<string, unknown>>): Promise<Data>
  /** Waits for what is under way. */
  close(): Promise<void>
}

/** `url` is that of the GraphQL endpoint. */
export function openApi(url: string, connections: number): Api {
  const { origin, pathname } = new URL(url)
  const pool = new Pool(origin, { connections, headersTimeout: timeoutMs, bodyTimeout: timeoutMs })
  return {
    async ask<Data>(key: string, query: string, variables: Readonly<Record<string, unknown>>) {
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
      const answer = readAnswer<Data>(text)
      if (!answer?.data || answer.errors) {
        throw new Error(
          `the hub answered ${statusCode}: ${answer?.errors?.[0]?.message ?? text.slice(0, 200)}`,
        )
      }
      return answer.data
    },
    close: () => pool.close(),
  }
}

interface Answer<Data> {
  readonly data?: Data | null
  readonly errors?: readonly { readonly message: string }[]
}

function readAnswer<Data>(text: string): Answer<Data> | null {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
