// The mongod process: starts it, waits until it listens, and explains why it ended.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync, truncateSync } from 'node:fs'
import net from 'node:net'
import { pause } from '../../subgraphs/platform/async/promise.ts'
import { MongoStartError, reasonOf } from './error.ts'
import { type Folder, folderInUse } from './folder.ts'
import { host, portTaken } from './port.ts'
import { replicaSet } from './replica-set.ts'

export interface Mongod {
  readonly process: ChildProcess
  readonly folder: Folder
  readonly port: number
  readonly ended: Promise<unknown>
}

/** See `MongoOptions`. */
interface MongodSettings {
  /** True: a single server, without a replica set and its oplog. */
  readonly isSingle?: boolean
  readonly cacheGb?: number | undefined
  readonly oplogMb?: number | undefined
  readonly checkpointSeconds?: number | undefined
}

/** Starts mongod in a process group of its own, and returns before it listens. */
export async function spawnMongod(
  binary: string,
  folder: Folder,
  port: number,
  { isSingle = false, cacheGb = 0.5, oplogMb = 1024, checkpointSeconds = 60 }: MongodSettings,
): Promise<Mongod> {
  const options = [
    ['--dbpath', folder.db],
    ['--bind_ip', host],
    ['--port', String(port)],
    ['--nounixsocket'],
    ['--logpath', folder.log],
    ['--logappend'],
    ['--quiet'],
    ['--setParameter', 'diagnosticDataCollectionEnabled=false'],
    // The MongoDB transaction of a process that was killed stays open for this long, by default a minute.
    ['--setParameter', 'transactionLifetimeLimitSeconds=10'],
    ['--syncdelay', String(checkpointSeconds)],
    ['--wiredTigerCacheSizeGB', String(cacheGb)],
    // The journal file is created at its full size and read as a whole at the start: 16 MB take 0.4 s less
    // than 100.
    ['--wiredTigerEngineConfigString', 'log=(file_max=16MB)'],
    // At its default level, zstd takes three to four times as long as at this one, for a tenth less on disk.
    ...(isSingle
      ? [['--zstdDefaultCompressionLevel', '3']]
      : [
          ['--replSet', replicaSet],
          ['--oplogSize', String(oplogMb)],
        ]),
  ]
  truncateSync(folder.log)
  const log = openSync(folder.log, 'a')
  const mongod = spawn(binary, options.flat(), { detached: true, stdio: ['ignore', log, log] })
  closeSync(log)
  try {
    await once(mongod, 'spawn')
  } catch (cause) {
    throw new MongoStartError('MONGOD_UNUSABLE', `${binary} cannot be started: ${reasonOf(cause)}`, { cause })
  }
  return { process: mongod, folder, port, ended: once(mongod, 'exit') }
}

/**
 * Waits until mongod listens; false when it has ended. There is no limit: mongod may have to replay a long
 * journal first.
 */
export async function listens({ process: mongod, port }: Mongod): Promise<boolean> {
  while (mongod.exitCode === null && mongod.signalCode === null) {
    const socket = net.connect(port, host)
    try {
      await once(socket, 'connect')
      return true
    } catch {
      await pause(10)
    } finally {
      socket.destroy()
    }
  }
  return false
}

/** Finds in the exit code and the log why mongod ended by itself. */
export function whyEnded({ process: mongod, folder, port }: Mongod): MongoStartError {
  const fault = lastFault(readFileSync(folder.log, 'utf8'))
  const exitNetError = 48
  if (mongod.exitCode === exitNetError) return portTaken(port)
  if (fault.includes('DBPathInUse')) return folderInUse(folder, 'another mongod')
  if (/UPGRADE PROBLEM|too recent|unsupported WiredTiger file version/.test(fault)) {
    return new MongoStartError(
      'MONGOD_DATA_INCOMPATIBLE',
      `${folder.db} was written by another release of MongoDB; use that release, or remove the folder to start without data`,
    )
  }
  const end = mongod.signalCode ?? `exit code ${mongod.exitCode}`
  return new MongoStartError('MONGOD_ENDED', `mongod ended with ${end}: ${fault}; see ${folder.log}`)
}

/** The last error in mongod's log. The log is JSON lines, except for output from before logging begins. */
function lastFault(log: string): string {
  const lines = log.trim().split('\n')
  const line = lines.findLast((text) => /^\{.*?"s":"[EF]"/.test(text)) ?? lines.at(-1)!
  try {
    const { msg, attr } = JSON.parse(line)
    return attr?.error ? `${msg}: ${attr.error}` : msg
  } catch {
    return line
  }
}
