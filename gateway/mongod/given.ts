// Checks whether the hub can work on the operator's own MongoDB.

import { MongoClient } from 'mongodb'
import { MongoStartError, reasonOf } from './error.ts'
import type { LineLogger } from './folder.ts'

/** How long it may take to respond, unless the URI sets a limit. */
const respondWithinMs = 60_000
/** After this long, a line reports that the hub waits. */
const patienceMs = 2_000

/** `hello.maxWireVersion` of MongoDB 6.0. */
const wireVersionMin = 17

/**
 * Returns the hosts in `uri`, without its password, once it answers. Throws MongoStartError when the hub
 * cannot work on that MongoDB.
 */
export async function checkGiven(uri: string, logger: LineLogger): Promise<string> {
  const client = parse(uri)
  const hosts = client.options.hosts.join(',')
  const waiting = setTimeout(() => {
    const withinMs = client.options.serverSelectionTimeoutMS
    logger.info(`MongoDB at ${hosts} does not answer yet: waiting for it for up to ${withinMs / 1000} s`)
  }, patienceMs)
  const server = await hello(client)
    .catch((cause: unknown) => {
      const message = `MONGODB_URI: ${hosts} cannot be used: ${reasonOf(cause)}`
      throw new MongoStartError('MONGODB_UNREACHABLE', message, { cause })
    })
    .finally(() => clearTimeout(waiting))
  if (!server.setName && server.msg !== 'isdbgrid') {
    throw new MongoStartError(
      'MONGODB_NOT_REPLICA_SET',
      `MONGODB_URI: ${hosts} is a single server, which has no change streams; name a replica set or a sharded cluster`,
    )
  }
  if (server.maxWireVersion < wireVersionMin) {
    throw new MongoStartError(
      'MONGODB_TOO_OLD',
      `MONGODB_URI: ${hosts} is older than MongoDB 6.0: upgrade it`,
    )
  }
  return hosts
}

function parse(uri: string): MongoClient {
  const timeout = /[?&]serverSelectionTimeoutMS=/i.test(uri)
    ? {}
    : { serverSelectionTimeoutMS: respondWithinMs, heartbeatFrequencyMS: 500, connectTimeoutMS: 2_000 }
  try {
    return new MongoClient(uri, timeout)
  } catch (cause) {
    const message = `MONGODB_URI cannot be read: ${reasonOf(cause)}`
    throw new MongoStartError('MONGODB_URI_INVALID', message, { cause })
  }
}

async function hello(client: MongoClient) {
  try {
    return await client.db('admin').command({ hello: 1 })
  } finally {
    await client.close()
  }
}
