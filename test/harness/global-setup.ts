// One MongoDB for a whole run of the tests, on a free port and in a folder of its own, ended and removed after it.

import { globSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import path from 'node:path'
import type { TestProject } from 'vitest/node'
import { startMongo } from '../../gateway/mongod/start.ts'
import { endOrphan } from '../../gateway/mongod/folder.ts'
import { processInfo } from '../../gateway/mongod/process-info.ts'
import { binaryDir, runsDir } from './places.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    mongoUri: string
    /** Removed after the run. */
    runDir: string
  }
}

export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  await removeKilledRuns()
  const runDir = path.join(runsDir, String(process.pid))
  const mongo = await startMongo({
    uri: process.env.MONGODB_URI,
    binary: process.env.MONGOD_BINARY,
    binaryDir,
    dataDir: path.join(runDir, 'shared'),
    logger: console,
  })
  project.provide('mongoUri', mongo.uri)
  project.provide('runDir', runDir)
  return async () => {
    await mongo.close()
    rmSync(runDir, { recursive: true, force: true })
  }
}

/** A folder is named after the process that runs its tests; when that is gone without removing it, it was killed. */
async function removeKilledRuns(): Promise<void> {
  mkdirSync(runsDir, { recursive: true })
  for (const pid of readdirSync(runsDir).filter((name) => !processInfo(Number(name)))) {
    const runDir = path.join(runsDir, pid)
    const notes = globSync('**/mongod.json', { cwd: runDir })
    const endings = await Promise.allSettled(
      notes.map((note) => endOrphan(path.join(runDir, path.dirname(note)), console)),
    )
    // One that cannot be ended yet, because its hub is just ending too, is left to the next run.
    if (endings.every(({ status }) => status === 'fulfilled'))
      rmSync(runDir, { recursive: true, force: true })
  }
}
