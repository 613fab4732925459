// A WebSocket that sends exactly what a test gives it, right or wrong, and keeps what it receives.

import { once } from 'node:events'
import WebSocket from 'ws'

export interface Message {
  readonly id?: string
  readonly type: string
  readonly payload?: unknown
}

export class RawClient {
  readonly socket: WebSocket
  readonly #received: Message[] = []
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
      else this.#received.push(message)
    })
    this.closed = new Promise((resolve) => {
      this.socket.on('close', (code, reason) => resolve({ code, reason: String(reason) }))
    })
  }

  /** A client that is authenticated with `key`. */
  static async as(url: string, key: string, more: Record<string, unknown> = {}): Promise<RawClient> {
    const client = new RawClient(url)
    await client.send({ type: 'connection_init', payload: { authorization: `Bearer ${key}`, ...more } })
    const { type } = await client.receive()
    if (type !== 'connection_ack') throw new Error(`expected connection_ack, received ${type}`)
    return client
  }

  /** Sends a message; text and bytes go as they are. */
  async send(message: object | string): Promise<void> {
    if (this.socket.readyState === WebSocket.CONNECTING) await once(this.socket, 'open')
    const isRaw = typeof message === 'string' || Buffer.isBuffer(message)
    this.socket.send(isRaw ? message : JSON.stringify(message))
  }

  subscribe(id: string, query: string, variables?: Record<string, unknown>): Promise<void> {
    return this.send({ id, type: 'subscribe', payload: { query, variables } })
  }

  /** Messages that arrived and were not taken yet, as they come. */
  get received(): readonly Message[] {
    return this.#received
  }

  /** The next message. */
  receive(): Promise<Message> {
    const message = this.#received.shift()
    if (message) return Promise.resolve(message)
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  /** All messages that were not taken yet, after a pong: everything that the hub sent before has arrived. */
  async drain(): Promise<Message[]> {
    await this.send({ type: 'ping' })
    const all: Message[] = []
    for (;;) {
      const message = await this.receive()
      if (message.type === 'pong') return all
      all.push(message)
    }
  }

  async close(): Promise<void> {
    this.socket.close()
    await this.closed
  }
}
