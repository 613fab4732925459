// One client's WebSocket: messages of graphql-transport-ws out, and how much of them still waits. It knows no operation.

import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import type { Batch } from './batch.ts'

/** Waiting bytes from which on a reader counts as behind. */
export const behindBytes = 16_384

/** The client cannot follow: it has not read for too long, or its place is no longer kept. In the range for applications. */
export const tooFarBehind = 4413

/** What goes before an answer in a `next` message: made once per operation, because it goes before every one. */
export const nextHead = (id: string): string => `{"id":${JSON.stringify(id)},"type":"next","payload":`

export class ClientSocket {
  readonly #socket: WebSocket
  readonly #stream: Duplex
  readonly #backlogBytesMax: number

  /** `stream` is what `socket` writes to. */
  constructor(socket: WebSocket, stream: Duplex, backlogBytesMax: number) {
    this.#socket = socket
    this.#stream = stream
    this.#backlogBytesMax = backlogBytesMax
  }

  /** Sends a message, given as JSON text. */
  send(message: string): void {
    if (this.isOpen) this.#socket.send(message)
  }

  /**
   * Sends a `next` message for each answer. Frames are made here and go straight to the stream, all that is told at one
   * time in one write: sending one at a time through the library takes twice as long. Nothing of the library's can come in
   * between, because without compression it writes whole frames at once too. A client that goes on asking and does not
   * read the answers is let go: memory is bounded for each.
   */
  sendNext(head: string, batch: Batch): void {
    if (!this.isOpen) return
    if (this.#stream.writableLength > this.#backlogBytesMax) return this.close(tooFarBehind, 'BEHIND')
    this.#stream.write(batch.bytesFor(head, framesOf(head)))
  }

  get isOpen(): boolean {
    return this.#socket.readyState === this.#socket.OPEN
  }

  /** Bytes that wait to leave the hub. */
  get waitingBytes(): number {
    return this.#stream.writableLength
  }

  get isBehind(): boolean {
    return this.waitingBytes > behindBytes
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
}

/** A text frame in one piece (RFC 6455, 5.2), for each answer. */
const framesOf =
  (head: string) =>
  ({ answers }: Batch): Buffer => {
    const headBytes = Buffer.byteLength(head)
    let total = 0
    for (const { value } of answers) total += frameBytes(headBytes + value.length + 1)
    const frames = Buffer.allocUnsafe(total)
    let at = 0
    for (const { value } of answers) {
      at = putHeader(frames, at, headBytes + value.length + 1)
      at += frames.write(head, at)
      at += value.copy(frames, at)
      frames[at++] = closingBrace
    }
    return frames
  }

const closingBrace = 0x7d
const finalText = 0x81

const frameBytes = (payload: number): number => payload + (payload < 126 ? 2 : payload < 65_536 ? 4 : 10)

function putHeader(frames: Buffer, at: number, payload: number): number {
  frames[at] = finalText
  if (payload < 126) {
    frames[at + 1] = payload
    return at + 2
  }
  if (payload < 65_536) {
    frames[at + 1] = 126
    return frames.writeUInt16BE(payload, at + 2)
  }
  frames[at + 1] = 127
  return frames.writeBigUInt64BE(BigInt(payload), at + 2)
}
