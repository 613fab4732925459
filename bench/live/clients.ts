// Many subscribers in one process, cheap enough not to be what is measured: they read frames off plain sockets and look at
// nothing but the time in each event, or which payment it tells of. The same process pays, so that one clock says when a
// payment was answered and when its event came. `fork('clients.ts')`, told what to do by its parent.

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
  /** Sends a payment every so often, however long the answers take; done when all are answered. */
  | {
      readonly do: 'pay'
      readonly url: string
      readonly payments: readonly Payment[]
      readonly everyMs: number
    }
  /** The first `count` of them read no more. */
  | { readonly do: 'stall'; readonly count: number }
  | { readonly do: 'reset' }
  | { readonly do: 'count' }
  | { readonly do: 'report' }
  | { readonly do: 'close' }

/** A mutation that answers with the id of a payment. */
export interface Payment {
  readonly authorization: string
  readonly body: string
}

export interface Count {
  /** Events that came since the reset. */
  readonly events: number
  /** Clients to whom any has ever come. */
  readonly reached: number
}

/** Milliseconds: from when an event was made to its arrival, or from a payment's answer to its event's arrival. */
export interface Report {
  readonly p50: number
  readonly p99: number
  /** From when a payment was sent to its event's arrival; NaN where nobody paid. */
  readonly fromSending: { readonly p50: number; readonly p99: number }
}

const sockets: Client[] = []
const latencies: number[] = []
/** By a payment's id: when its event came to whom, and when it was sent and answered. An event may overtake the answer. */
const paid = new Map<string, { sentAt: number; answeredAt: number; readonly arrivals: number[] }>()
let events = 0
/** The parent is told each time so many more have come. */
let step = 0

/** All read into this one: memory for each read would be half of what a client costs. */
const incoming = Buffer.alloc(65_536)
const nothing = Buffer.alloc(0)

class Client {
  readonly socket: Socket
  isStalled = false
  hasHeard = false
  #rest: Buffer = nothing
  /** Until it is subscribed: told of what comes instead. */
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
    const upgraded = client.#hears('101')
    socket.write(
      'GET /graphql HTTP/1.1\r\nHost: bench\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n' +
        `Sec-WebSocket-Protocol: graphql-transport-ws\r\nAuthorization: ${authorization}\r\n\r\n`,
    )
    await upgraded
    const acknowledged = client.#hears('connection_ack')
    socket.write(frame({ type: 'connection_init', payload: {} }))
    await acknowledged
    socket.write(frame({ id: '1', type: 'subscribe', payload: { query, variables } }))
    return client
  }

  #hears(text: string): Promise<void> {
    let got = ''
    return new Promise((resolve) => {
      this.#opening = (data) => {
        got += data.toString('latin1')
        if (!got.includes(text)) return
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
    this.hasHeard = true
    if (step > 0 && events % step === 0) process.send!({ events })
  }
}

/** What follows `marker`. */
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
    const answer = await (await pool.request({ path: pathname, method: 'POST', headers, body })).body.text()
    const answeredAt = nowMs()
    const id = /"id":"([0-9a-f-]{36})"/.exec(answer)?.[1]
    if (id === undefined) throw new Error(answer)
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

/** Masked, as a client has to send it; the mask is zero. */
const pong = Buffer.from([0x8a, 0x80, 0, 0, 0, 0])

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

process.on('message', async (order: Order) => {
  switch (order.do) {
    case 'open': {
      const { url, count, variables = {}, authorization = 'Bearer bench' } = order
      for (let n = 0; n < count; n += 50) {
        const some = Array.from({ length: Math.min(50, count - n) }, () =>
          Client.open(url, order.document ?? document, variables, authorization),
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
    answer:
      order.do === 'report'
        ? report()
        : ({ events, reached: sockets.filter(({ hasHeard }) => hasHeard).length } satisfies Count),
  })
})
process.once('disconnect', () => process.exit(0))
