// The direct way to /graphql: requests that could go the short way are read from their connection and
// answered on it, because Node’s HTTP server takes longer than most operations. What arrives in another form,
// in parts or before the previous answer goes to Node’s server, which has the connection from then on.

import { STATUS_CODES, type IncomingHttpHeaders, type Server } from 'node:http'
import type { Socket } from 'node:net'
import { tracing } from '../../subgraphs/platform/tracing.ts'
import { HttpError } from '../protocol/http-error.ts'
import { readHead } from '../protocol/request-head.ts'
import { refuseStream } from './refusals.ts'
import { canGoShort, ShortRequest, type ShortWayOptions } from './short-way.ts'

export interface DirectWay {
  /** Closes the connections that wait for a request. The others close after their answer. */
  close(): void
}

interface DirectWayOptions extends ShortWayOptions {
  /** Gives a connection to Node’s server. */
  readonly passOn: (socket: Socket) => void
  /** For which a connection without a request stays open. */
  readonly idleMs: () => number
}

/** Takes the connections of Node’s server; `passedOn` is called for each that goes back to it. */
export function openDirectWay(
  server: Server,
  shortWay: ShortWayOptions,
  passedOn: (socket: Socket) => void,
): DirectWay {
  // The first listener is that of Node; those after it count connections.
  const [node] = server.listeners('connection') as [(socket: Socket) => void]
  server.removeListener('connection', node)
  const passOn = (socket: Socket): void => {
    node.call(server, socket)
    passedOn(socket)
  }
  const options = { ...shortWay, passOn, idleMs: () => server.keepAliveTimeout }
  const open = new Set<Connection>()
  server.on('connection', (socket: Socket) => {
    if (socket.destroyed) return
    const connection = new Connection(options, socket, () => open.delete(connection))
    open.add(connection)
  })
  return {
    close() {
      for (const connection of open) connection.closeIfIdle()
    },
  }
}

const requestLine = 'POST /graphql HTTP/1.1\r\n'
/** Of a head. Node refuses what is longer than 16 KB. */
const headBytesMax = 8 * 1024

interface Head {
  readonly text: string
  readonly headers: IncomingHttpHeaders
  readonly length: number
}

class Connection {
  readonly #options: DirectWayOptions
  readonly #socket: Socket
  readonly #closed: () => void
  /** The last head that was read: most clients send the same again. */
  #head: Head | null = null
  /** What came while an operation ran. */
  #next: Buffer | null = null
  #isBusy = false
  #hasAnswered = false
  #leave: (() => void) | null = null

  constructor(options: DirectWayOptions, socket: Socket, closed: () => void) {
    this.#options = options
    this.#socket = socket
    this.#closed = closed
    for (const [event, listener] of this.#listeners) socket.on(event, listener)
    socket.setTimeout(options.config.RECEIVE_TIMEOUT_MS)
  }

  closeIfIdle(): void {
    if (!this.#isBusy) this.#socket.destroy()
  }

  onGone(leave: () => void): void {
    this.#leave = leave
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#isBusy) {
      this.#next = chunk
      this.#socket.pause()
      return
    }
    const headEnd = tracing ? -1 : chunk.indexOf('\r\n\r\n')
    const head =
      headEnd < 0 || headEnd > headBytesMax ? null : this.#read(chunk.toString('latin1', 0, headEnd + 4))
    if (!head || chunk.length !== head.text.length + head.length) return this.#passOn(chunk)
    this.#isBusy = true
    const request = new DirectRequest(this.#options, head.headers, this.#socket, this)
    request.run(chunk.toString('utf8', head.text.length))
  }

  #read(text: string): Head | null {
    if (this.#head?.text === text) return this.#head
    const head = readHead(text, requestLine)
    this.#head =
      head && canGoShort(head.headers, this.#options.config.BODY_BYTES_MAX) ? { ...head, text } : null
    return this.#head
  }

  #passOn(chunk: Buffer): void {
    const socket = this.#socket
    for (const [event, listener] of this.#listeners) socket.off(event, listener)
    this.#closed()
    socket.setTimeout(0)
    socket.unshift(chunk)
    this.#options.passOn(socket)
    socket.resume()
  }

  /** Sends an answer. The next request is not read before the client has taken it. */
  answer(head: string, body: Buffer, isLast: boolean): void {
    const socket = this.#socket
    this.#isBusy = false
    this.#leave = null
    if (!socket.writable) return
    const idleMs = this.#options.idleMs()
    const connection = isLast ? 'close' : `keep-alive\r\nkeep-alive: timeout=${Math.floor(idleMs / 1000)}`
    const start = `${head}connection: ${connection}\r\ncontent-length: ${body.length}\r\n\r\n`
    const bytes = Buffer.allocUnsafe(start.length + body.length)
    bytes.write(start, 'latin1')
    body.copy(bytes, start.length)
    socket.write(bytes)
    if (isLast) return void socket.end()
    if (!this.#hasAnswered) socket.setTimeout(idleMs)
    this.#hasAnswered = true
    if (socket.writableNeedDrain) socket.pause()
    else this.#onDrain()
  }

  readonly #onDrain = (): void => {
    const chunk = this.#next
    this.#next = null
    if (chunk) this.#onData(chunk)
    else if (!this.#isBusy) this.#socket.resume()
  }

  readonly #onTimeout = (): void => {
    if (this.#isBusy) return
    const socket = this.#socket
    const { bytesRead } = socket
    // A blocked process first reads what has arrived meanwhile: it comes between a timer and an immediate.
    setImmediate(() => {
      if (socket.bytesRead !== bytesRead) return
      if (this.#hasAnswered) socket.destroy()
      else refuseStream(socket, new HttpError('REQUEST_TIMEOUT'))
    })
  }

  readonly #onClose = (): void => {
    this.#closed()
    this.#leave?.()
  }

  readonly #listeners: readonly (readonly [string, (chunk: Buffer) => void])[] = [
    ['data', this.#onData],
    ['drain', this.#onDrain],
    ['timeout', this.#onTimeout],
    ['end', () => void this.#socket.end()],
    // `close` follows.
    ['error', () => {}],
    ['close', this.#onClose],
  ]
}

class DirectRequest extends ShortRequest {
  readonly #connection: Connection
  readonly response = null

  constructor(
    options: ShortWayOptions,
    headers: IncomingHttpHeaders,
    socket: Socket,
    connection: Connection,
  ) {
    super(options, headers, socket)
    this.#connection = connection
  }

  onGone(leave: () => void): void {
    this.#connection.onGone(leave)
  }

  protected write(status: number, headers: readonly string[], body: Buffer, isLast: boolean): void {
    let head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\ndate: ${dateNow()}\r\n`
    for (let n = 0; n < headers.length; n += 2) head += `${headers[n]}: ${headers[n + 1]}\r\n`
    this.#connection.answer(head, body, isLast)
  }
}

let dateSecond = 0
let dateText = ''

/** The date of an answer, which is made once a second. */
function dateNow(): string {
  const second = Math.floor(Date.now() / 1000)
  if (second !== dateSecond) {
    dateSecond = second
    dateText = new Date(second * 1000).toUTCString()
  }
  return dateText
}
