// A TCP proxy on 127.0.0.1 that does to connections what networks do.

import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

export type ProxyMode =
  | 'PASS'
  /** Every answer arrives 400 ms later. */
  | 'DELAY'
  /** Connections are reset, and new ones are refused. */
  | 'CUT'
  /** Requests arrive; answers do not. */
  | 'SWALLOW'
  /** Half of an answer arrives, and the connection is reset. */
  | 'HALVE'

const delayMs = 400

export interface Proxy {
  readonly port: number
  mode: ProxyMode
  close(): void
}

export function startProxy(port: number, target: number): Proxy {
  const sockets = new Set<net.Socket>()
  let mode: ProxyMode = 'PASS'
  const server = net.createServer((client) => {
    if (mode === 'CUT') return void client.resetAndDestroy()
    const upstream = net.connect(target, '127.0.0.1')
    const reset = () => {
      client.resetAndDestroy()
      upstream.resetAndDestroy()
    }
    for (const socket of [client, upstream]) {
      sockets.add(socket.setNoDelay(true))
      socket.on('error', reset).on('close', () => {
        sockets.delete(socket)
        reset()
      })
    }
    client.on('data', (chunk) => upstream.write(chunk))
    // What follows a late answer waits for it: a connection keeps its order.
    let late = 0
    let earlier: Promise<unknown> = Promise.resolve()
    const pass = (write: () => unknown): unknown => {
      if (mode !== 'DELAY' && late === 0) return write()
      late++
      const before = Promise.all([earlier, mode === 'DELAY' && sleep(delayMs)])
      earlier = before.then(() => {
        late--
        return client.writable && write()
      })
    }
    upstream.on('data', (chunk: Buffer) => {
      if (mode === 'SWALLOW') return
      if (mode === 'HALVE') pass(() => client.write(chunk.subarray(0, chunk.length >> 1), reset))
      else pass(() => client.write(chunk))
    })
  })
  server.listen(port, '127.0.0.1')
  const resetAll = () => sockets.forEach((socket) => socket.resetAndDestroy())
  return {
    port,
    get mode() {
      return mode
    },
    set mode(next) {
      // An answer that was swallowed leaves its connection without a meaning.
      if (next === 'CUT' || mode === 'SWALLOW') resetAll()
      mode = next
    },
    close() {
      server.close()
      resetAll()
    },
  }
}
