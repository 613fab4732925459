// Starts one MongoDB for a whole run of the tests, on a free port and in a folder of its own, in memory where
// there is room; stops and removes it after the run. The projects `mongo` and `hub` share it, and a run of
// `unit` alone starts none.

import { existsSync, globSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { MongoClient } from 'mongodb'
import path from 'node:path'
import type { TestProject } from 'vitest/node'
import { startMongo } from '../../gateway/mongod/start.ts'
import { endOrphan } from '../../gateway/mongod/folder.ts'
import { processInfo } from '../../gateway/mongod/process-info.ts'
import { binaryDir, hasRoomInMemory, memoryRunsDir, runsDir } from './places.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    mongoUri: string
    /** Removed after the run. */
    runDir: string
  }
}

interface SharedMongo {
  readonly uri: string
  readonly runDir: string
  stop(): Promise<void>
}

let starting: Promise<SharedMongo> | undefined

/** Runs once for each project that has tests to run. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const { uri, runDir, stop } = await (starting ??= start())
  project.provide('mongoUri', uri)
  project.provide('runDir', runDir)
  return stop
}

async function start(): Promise<SharedMongo> {
  for (const dir of [runsDir, memoryRunsDir]) await removeKilledRuns(dir)
  const runDir = path.join(hasRoomInMemory() ? memoryRunsDir : runsDir, String(process.pid))
  mkdirSync(runDir, { recursive: true })
  const mongo = await startMongo({
    uri: process.env.MONGODB_URI,
    binary: process.env.MONGOD_BINARY,
    binaryDir,
    dataDir: path.join(runDir, 'shared'),
    logger: console,
  })
  if (!process.env.MONGODB_URI) await keepExpired(mongo.uri)
  let stopping: Promise<void> | undefined
  const stop = async (): Promise<void> => {
    await mongo.close()
    rmSync(runDir, { recursive: true, force: true })
  }
  return { uri: mongo.uri, runDir, stop: () => (stopping ??= stop()) }
}

/** Tests set their clocks: MongoDB's own clock must not delete what they still need. */
async function keepExpired(uri: string): Promise<void> {
  const client = await new MongoClient(uri).connect()
  await client.db('admin').command({ setParameter: 1, ttlMonitorEnabled: false })
  await client.close()
}

/** Removes the folders of runs that were killed: each is named after a process that has ended. */
async function removeKilledRuns(dir: string): Promise<void> {
  if (!existsSync(dir)) return
  for (const pid of readdirSync(dir).filter((name) => !processInfo(Number(name)))) {
    const runDir = path.join(dir, pid)
    const notes = globSync('**/mongod.json', { cwd: runDir })
    const endings = await Promise.allSettled(
      notes.map((note) => endOrphan(path.join(runDir, path.dirname(note)), console)),
    )
    // A mongod whose hub is still ending cannot be ended yet: the next run removes it.
    if (endings.every(({ status }) => status === 'fulfilled'))
      rmSync(runDir, { recursive: true, force: true })
  }
}
