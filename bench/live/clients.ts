// Many subscribers in one process, cheap enough not to be what is measured: they read frames off plain sockets and look at
// nothing but the time in each event. `fork('clients.ts')`, told what to do by its parent.

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { quantile } from '../measure.ts'
import { document, nowMs } from './world.ts'

export type Order =
  | {
      readonly do: 'open'
      readonly url: string
      readonly count: number
      readonly variables?: Record<string, unknown>
      readonly document?: string
    }
  /** The first `count` of them read no more. */
  | { readonly do: 'stall'; readonly count: number }
  | { readonly do: 'reset' }
  | { readonly do: 'report' }
  | { readonly do: 'close' }

export interface Report {
  /** Events that came since the reset. */
  readonly events: number
  /** Clients to whom any has ever come. */
  readonly reached: number
  readonly p50: number
  readonly p99: number
}

const sockets: Client[] = []
const latencies: number[] = []
let events = 0
/** The parent is told each time so many more have come. */
let step = 0

class Client {
  readonly socket: Socket
  isStalled = false
  hasHeard = false
  #rest: Buffer = Buffer.alloc(0)

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (data) => this.#read(data))
    socket.on('error', () => {})
  }

  static async open(url: string, query: string, variables: Record<string, unknown>): Promise<Client> {
    const { hostname, port } = new URL(url)
    const socket = connect(Number(port), hostname)
    await once(socket, 'connect')
    socket.write(
      'GET /graphql HTTP/1.1\r\nHost: bench\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n' +
        'Sec-WebSocket-Protocol: graphql-transport-ws\r\nAuthorization: Bearer bench\r\n\r\n',
    )
    await reads(socket, '101')
    socket.write(frame({ type: 'connection_init', payload: {} }))
    await reads(socket, 'connection_ack')
    const client = new Client(socket)
    socket.write(frame({ id: '1', type: 'subscribe', payload: { query, variables } }))
    return client
  }

  #read(data: Buffer): void {
    let buffer = this.#rest.length > 0 ? Buffer.concat([this.#rest, data]) : data
    const now = nowMs()
    for (;;) {
      if (buffer.length < 4) break
      const short = buffer[1]! & 127
      const head = short < 126 ? 2 : short === 126 ? 4 : 10
      if (buffer.length < head) break
      const length =
        short < 126 ? short : short === 126 ? buffer.readUInt16BE(2) : Number(buffer.readBigUInt64BE(2))
      if (buffer.length < head + length) break
      if (buffer[0] === 0x81) this.#event(buffer.subarray(head, head + length), now)
      buffer = buffer.subarray(head + length)
    }
    this.#rest = buffer
  }

  #event(payload: Buffer, now: number): void {
    const at = payload.indexOf(marker)
    if (at < 0) {
      if (payload.indexOf('"type":"next"') < 0) return
    } else if (!this.isStalled) {
      latencies.push(
        now - Number.parseFloat(payload.toString('latin1', at + marker.length, at + marker.length + 20)),
      )
    }
    events++
    this.hasHeard = true
    if (step > 0 && events % step === 0) process.send!({ events })
  }
}

const marker = '"sentAt":'

/** A masked text frame, as a client has to send it (RFC 6455, 5.3); the mask is zero. */
function frame(message: object): Buffer {
  const payload = Buffer.from(JSON.stringify(message))
  const head = Buffer.alloc(payload.length < 126 ? 6 : 8)
  head[0] = 0x81
  if (payload.length < 126) head[1] = 0x80 | payload.length
  else {
    head[1] = 0x80 | 126
    head.writeUInt16BE(payload.length, 2)
  }
  return Buffer.concat([head, payload])
}

async function reads(socket: Socket, text: string): Promise<void> {
  let got = ''
  while (!got.includes(text)) {
    const [data] = (await once(socket, 'data')) as [Buffer]
    got += data.toString('latin1')
  }
}

process.on('message', async (order: Order) => {
  switch (order.do) {
    case 'open': {
      const { url, count, variables = {} } = order
      for (let n = 0; n < count; n += 50) {
        const some = Array.from({ length: Math.min(50, count - n) }, () =>
          Client.open(url, order.document ?? document, variables),
        )
        sockets.push(...(await Promise.all(some)))
      }
      step = count
      break
    }
    case 'stall':
      for (const client of sockets.slice(0, order.count)) {
        client.isStalled = true
        client.socket.pause()
      }
      break
    case 'reset':
      latencies.length = 0
      events = 0
      break
    case 'report':
      break
    case 'close':
      for (const { socket } of sockets) socket.destroy()
      sockets.length = 0
      break
  }
  process.send!({
    done: order.do,
    report: {
      events,
      reached: sockets.filter(({ hasHeard }) => hasHeard).length,
      p50: quantile(latencies, 0.5),
      p99: quantile(latencies, 0.99),
    },
  })
})
process.once('disconnect', () => process.exit(0))
