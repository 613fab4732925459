// The data folder of the hub's own mongod. One hub at a time uses it, also after a hub was killed.

import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { pause } from '../../subgraphs/platform/async/promise.ts'
import { MongoStartError, reasonOf } from './error.ts'
import { processInfo } from './process-info.ts'

export interface LineLogger {
  info(line: string): void
}

export interface Folder {
  readonly root: string
  readonly db: string
  /** Path of mongod's own log, which begins with its last start. */
  readonly log: string
  /** Path of the `Run` of the last start. */
  readonly run: string
}

/** Process ids of the hub and of its mongod, and the port of the mongod. */
interface Run {
  readonly hub: number
  readonly mongod: number
  readonly port: number
  /** True when the mongod was a single server; left out for a replica set. */
  readonly isSingle?: boolean
}

function folderAt(dataDir: string): Folder {
  const root = path.resolve(dataDir)
  const inside = (name: string) => path.join(root, name)
  return { root, db: inside('db'), log: inside('mongod.log'), run: inside('mongod.json') }
}

/** Creates the folder when it is missing. Throws MongoStartError when it cannot be written. */
export function openFolder(dataDir: string): Folder {
  const folder = folderAt(dataDir)
  try {
    mkdirSync(folder.db, { recursive: true })
    closeSync(openSync(folder.log, 'a'))
  } catch (cause) {
    const message = `the data folder ${folder.root} cannot be written: ${reasonOf(cause)}; set DATA_DIR to a folder that can`
    throw new MongoStartError('MONGOD_FOLDER_NOT_WRITABLE', message, { cause })
  }
  return folder
}

/** Stores the process ids and the port of this start. */
export function writeRun(folder: Folder, run: Run): void {
  writeFileSync(folder.run, JSON.stringify(run))
}

/** The last run; null when there was none, or its file is incomplete. */
export function readRun(folder: Folder): Run | null {
  try {
    return JSON.parse(readFileSync(folder.run, 'utf8'))
  } catch {
    return null
  }
}

/** True when no replica set has run on the folder: it is new, or a load was interrupted on it. */
export const hasNoReplicaSet = (folder: Folder): boolean =>
  readRun(folder)?.isSingle ?? !existsSync(path.join(folder.db, 'WiredTiger'))

/** The port of the mongod that runs on `dataDir`; null when none does. */
export function runningPort(dataDir: string): number | null {
  const folder = folderAt(dataDir)
  const run = readRun(folder)
  return run && processInfo(run.mongod)?.command.includes(` --dbpath ${folder.db} `) ? run.port : null
}

/**
 * Ends the mongod that a killed hub has left running on `dataDir`, if there is one.
 * Throws MongoStartError `MONGOD_FOLDER_IN_USE` when its hub is alive: two hubs must not share a folder.
 */
export async function endOrphan(dataDir: string, logger: LineLogger): Promise<void> {
  const folder = folderAt(dataDir)
  const run = readRun(folder)
  if (!run) return
  // The system may have given the id to another process since: the command line must be a mongod on this
  // folder.
  const runningMongod = () => {
    const info = processInfo(run.mongod)
    return info?.command.includes(` --dbpath ${folder.db} `) ? info : null
  }
  const found = runningMongod()
  if (!found) return
  if (found.parent === run.hub) throw folderInUse(folder, `the hub with process id ${run.hub}`)

  logger.info(`Ending mongod ${run.mongod}, which a killed hub has left running on ${folder.db}`)
  process.kill(run.mongod, 'SIGTERM')
  while (runningMongod()) await pause(20)
}

export const folderInUse = (folder: Folder, user: string) =>
  new MongoStartError(
    'MONGOD_FOLDER_IN_USE',
    `the data folder ${folder.root} is in use by ${user}; stop it, or set DATA_DIR to another folder`,
  )
