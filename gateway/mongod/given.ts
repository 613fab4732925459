// The operator's own MongoDB: whether the hub can work on it.

import { MongoClient } from 'mongodb'
import { MongoStartError, reasonOf } from './error.ts'

/** How long it may take to answer, unless the URI says. */
const answerWithinMs = 5_000

/** `hello.maxWireVersion` of MongoDB 6.0. */
const wireVersionMin = 17

/** Gives the hosts that `uri` names, never its password. Throws MongoStartError when the hub cannot work there. */
export async function checkGiven(uri: string): Promise<string> {
  const client = parse(uri)
  const hosts = client.options.hosts.join(',')
  const hello = await sayHello(client).catch((cause: unknown) => {
    const message = `MONGODB_URI: ${hosts} cannot be used: ${reasonOf(cause)}`
    throw new MongoStartError('MONGODB_UNREACHABLE', message, { cause })
  })
  if (!hello.setName && hello.msg !== 'isdbgrid') {
    throw new MongoStartError(
      'MONGODB_NOT_REPLICA_SET',
      `MONGODB_URI: ${hosts} is a single server, which has no change streams; name a replica set or a sharded cluster`,
    )
  }
  if (hello.maxWireVersion < wireVersionMin) {
    throw new MongoStartError('MONGODB_TOO_OLD', `MONGODB_URI: ${hosts} is older than MongoDB 6.0`)
  }
  return hosts
}

function parse(uri: string): MongoClient {
  const patience = /[?&]serverSelectionTimeoutMS=/i.test(uri)
    ? {}
    : { serverSelectionTimeoutMS: answerWithinMs }
  try {
    return new MongoClient(uri, patience)
  } catch (cause) {
    const message = `MONGODB_URI cannot be read: ${reasonOf(cause)}`
    throw new MongoStartError('MONGODB_URI_INVALID', message, { cause })
  }
}

async function sayHello(client: MongoClient) {
  try {
    return await client.db('admin').command({ hello: 1 })
  } finally {
    await client.close()
  }
}
