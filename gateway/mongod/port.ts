// The port of the hub's own mongod, on the loopback address only.

import { once } from 'node:events'
import net from 'node:net'
import { MongoStartError } from './error.ts'

export const host = '127.0.0.1'

/** `wanted`; when that is not given, `last` if it is free, else any free port. Throws when `wanted` is taken. */
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

/** Gives the port: for 0, the one that the system chose. */
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
    `port ${port} of ${host} is taken by another program; give MongoDB another one`,
  )
