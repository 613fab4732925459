// A WebSocket that says exactly what a test wants, right or wrong, and keeps what it hears.

import { once } from 'node:events'
import WebSocket from 'ws'

export interface Message {
  readonly id?: string
  readonly type: string
  readonly payload?: unknown
}

export class RawClient {
  readonly socket: WebSocket
  readonly #heard: Message[] = []
  readonly #waiting: ((message: Message) => void)[] = []
  /** Code and reason of the close, once it came. */
  readonly closed: Promise<{ code: number; reason: string }>

  constructor(url: string, options: { protocols?: string[]; headers?: Record<string, string> } = {}) {
    const { protocols = ['graphql-transport-ws'], headers = {} } = options
    this.socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, protocols, { headers })
    this.socket.on('message', (data: Buffer) => {
      const message = JSON.parse(data.toString()) as Message
      const waiting = this.#waiting.shift()
      if (waiting) waiting(message)
      else this.#heard.push(message)
    })
    this.closed = new Promise((resolve) => {
      this.socket.on('close', (code, reason) => resolve({ code, reason: String(reason) }))
    })
  }

  /** A client that has said who it is. */
  static async as(url: string, key: string, more: Record<string, unknown> = {}): Promise<RawClient> {
    const client = new RawClient(url)
    await client.say({ type: 'connection_init', payload: { authorization: `Bearer ${key}`, ...more } })
    const { type } = await client.hear()
    if (type !== 'connection_ack') throw new Error(`expected connection_ack, heard ${type}`)
    return client
  }

  /** Sends a message; text and bytes go as they are. */
  async say(message: object | string): Promise<void> {
    if (this.socket.readyState === WebSocket.CONNECTING) await once(this.socket, 'open')
    const isRaw = typeof message === 'string' || Buffer.isBuffer(message)
    this.socket.send(isRaw ? message : JSON.stringify(message))
  }

  subscribe(id: string, query: string, variables?: Record<string, unknown>): Promise<void> {
    return this.say({ id, type: 'subscribe', payload: { query, variables } })
  }

  /** What was heard and not yet taken, as it comes. */
  get heard(): readonly Message[] {
    return this.#heard
  }

  /** The next message. */
  hear(): Promise<Message> {
    const message = this.#heard.shift()
    if (message) return Promise.resolve(message)
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  /** Everything heard and not yet taken. Asks for a pong first, so that all that was sent before has come. */
  async rest(): Promise<Message[]> {
    await this.say({ type: 'ping' })
    const all: Message[] = []
    for (;;) {
      const message = await this.hear()
      if (message.type === 'pong') return all
      all.push(message)
    }
  }

  async close(): Promise<void> {
    this.socket.close()
    await this.closed
  }
}
