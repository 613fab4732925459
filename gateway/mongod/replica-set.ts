// Makes the hub's own mongod the primary of a replica set of one member: only then it accepts writes and has
// change streams.

import { type Db, type Document, MongoClient, type MongoServerError } from 'mongodb'
import { pause } from '../../subgraphs/platform/async/promise.ts'
import type { Folder } from './folder.ts'
import { host, portTaken } from './port.ts'

export const replicaSet = 'crossgate'

/** Makes the mongod on `port` the primary of its set, whatever its previous port was. Returns its version. */
export const becomePrimary = (port: number, folder: Folder): Promise<string> =>
  checked(port, folder, async (admin) => {
    const config = await admin.client.db('local').collection('system.replset').findOne()
    const member = { ...config?.members[0], _id: 0, host: `${host}:${port}` }
    if (!config) {
      await admin.command({ replSetInitiate: { _id: replicaSet, members: [member] } })
    } else if (config.members[0].host !== member.host) {
      const moved = { ...config, version: config.version + 1, members: [member] }
      while (!(await reconfigured(admin, moved))) await pause(10)
    }
    // The driver's own monitor would notice only after up to half a second.
    while (!(await admin.command({ hello: 1 })).isWritablePrimary) await pause(10)
  })

/** Returns the version of the mongod on `port`, a single server. */
export const versionOfSingle = (port: number, folder: Folder): Promise<string> =>
  checked(port, folder, async () => {})

export const directUri = (port: number): string => `mongodb://${host}:${port}/?directConnection=true`

/** Calls `prepare` with the mongod on `port`, and returns its version. */
async function checked(port: number, folder: Folder, prepare: (admin: Db) => Promise<void>): Promise<string> {
  const client = new MongoClient(directUri(port), { serverSelectionTimeoutMS: 5_000 })
  try {
    const admin = client.db('admin')
    // Another mongod may listen on the port by now. Its configuration must not be changed.
    const { parsed } = await admin.command({ getCmdLineOpts: 1 })
    if (parsed.storage?.dbPath !== folder.db) throw portTaken(port)
    await prepare(admin)
    return (await admin.command({ buildInfo: 1 })).version
  } finally {
    await client.close()
  }
}

/** False while mongod still probes its previous port: up to 30 s, when a silent program listens there. */
const reconfigured = (admin: Db, config: Document) =>
  admin.command({ replSetReconfig: config, force: true }).then(
    () => true,
    (error: MongoServerError) => {
      if (error.codeName !== 'NotYetInitialized') throw error
      return false
    },
  )
