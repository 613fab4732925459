// The MongoDB that the hub runs on: the operator's, or one of its own, started here and stopped with it.

import path from 'node:path'
import { findMongod } from './binary.ts'
import { endOrphan, type LineLogger, noteRun, openFolder, readRun } from './folder.ts'
import { checkGiven } from './given.ts'
import { choosePort } from './port.ts'
import { becomePrimary, replicaSet } from './replica-set.ts'
import { listens, spawnMongod, whyEnded } from './server.ts'

export interface MongoOptions {
  /** A replica set or sharded cluster that runs already; nothing is started then. */
  readonly uri?: string | undefined
  /** The mongod to start; found or fetched when not given. */
  readonly binary?: string | undefined
  /** Holds `db/`, `mongod.log` of the last start, and `mongod.json`, which says who runs it. */
  readonly dataDir: string
  /** Where a fetched mongod is kept; `mongod/` in `dataDir` when not given. */
  readonly binaryDir?: string | undefined
  /** When not given: the port of the last start if it is free, else any free one. */
  readonly port?: number | undefined
  /** WiredTiger's cache in GB, 0.25 at least; 0.5 when not given. */
  readonly cacheGb?: number | undefined
  /** How much of the past change streams can resume from, in MB; 1024 when not given. Counts when the data folder is new. */
  readonly oplogMb?: number | undefined
  /** How often data is flushed, in seconds; 60 when not given. What was not stays in the oplog. */
  readonly checkpointSeconds?: number | undefined
  readonly logger: LineLogger
}

export interface RunningMongo {
  readonly uri: string
  /** Where it came from, as logged. */
  readonly source: string
  /** Fulfils when mongod has ended, asked or not; never for the operator's own. */
  readonly ended: Promise<void>
  /** Ends mongod cleanly, in about a second; close all clients first. Does nothing to the operator's own. */
  stop(): Promise<void>
}

/**
 * Gives a MongoDB that takes majority writes: the one at `uri`, or a one-member replica set in `dataDir`.
 *
 * Its mongod leads a process group of its own, so that ctrl-C reaches only the hub, which then ends it last. One that a
 * killed hub left behind runs on until the next start ends it: its journal has everything that was acknowledged.
 * Throws MongoStartError.
 */
export async function startMongo(options: MongoOptions): Promise<RunningMongo> {
  const { uri, dataDir, logger } = options
  if (uri !== undefined) {
    const hosts = await checkGiven(uri)
    logger.info(`MongoDB at ${hosts} from MONGODB_URI`)
    return { uri, source: 'MONGODB_URI', ended: new Promise(() => {}), stop: async () => {} }
  }

  const folder = openFolder(dataDir)
  await endOrphan(dataDir, logger)
  const port = await choosePort(options.port, readRun(folder)?.port)
  const binary = await findMongod({
    binary: options.binary,
    cacheDir: options.binaryDir ?? path.join(folder.root, 'mongod'),
    logger,
  })

  const mongod = await spawnMongod(binary.path, folder, port, options)
  noteRun(folder, { hub: process.pid, mongod: mongod.process.pid!, port })
  const endWithHub = () => mongod.process.kill('SIGTERM')
  process.once('exit', endWithHub)
  const ended = mongod.ended.then(() => void process.off('exit', endWithHub))
  const stop = () => (mongod.process.kill('SIGTERM'), ended)

  try {
    const version = (await listens(mongod)) && (await Promise.race([becomePrimary(port, folder), ended]))
    if (!version) throw whyEnded(mongod)
    logger.info(`MongoDB ${version} from ${binary.source} on 127.0.0.1:${port}, data in ${folder.db}`)
  } catch (error) {
    await stop()
    throw error
  }
  return { uri: `mongodb://127.0.0.1:${port}/?replicaSet=${replicaSet}`, source: binary.source, ended, stop }
}
