import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished, test, vi } from 'vitest'
import { processInfo } from '../../../gateway/mongod/process-info.ts'
import { freshFolder } from '../../harness/mongo.ts'
import { binaryDir } from '../../harness/places.ts'

test('a load that is interrupted stops its MongoDB, and prints no error', { timeout: 120_000 }, async () => {
  const folder = freshFolder()
  const load = spawn(process.execPath, ['gateway/cli/dataset.ts', '--scale', '0.01'], {
    env: {
      MONGOD_BINARY: path.join(binaryDir, 'mongod'),
      ...process.env,
      MONGODB_URI: undefined,
      MODE: undefined,
      DATA_DIR: folder,
    },
  })
  onTestFinished(() => void load.kill('SIGKILL'))
  let output = ''
  load.stderr.on('data', (data: Buffer) => (output += data.toString()))
  const printed = text(load.stdout)
  const hasBegun = () => {
    if (load.exitCode !== null) throw new Error(output)
    return /merchants .* %/.test(output)
  }
  await vi.waitUntil(hasBegun, { timeout: 60_000, interval: 10 })
  const { mongod } = JSON.parse(readFileSync(path.join(folder, 'mongod.json'), 'utf8'))
  load.kill('SIGINT')
  const [code] = await once(load, 'exit')
  // The process that loads has the same output, and closes it when it ends.
  await printed
  expect(code).toBe(130)
  await vi.waitUntil(() => processInfo(mongod) === null, { timeout: 30_000, interval: 10 })
  expect(output).not.toMatch(/Error|\bat .*:\d+:\d+/)
})
