// Folders of the tests. They share the downloaded mongod with `npm start`.

import { existsSync, statfsSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))

export const binaryDir = path.join(root, '.data/mongod')

/** On the disk of the repository. */
export const runsDir = path.join(root, '.data/test')
const memory = '/dev/shm'
export const memoryRunsDir = path.join(memory, `crossgate-test-${process.getuid?.()}`)

/** More than the databases of a whole run take. */
const bytesMin = 4 * 2 ** 30

/**
 * Whether databases can lie in memory. What the tests end are processes and not the power, so nothing is
 * lost; on a disk, each write that is acknowledged waits for it.
 */
export function hasRoomInMemory(): boolean {
  if (!existsSync(memory)) return false
  const { bavail, bsize } = statfsSync(memory)
  return bavail * bsize > bytesMin && process.availableMemory() > 2 * bytesMin
}
