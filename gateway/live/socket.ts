// One client's WebSocket: sends messages of graphql-transport-ws, and measures what is buffered.

import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import type { Batch } from './batch.ts'
import { behindBytes } from './subscriber.ts'

/** Close code for a client that is too slow, or whose position is no longer kept. */
export const tooFarBehind = 4413

/** The text before the response in each `next` message of operation `id`. */
export const nextHead = (id: string): string => `{"id":${JSON.stringify(id)},"type":"next","payload":`

export class ClientSocket {
  readonly #socket: WebSocket
  readonly #stream: Duplex
  readonly #backlogBytesMax: number

  /** `stream` is the stream that `socket` writes to. */
  constructor(socket: WebSocket, stream: Duplex, backlogBytesMax: number) {
    this.#socket = socket
    this.#stream = stream
    this.#backlogBytesMax = backlogBytesMax
  }

  get isOpen(): boolean {
    return this.#socket.readyState === this.#socket.OPEN
  }

  /** Bytes buffered for the client. */
  get bufferedBytes(): number {
    return this.#stream.writableLength
  }

  get isBehind(): boolean {
    return this.bufferedBytes > behindBytes
  }

  /** Sends a message, given as JSON text. */
  send(message: string): void {
    if (this.isOpen) this.#socket.send(message)
  }

  /**
   * Sends one `next` message for each event of `batch`.
   *
   * The frames go straight to the stream in one write, which takes half the time of one call to the library
   * for each. No frame of the library can come in between: without compression, it also writes whole frames
   * at once. A client that sends requests and does not read the responses is disconnected, so the memory for
   * each is bounded.
   */
  sendNext(head: string, batch: Batch): void {
    if (!this.isOpen) return
    if (this.#stream.writableLength > this.#backlogBytesMax) return this.close(tooFarBehind, 'BEHIND')
    this.#stream.write(batch.bytesFor(head, framesOf(head)))
  }

  /** Resolves when everything sent so far has left the hub, or the client is gone. */
  flushed(): Promise<void> {
    // An unsolicited pong is allowed (RFC 6455, 5.5.3). It is written after everything sent so far.
    return new Promise((resolve) => {
      if (this.isOpen) this.#socket.pong(undefined, false, () => resolve())
      else resolve()
    })
  }

  /** Closes with a code and a reason, which is cut to the 123 bytes that a close frame takes. */
  close(code: number, reason: string): void {
    this.#socket.close(
      code,
      Buffer.from(reason)
        .subarray(0, 123)
        .toString()
        .replace(/\uFFFD{1,3}$/, ''),
    )
  }
}

/** Frames each event as one text message (RFC 6455, 5.2). */
const framesOf =
  (head: string) =>
  ({ events }: Batch): Buffer => {
    const headBytes = Buffer.byteLength(head)
    let total = 0
    for (const { value } of events) total += frameBytes(headBytes + value.length + 1)
    const frames = Buffer.allocUnsafe(total)
    let at = 0
    for (const { value } of events) {
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
