// A client of a whole hub, over real HTTP and WebSocket, that sends the documents of schema/operations as
// they are.

import { createClient, type Client } from 'graphql-ws'
import WebSocket from 'ws'
import { textOf } from './operations.ts'

export interface Answer {
  // Answers are as deep as their documents; a test states what it expects of them.
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly data?: any
  readonly errors?: readonly { readonly message: string; readonly extensions?: { readonly code?: string } }[]
}

export class HubClient {
  readonly #url: string
  readonly #key: string
  #webSocket: Client | null = null

  constructor(url: string, key: string) {
    this.#url = `${url}/graphql`
    this.#key = key
  }

  /** Sends the operation `name` over HTTP. */
  async ask(
    name: string,
    variables: Record<string, unknown> = {},
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    return this.query(textOf(name), variables, headers)
  }

  /** Sends any document over HTTP. */
  async query(
    query: string,
    variables: Record<string, unknown> = {},
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const response = await fetch(this.#url, {
      method: 'POST',
      headers: { authorization: `Bearer ${this.#key}`, 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ query, variables }),
    })
    return (await response.json()) as Answer
  }

  /** Sends any document over WebSocket. */
  followText(query: string): AsyncIterableIterator<Answer> {
    return this.#connect().iterate({ query }) as AsyncIterableIterator<Answer>
  }

  /** Sends the operation `name` over WebSocket: one answer, or as many as a subscription gives. */
  follow(name: string, variables: Record<string, unknown> = {}): AsyncIterableIterator<Answer> {
    return this.#connect().iterate({ query: textOf(name), variables }) as AsyncIterableIterator<Answer>
  }

  /**
   * Opens a subscription as an event stream; its first event or error. One that may be quiet gives nothing
   * when none has come before the answer to a later request.
   */
  async firstOf(query: string, isQuiet: boolean): Promise<string> {
    const leaving = new AbortController()
    const response = await fetch(this.#url, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${this.#key}`,
        'content-type': 'application/json',
        accept: 'text/event-stream',
      },
      body: JSON.stringify({ query }),
      signal: leaving.signal,
    })
    let text = ''
    const reading = (async () => {
      for await (const bytes of response.body!.pipeThrough(new TextDecoderStream())) {
        text += bytes
        if (text.includes('event: next')) return
      }
    })().catch(() => {})
    await Promise.race([reading, ...(isQuiet ? [this.query('{ viewer { scopes } }')] : [])])
    leaving.abort()
    await reading
    return text
  }

  /** Resolves when the WebSocket is open and acknowledged. */
  async connected(): Promise<void> {
    const { data } = await this.follow('Viewer')
      .next()
      .then(({ value }) => value as Answer)
    if (!data) throw new Error('the hub did not answer over WebSocket')
  }

  #connect(): Client {
    return (this.#webSocket ??= createClient({
      url: this.#url.replace('http', 'ws'),
      webSocketImpl: WebSocket,
      connectionParams: { authorization: `Bearer ${this.#key}` },
      lazyCloseTimeout: 60_000,
      retryAttempts: 0,
    }))
  }

  async close(): Promise<void> {
    await this.#webSocket?.dispose()
  }
}

/** Takes answers until one fits; that one. */
export async function until(
  answers: AsyncIterator<Answer>,
  fits: (answer: Answer) => boolean,
): Promise<Answer> {
  for (;;) {
    const { done, value } = await answers.next()
    if (done) throw new Error('the stream ended before what was waited for')
    if (fits(value)) return value
  }
}
