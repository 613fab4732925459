// The data folder of the hub's own mongod, and whose it is: one hub at a time, also after one was killed.

import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { MongoStartError, reasonOf } from './error.ts'
import { processInfo } from './process-info.ts'

export interface LineLogger {
  info(line: string): void
}

export interface Folder {
  readonly root: string
  readonly db: string
  /** What mongod says, from its last start on. */
  readonly log: string
  /** Who started it last, and where: a `Run`. */
  readonly run: string
}

/** Process ids of the hub and of its mongod, and the port of the mongod. */
interface Run {
  readonly hub: number
  readonly mongod: number
  readonly port: number
}

function folderAt(dataDir: string): Folder {
  const root = path.resolve(dataDir)
  const inside = (name: string) => path.join(root, name)
  return { root, db: inside('db'), log: inside('mongod.log'), run: inside('mongod.json') }
}

/** Makes the folder where there is none. Throws MongoStartError when it cannot be written. */
export function openFolder(dataDir: string): Folder {
  const folder = folderAt(dataDir)
  try {
    mkdirSync(folder.db, { recursive: true })
    closeSync(openSync(folder.log, 'a'))
  } catch (cause) {
    const message = `the data folder ${folder.root} cannot be written: ${reasonOf(cause)}; set DATA_DIR to one that can`
    throw new MongoStartError('MONGOD_FOLDER_NOT_WRITABLE', message, { cause })
  }
  return folder
}

export function noteRun(folder: Folder, run: Run): void {
  writeFileSync(folder.run, JSON.stringify(run))
}

/** The last run, or null when there was none or its note was torn. */
export function readRun(folder: Folder): Run | null {
  try {
    return JSON.parse(readFileSync(folder.run, 'utf8'))
  } catch {
    return null
  }
}

/**
 * Ends the mongod that a killed hub left behind on `dataDir`, if there is one.
 * Throws MongoStartError `MONGOD_FOLDER_IN_USE` when its hub lives: two must not share a folder.
 */
export async function endOrphan(dataDir: string, logger: LineLogger): Promise<void> {
  const folder = folderAt(dataDir)
  const run = readRun(folder)
  if (!run) return
  // The system may have given the number to another process since: it has to be a mongod on this very folder.
  const mongod = () => {
    const info = processInfo(run.mongod)
    return info?.command.includes(` --dbpath ${folder.db} `) ? info : null
  }
  const found = mongod()
  if (!found) return
  if (found.parent === run.hub) throw folderInUse(folder, `the hub with process id ${run.hub}`)

  logger.info('Ending the mongod of a hub that was killed')
  process.kill(run.mongod, 'SIGTERM')
  while (mongod()) await pause(20)
}

export const folderInUse = (folder: Folder, who: string) =>
  new MongoStartError(
    'MONGOD_FOLDER_IN_USE',
    `the data folder ${folder.root} is in use by ${who}; stop it, or set DATA_DIR to another folder`,
  )
