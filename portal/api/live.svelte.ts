// Subscriptions over one WebSocket for each key. A stream of events stores the cursor of its last event and
// resumes there after a break.

import { createClient, type Client } from 'graphql-ws'
import { textOf, type Document } from './graphql.ts'

const retryMinMs = 300
const retryMaxMs = 5_000

interface Connection {
  readonly client: Client
  isOpen: boolean
}

const connections = new Map<string, Connection>()

function connectionOf(key: string): Connection {
  let connection = connections.get(key)
  if (!connection) {
    const client = createClient({
      url: `${location.origin.replace(/^http/, 'ws')}/graphql`,
      connectionParams: { authorization: `Bearer ${key}` },
      lazyCloseTimeout: 2_000,
      // A stream resumes with its own cursor, so the library never subscribes again.
      retryAttempts: 0,
    })
    const opened: Connection = { client, isOpen: false }
    client.on('connected', () => (opened.isOpen = true))
    client.on('closed', () => (opened.isOpen = false))
    connections.set(key, (connection = opened))
  }
  return connection
}

/** Where a stream is. */
export interface StreamState {
  phase: 'connecting' | 'live' | 'broken' | 'refused'
  /** Interruptions so far. */
  breaks: number
  /** The last event before the last interruption, and the events that were missing until the present. */
  resumed: { readonly after: string; readonly cursor: string; readonly at: Date } | null
  /** A message for `refused`. */
  error: string | null
}

interface Positioned {
  readonly cursor: string
  readonly at: string
}

export interface Follow<Data, Variables> {
  readonly key: string
  readonly document: Document<Data, Variables>
  /** The variables to subscribe with after a cursor; at first null. */
  readonly variables: (after: string | null) => Variables
  readonly event: (data: Data) => void
  /** The position of an event; null for a stream that starts again with the present state. */
  readonly position?: (data: Data) => Positioned
  /** True ends the stream after a result that completes it; otherwise it subscribes again. */
  readonly ends?: boolean
}

/** A stream that subscribes at once, and again after each interruption, until it is closed. */
export class Stream<Data, Variables> {
  state = $state<StreamState>({ phase: 'connecting', breaks: 0, resumed: null, error: null })
  #last: Positioned | null = null
  #closed = false
  #failures = 0
  #timer: ReturnType<typeof setTimeout> | undefined
  #stop: () => void = () => {}
  readonly #options: Follow<Data, Variables>

  constructor(options: Follow<Data, Variables>) {
    this.#options = options
    this.#subscribe()
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#stop()
  }

  #subscribe(): void {
    const { key, document, variables, event, position, ends } = this.#options
    const { client, isOpen } = connectionOf(key)
    // The socket of the page before is still open, and does not connect again.
    if (isOpen && this.state.phase === 'connecting') this.state.phase = 'live'
    const stopOpened = client.on('connected', () => this.#connected())
    const payload = {
      query: textOf(document),
      variables: variables(this.#last?.cursor ?? null) as Record<string, unknown>,
    }
    const stopStream = client.subscribe<Data>(payload, {
      next: ({ data, errors }) => {
        if (errors?.length) return this.#refused(errors[0]!.message)
        this.#connected()
        if (position && data) this.#last = position(data)
        if (data) event(data)
      },
      error: (cause) => {
        stopOpened()
        this.#interrupted(cause)
      },
      complete: () => {
        stopOpened()
        if (!ends) this.#interrupted(null)
      },
    })
    this.#stop = () => {
      stopOpened()
      stopStream()
    }
  }

  #connected(): void {
    this.#failures = 0
    if (this.state.phase === 'live') return
    if (this.state.breaks > 0 && this.#last) {
      this.state.resumed = { after: this.#last.at, cursor: this.#last.cursor, at: new Date() }
    }
    this.state.phase = 'live'
  }

  #refused(message: string): void {
    this.state.phase = 'refused'
    this.state.error = message
    this.close()
  }

  #interrupted(cause: unknown): void {
    if (this.#closed) return
    if (Array.isArray(cause)) return this.#refused((cause[0] as Error).message)
    // 4403: the key is not accepted.
    if (cause instanceof CloseEvent && cause.code === 4403) return this.#refused(cause.reason)
    if (this.state.phase === 'live') this.state.breaks += 1
    this.state.phase = 'broken'
    const delay = Math.min(retryMaxMs, retryMinMs * 2 ** this.#failures++) * (0.5 + Math.random() / 2)
    this.#timer = setTimeout(() => this.#subscribe(), delay)
  }
}
