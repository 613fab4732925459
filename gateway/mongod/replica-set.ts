// A fresh mongod takes no writes and has no change streams: it has to become the primary of a set, here of one member.

import { setTimeout as pause } from 'node:timers/promises'
import { type Db, type Document, MongoClient, type MongoServerError } from 'mongodb'
import type { Folder } from './folder.ts'
import { host, portTaken } from './port.ts'

export const replicaSet = 'crossgate'

/** Makes the mongod that listens on `port` the primary of its set, wherever it listened before; gives its version. */
export async function becomePrimary(port: number, folder: Folder): Promise<string> {
  const client = new MongoClient(`mongodb://${host}:${port}/?directConnection=true`, {
    serverSelectionTimeoutMS: 5_000,
  })
  try {
    const admin = client.db('admin')
    // Somebody else may have taken the port in the meantime, and a set must not be forced on a stranger.
    const { parsed } = await admin.command({ getCmdLineOpts: 1 })
    if (parsed.storage?.dbPath !== folder.db) throw portTaken(port)

    const config = await client.db('local').collection('system.replset').findOne()
    const member = { ...config?.members[0], _id: 0, host: `${host}:${port}` }
    if (!config) {
      await admin.command({ replSetInitiate: { _id: replicaSet, members: [member] } })
    } else if (config.members[0].host !== member.host) {
      const moved = { ...config, version: config.version + 1, members: [member] }
      while (!(await reconfigured(admin, moved))) await pause(10)
    }
    // The driver's own monitor looks twice a second at most.
    while (!(await admin.command({ hello: 1 })).isWritablePrimary) await pause(10)
    return (await admin.command({ buildInfo: 1 })).version
  } finally {
    await client.close()
  }
}

/** False while mongod still asks at its last port whether that is itself: 30 s, when somebody silent listens there. */
const reconfigured = (admin: Db, config: Document) =>
  admin.command({ replSetReconfig: config, force: true }).then(
    () => true,
    (error: MongoServerError) => {
      if (error.codeName !== 'NotYetInitialized') throw error
      return false
    },
  )
