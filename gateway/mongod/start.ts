// The MongoDB that the hub runs on: the operator's, or one that is started here and closed with the hub.

import path from 'node:path'
import { findMongod } from './binary.ts'
import {
  endOrphan,
  type Folder,
  hasNoReplicaSet,
  type LineLogger,
  writeRun,
  openFolder,
  readRun,
  runningPort,
} from './folder.ts'
import { checkGiven } from './given.ts'
import { choosePort } from './port.ts'
import { becomePrimary, directUri, replicaSet, versionOfSingle } from './replica-set.ts'
import { listens, spawnMongod, whyEnded, type Mongod } from './server.ts'

export interface MongoOptions {
  /** A replica set or sharded cluster that already runs; then no mongod is started. */
  readonly uri?: string | undefined
  /** The mongod to start; found or downloaded when it is left out. */
  readonly binary?: string | undefined
  /** Contains `db/`, `mongod.log` of the last start, and `mongod.json` with its process ids and port. */
  readonly dataDir: string
  /** Folder of a downloaded mongod; `mongod/` in `dataDir` when it is left out. */
  readonly binaryDir?: string | undefined
  /** When it is left out: the port of the last start if it is free, else any free one. */
  readonly port?: number | undefined
  /** WiredTiger's cache in GB, at least 0.25; 0.5 when it is left out. */
  readonly cacheGb?: number | undefined
  /**
   * Size of the oplog in MB, from which change streams resume; 1024 when it is left out. Applies to a new
   * data folder only.
   */
  readonly oplogMb?: number | undefined
  /**
   * How often data is flushed, in seconds; 60 when it is left out. Later writes are recovered from the oplog.
   */
  readonly checkpointSeconds?: number | undefined
  readonly logger: LineLogger
}

/** Loads data into a single server. */
export type Load = (mongod: RunningMongo) => Promise<unknown>

export interface RunningMongo {
  readonly uri: string
  /** Where it was found, for the log. */
  readonly source: string
  /** True for a server without a replica set, on which data are loaded: see `launchMongo`. */
  readonly isSingle: boolean
  /** Resolves when mongod has ended, by `close` or by itself; never for the operator's own. */
  readonly ended: Promise<void>
  /** Ends mongod cleanly, in about a second; close all clients first. Has no effect on the operator's own. */
  close(): Promise<void>
}

/** A MongoDB that may not answer yet. */
export interface StartingMongo {
  /** Resolves when it accepts majority writes; rejects with a MongoStartError, or as the load. */
  readonly running: Promise<RunningMongo>
}

/** Resolves when the MongoDB of `launchMongo` accepts majority writes. Throws MongoStartError. */
export async function startMongo(options: MongoOptions, load?: Load): Promise<RunningMongo> {
  return (await launchMongo(options, load)).running
}

/**
 * Takes the MongoDB at `uri`, or starts a replica set of one member in `dataDir`. Resolves while its mongod
 * opens the data.
 *
 * A data folder on which no replica set has run is first given to `load`, as a single server: it has no
 * oplog, which would repeat every write, and so neither change streams nor MongoDB transactions. A load that
 * was interrupted is called again by the next start.
 *
 * Its mongod leads a process group of its own, so that ctrl-C reaches only the hub, which ends mongod last.
 * The mongod of a killed hub runs until the next start ends it: everything that was acknowledged is in its
 * journal. Throws MongoStartError.
 */
export async function launchMongo(options: MongoOptions, load?: Load): Promise<StartingMongo> {
  const { uri, dataDir, logger } = options
  if (uri !== undefined) return { running: takeGiven(uri, logger) }

  const folder = openFolder(dataDir)
  await endOrphan(dataDir, logger)
  const member = (): Promise<StartingMongo> => launchOwn(folder, { ...options, isSingle: false })
  if (!load || !hasNoReplicaSet(folder)) return member()
  const single = await launchOwn(folder, { ...options, isSingle: true })
  return {
    running: single.running.then(async (loading) => {
      await load(loading).finally(() => loading.close())
      return (await member()).running
    }),
  }
}

interface OwnOptions extends MongoOptions {
  readonly isSingle: boolean
}

async function launchOwn(folder: Folder, options: OwnOptions): Promise<StartingMongo> {
  const { isSingle, logger } = options
  const port = await choosePort(options.port, readRun(folder)?.port)
  const binary = await findMongod({
    binary: options.binary,
    cacheDir: options.binaryDir ?? path.join(folder.root, 'mongod'),
    logger,
  })

  const mongod = await spawnMongod(binary.path, folder, port, options)
  writeRun(folder, { hub: process.pid, mongod: mongod.process.pid!, port, ...(isSingle && { isSingle }) })
  return { running: answers(mongod, binary.source, options) }
}

async function takeGiven(uri: string, logger: LineLogger): Promise<RunningMongo> {
  const hosts = await checkGiven(uri, logger)
  logger.info(`MongoDB at ${hosts} from MONGODB_URI`)
  return { uri, source: 'MONGODB_URI', isSingle: false, ended: new Promise(() => {}), close: async () => {} }
}

/** Resolves when `mongod` answers; as the primary of its set unless it is single. */
async function answers(
  mongod: Mongod,
  source: string,
  { isSingle, logger }: OwnOptions,
): Promise<RunningMongo> {
  const { folder, port } = mongod
  const endWithHub = () => mongod.process.kill('SIGTERM')
  process.once('exit', endWithHub)
  const ended = mongod.ended.then(() => void process.off('exit', endWithHub))
  const close = async () => {
    mongod.process.kill('SIGTERM')
    await ended
  }

  try {
    const prepare = isSingle ? versionOfSingle : becomePrimary
    const version = (await listens(mongod)) && (await Promise.race([prepare(port, folder), ended]))
    if (!version) throw whyEnded(mongod)
    const { db } = folder
    if (isSingle)
      logger.info(
        `MongoDB ${version} from ${source} on 127.0.0.1:${port}, data in ${db}, as a single server for a load`,
      )
    else logger.info(`MongoDB ${version} from ${source} on 127.0.0.1:${port}, data in ${db}`)
  } catch (error) {
    await close()
    throw error
  }
  const uri = isSingle ? directUri(port) : uriOf(port)
  return { uri, source, isSingle, ended, close }
}

/** The URI of the mongod that runs on `dataDir`; null when none does. */
export function runningUri(dataDir: string): string | null {
  const port = runningPort(dataDir)
  return port === null ? null : uriOf(port)
}

const uriOf = (port: number): string => `mongodb://127.0.0.1:${port}/?replicaSet=${replicaSet}`
