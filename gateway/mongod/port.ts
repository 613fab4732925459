// Chooses the port of the hub's own mongod, on the loopback address.

import { once } from 'node:events'
import net from 'node:net'
import { MongoStartError } from './error.ts'

export const host = '127.0.0.1'

/**
 * Returns `wanted`; when that is undefined, `last` if it is free, else any free port. Throws when `wanted` is
 * in use.
 */
export async function choosePort(wanted: number | undefined, last: number | undefined): Promise<number> {
  if (wanted !== undefined) {
    if (await isFree(wanted)) return wanted
    throw portTaken(wanted)
  }
  if (last !== undefined && (await isFree(last))) return last
  return listenBriefly(0)
}

const isFree = (port: number) =>
  listenBriefly(port).then(
    () => true,
    () => false,
  )

/** Listens for a moment, and returns the port: for 0, the one that the system has chosen. */
async function listenBriefly(port: number): Promise<number> {
  const server = net.createServer().listen(port, host)
  await once(server, 'listening')
  const chosen = (server.address() as net.AddressInfo).port
  server.close()
  await once(server, 'close')
  return chosen
}

export const portTaken = (port: number) =>
  new MongoStartError(
    'MONGOD_PORT_TAKEN',
    `port ${port} of ${host} is in use by another program; set MongoDB to another port`,
  )
