// Bounds the connections of clients without a key: in all, and for each address. A connection counts from
// its first packet until a key or token has come over it, so half-sent requests and idle sockets cannot
// take all descriptors, and clients behind one proxy are not limited once they have authenticated.

import { isIPv6, type Server, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'

export interface UnknownConnections {
  /** Connections that count now. */
  readonly size: number
  /** The client of `socket` has authenticated: its connection counts no longer. */
  known(socket: Duplex): void
}

export interface UnknownConnectionsOptions {
  readonly max: number
  readonly perAddressMax: number
}

export function limitUnknownConnections(
  server: Server,
  { max, perAddressMax }: UnknownConnectionsOptions,
): UnknownConnections {
  /** By the client’s end of the connection, which its socket and the one within TLS share. */
  const addressOf = new Map<string, string>()
  const counts = new Map<string, number>()
  const forget = (end: string): void => {
    const address = addressOf.get(end)
    if (address === undefined) return
    addressOf.delete(end)
    const count = counts.get(address)! - 1
    if (count === 0) counts.delete(address)
    else counts.set(address, count)
  }
  server.on('connection', (socket: Socket) => {
    const end = endOf(socket)
    const address = networkOf(socket.remoteAddress ?? '')
    const count = counts.get(address) ?? 0
    // Closed without an answer: an answer would cost more than the connection.
    if (addressOf.size >= max || count >= perAddressMax) return void socket.destroy()
    addressOf.set(end, address)
    counts.set(address, count + 1)
    socket.once('close', () => forget(end))
  })
  const knownSockets = new WeakSet<Duplex>()
  return {
    get size() {
      return addressOf.size
    },
    known(socket) {
      if (knownSockets.has(socket)) return
      knownSockets.add(socket)
      forget(endOf(socket as Socket))
    },
  }
}

const endOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`

/** The address, or the first half of one of IPv6: a client has a whole /64 network of them. */
export const networkOf = (address: string): string =>
  isIPv6(address) && !address.startsWith('::ffff:') ? expanded(address).slice(0, 4).join(':') : address

function expanded(address: string): readonly string[] {
  const [head = '', tail] = address.split('%')[0]!.split('::')
  const start = head === '' ? [] : head.split(':')
  const end = tail === undefined || tail === '' ? [] : tail.split(':')
  return [...start, ...Array<string>(Math.max(0, 8 - start.length - end.length)).fill('0'), ...end]
}
