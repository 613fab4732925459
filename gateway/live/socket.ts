// One client's WebSocket: messages of graphql-transport-ws out, and how much of them still waits. It knows no operation.

import type { WebSocket } from 'ws'

/** Waiting bytes from which on a reader counts as behind: far less than what ends it. */
const behindBytes = 16_384

const asText = { binary: false } as const
const tail = Buffer.from('}')

/** What goes before an answer in a `next` message. Made once per operation, because it goes before every one. */
export const nextPrefix = (id: string): Buffer =>
  Buffer.from(`{"id":${JSON.stringify(id)},"type":"next","payload":`)

export class ClientSocket {
  readonly #socket: WebSocket
  readonly #backlogBytesMax: number

  constructor(socket: WebSocket, backlogBytesMax: number) {
    this.#socket = socket
    this.#backlogBytesMax = backlogBytesMax
  }

  /** Sends a message, given as JSON text. */
  send(message: string): void {
    if (this.isOpen) this.#socket.send(message)
  }

  /** Sends a `next` message. A client for whom too much waits already is let go: memory is bounded for each. */
  sendNext(prefix: Buffer, answer: Buffer): void {
    if (!this.isOpen) return
    if (this.#socket.bufferedAmount > this.#backlogBytesMax) return this.#letGo()
    this.#socket.send(Buffer.concat([prefix, answer, tail]), asText)
  }

  get isOpen(): boolean {
    return this.#socket.readyState === this.#socket.OPEN
  }

  get isBehind(): boolean {
    return this.#socket.bufferedAmount > behindBytes
  }

  /** Resolves when all that was sent has left the hub, or the client is gone. */
  flushed(): Promise<void> {
    // A pong that nobody asked for is allowed (RFC 6455, 5.5.3). It is written after all that was sent before.
    return new Promise((resolve) => {
      if (this.isOpen) this.#socket.pong(undefined, false, () => resolve())
      else resolve()
    })
  }

  /** Closes with a code and a reason of at most 123 bytes, as a close frame takes. */
  close(code: number, reason: string): void {
    this.#socket.close(
      code,
      Buffer.from(reason)
        .subarray(0, 123)
        .toString()
        .replace(/\uFFFD+$/, ''),
    )
  }

  // The close message has to wait behind the backlog, so a client that takes nothing at all is cut off soon after.
  #letGo(): void {
    this.close(1013, 'BACKLOG_FULL')
    setTimeout(() => this.#socket.terminate(), 1_000).unref()
  }
}
