// A reader of server-sent events that gives them unchanged, and can stop reading.

import { request, type IncomingMessage } from 'node:http'
import { once } from 'node:events'

export interface SseEvent {
  readonly event: string
  readonly id: string | null
  readonly data: string
}

export interface SseOptions {
  readonly key: string
  readonly headers?: Record<string, string>
  /** Query string: by GET when it holds the document, else by POST. */
  readonly search?: string
  readonly variables?: object
}

export class SseReader {
  /** Comments so far. */
  comments = 0
  /** Whether the hub has sent `complete`. */
  completed = false
  /** Ids so far, of events and alone. */
  readonly ids: string[] = []
  /** Resolves when the stream has ended. */
  readonly ended: Promise<void>
  readonly #response: IncomingMessage
  readonly #received: SseEvent[] = []
  readonly #waiting: ((event: SseEvent) => void)[] = []
  readonly #watching = new Set<() => void>()

  private constructor(response: IncomingMessage) {
    this.#response = response
    this.ended = new Promise((resolve) => response.once('close', resolve))
    let text = ''
    response.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
      const blocks = text.split('\n\n')
      text = blocks.pop()!
      for (const block of blocks) this.#take(block)
      for (const check of this.#watching) check()
    })
    response.on('error', () => {})
  }

  static async open(url: string, query: string, options: SseOptions): Promise<SseReader> {
    const response = await send(url, query, options)
    if (response.statusCode !== 200) throw new Error(`the hub responded ${response.statusCode}`)
    return new SseReader(response)
  }

  static async status(url: string, query: string, key: string): Promise<number> {
    const response = await send(url, query, { key })
    response.destroy()
    return response.statusCode!
  }

  /** The next event. */
  receive(): Promise<SseEvent> {
    const event = this.#received.shift()
    return event ? Promise.resolve(event) : new Promise((resolve) => this.#waiting.push(resolve))
  }

  /** Resolves after the next heartbeat: then the hub has run every earlier operation. */
  async settled(): Promise<void> {
    const { comments } = this
    await this.#until(() => this.comments > comments)
  }

  /** Resolves when the last id is this one. */
  idIs(id: string): Promise<void> {
    return this.#until(() => this.ids.at(-1) === id)
  }

  pause(): void {
    this.#response.pause()
  }

  resume(): void {
    this.#response.resume()
  }

  async leave(): Promise<void> {
    this.#response.destroy()
    await this.ended
  }

  #until(claim: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = (): void => {
        if (!claim()) return
        this.#watching.delete(check)
        resolve()
      }
      this.#watching.add(check)
      check()
    })
  }

  #take(block: string): void {
    const fields = new Map<string, string>()
    for (const line of block.split('\n')) {
      const at = line.indexOf(':')
      if (at === 0) this.comments++
      else fields.set(line.slice(0, at), line.slice(at + 1).trimStart())
    }
    const id = fields.get('id') ?? null
    if (id !== null) this.ids.push(id)
    const event = fields.get('event')
    if (event === undefined) return
    if (event === 'complete') this.completed = true
    const received = { event, id, data: fields.get('data') ?? '' }
    const waiting = this.#waiting.shift()
    if (waiting) waiting(received)
    else this.#received.push(received)
  }
}

async function send(url: string, query: string, options: SseOptions): Promise<IncomingMessage> {
  const { key, headers = {}, search = '', variables } = options
  const isGet = search.includes('query=')
  const sent = request(`${url}/graphql${search}`, {
    method: isGet ? 'GET' : 'POST',
    headers: {
      authorization: `Bearer ${key}`,
      accept: 'text/event-stream',
      ...(!isGet && { 'content-type': 'application/json' }),
      ...headers,
    },
  })
  sent.end(isGet ? undefined : JSON.stringify({ query, variables }))
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  return response
}
