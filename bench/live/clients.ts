// Many subscribers in one process, with little processor time: they read frames from plain sockets, and of
// each event only its time or the id of its payment. The same process pays, so that one clock measures
// responses and events. The parent starts it by `fork('clients.ts')` and sends it orders.

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { Pool } from 'undici'
import { quantile } from '../measure.ts'
import { document, nowMs } from './world.ts'

export type Order =
  | {
      readonly do: 'open'
      readonly url: string
      readonly count: number
      readonly variables?: Record<string, unknown>
      readonly document?: string
      readonly authorization?: string
    }
  /** Sends a payment every `everyMs`, independent of the responses; done after all responses. */
  | {
      readonly do: 'pay'
      readonly url: string
      readonly payments: readonly Payment[]
      readonly everyMs: number
    }
  /** The first `count` clients stop reading. */
  | { readonly do: 'stall'; readonly count: number }
  | { readonly do: 'reset' }
  | { readonly do: 'count' }
  | { readonly do: 'report' }
  | { readonly do: 'close' }

/** A request whose response contains the id of a payment. */
export interface Payment {
  readonly authorization: string
  readonly body: string
}

export interface Count {
  /** Events received since the reset. */
  readonly events: number
  /** Clients that have received an event. */
  readonly reached: number
}

/** Milliseconds from the creation of an event, or from the response to its payment, until its arrival. */
export interface Report {
  readonly p50: number
  readonly p99: number
  /** Milliseconds from sending a payment until the arrival of its event; NaN without payments. */
  readonly fromSending: { readonly p50: number; readonly p99: number }
}

const sockets: Client[] = []
const latencies: number[] = []
/**
 * By payment: the times of sending, of the response, and of each arrival of its event, which may precede the
 * response.
 */
const paid = new Map<string, { sentAt: number; answeredAt: number; readonly arrivals: number[] }>()
let events = 0
/** The parent receives a message after each `step` events; 0 for none. */
let step = 0

/** All sockets read into this buffer: a buffer for each read would double the cost of a client. */
const incoming = Buffer.alloc(65_536)
const nothing = Buffer.alloc(0)

class Client {
  readonly socket: Socket
  isStalled = false
  hasReceived = false
  #rest: Buffer = nothing
  /** Receives the data until the client is subscribed. */
  #opening: ((data: Buffer) => void) | null = null

  private constructor(port: number, host: string) {
    const callback = (length: number): boolean => {
      const data = incoming.subarray(0, length)
      if (this.#opening) this.#opening(data)
      else this.#read(data)
      return true
    }
    this.socket = connect({ port, host, onread: { buffer: incoming, callback } })
    this.socket.on('error', () => {})
  }

  static async open(
    url: string,
    query: string,
    variables: Record<string, unknown>,
    authorization: string,
  ): Promise<Client> {
    const { hostname, port } = new URL(url)
    const client = new Client(Number(port), hostname)
    const { socket } = client
    await once(socket, 'connect')
    const upgraded = client.#receives('101')
    socket.write(
      'GET /graphql HTTP/1.1\r\nHost: bench\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n' +
        `Sec-WebSocket-Protocol: graphql-transport-ws\r\nAuthorization: ${authorization}\r\n\r\n`,
    )
    await upgraded
    const acknowledged = client.#receives('connection_ack')
    socket.write(frame({ type: 'connection_init', payload: {} }))
    await acknowledged
    socket.write(frame({ id: '1', type: 'subscribe', payload: { query, variables } }))
    return client
  }

  #receives(text: string): Promise<void> {
    let received = ''
    return new Promise((resolve) => {
      this.#opening = (data) => {
        received += data.toString('latin1')
        if (!received.includes(text)) return
        this.#opening = null
        resolve()
      }
    })
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
      else if (buffer[0] === 0x89) this.socket.write(pong)
      buffer = buffer.subarray(head + length)
    }
    this.#rest = buffer.length === 0 ? nothing : Buffer.from(buffer)
  }

  #event(payload: Buffer, now: number): void {
    const madeAt = after(payload, '"sentAt":', 20)
    const id = madeAt === null ? after(payload, '"transaction":{"id":"', 36) : null
    if (id !== null) paymentOf(id).arrivals.push(now)
    else if (madeAt === null) {
      if (payload.indexOf('"type":"next"') < 0) return
    } else if (!this.isStalled) latencies.push(now - Number.parseFloat(madeAt))
    events++
    this.hasReceived = true
    if (step > 0 && events % step === 0) process.send!({ events })
  }
}

/** The text after `marker`; null without it. */
function after(payload: Buffer, marker: string, length: number): string | null {
  const at = payload.indexOf(marker)
  if (at < 0) return null
  return payload.toString('latin1', at + marker.length, at + marker.length + length)
}

function paymentOf(id: string) {
  let payment = paid.get(id)
  if (!payment) paid.set(id, (payment = { sentAt: NaN, answeredAt: NaN, arrivals: [] }))
  return payment
}

async function pay({ url, payments, everyMs }: Order & { do: 'pay' }): Promise<void> {
  const { origin, pathname } = new URL(url)
  const pool = new Pool(origin)
  const send = async ({ authorization, body }: Payment, n: number): Promise<void> => {
    await wait(n * everyMs)
    const sentAt = nowMs()
    const headers = { authorization, 'content-type': 'application/json' }
    const response = await (await pool.request({ path: pathname, method: 'POST', headers, body })).body.text()
    const answeredAt = nowMs()
    const id = /"id":"([0-9a-f-]{36})"/.exec(response)?.[1]
    if (id === undefined) throw new Error(response)
    Object.assign(paymentOf(id), { sentAt, answeredAt })
  }
  await Promise.all(payments.map(send))
  await pool.close()
}

function report(): Report {
  const since = (at: 'sentAt' | 'answeredAt'): number[] =>
    [...paid.values()].flatMap((payment) => payment.arrivals.map((arrivedAt) => arrivedAt - payment[at]))
  const quantiles = (all: readonly number[]) => ({ p50: quantile(all, 0.5), p99: quantile(all, 0.99) })
  return { ...quantiles([...latencies, ...since('answeredAt')]), fromSending: quantiles(since('sentAt')) }
}

/** A masked pong frame, as clients must send it; the mask is zero. */
const pong = Buffer.from([0x8a, 0x80, 0, 0, 0, 0])

/** Makes a masked text frame, as clients must send it (RFC 6455, 5.3); the mask is zero. */
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

process.on('message', async (order: Order) => {
  switch (order.do) {
    case 'open': {
      const { url, count, variables = {}, authorization = 'Bearer bench' } = order
      for (let n = 0; n < count; n += 50) {
        const opening = Array.from({ length: Math.min(50, count - n) }, () =>
          Client.open(url, order.document ?? document, variables, authorization),
        )
        sockets.push(...(await Promise.all(opening)))
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
    case 'pay':
      await pay(order)
      break
    case 'reset':
      latencies.length = 0
      paid.clear()
      events = 0
      break
    case 'count':
    case 'report':
      break
    case 'close':
      for (const { socket } of sockets) socket.destroy()
      sockets.length = 0
      break
  }
  process.send!({
    done: order.do,
    result:
      order.do === 'report'
        ? report()
        : ({ events, reached: sockets.filter(({ hasReceived }) => hasReceived).length } satisfies Count),
  })
})
process.once('disconnect', () => process.exit(0))
