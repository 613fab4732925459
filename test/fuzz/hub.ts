// A demo hub for fuzzing, with a MongoDB of its own and nothing else to do.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export interface FuzzedHub {
  readonly url: string
  readonly pid: number
  close(): Promise<void>
}

export async function startHub(): Promise<FuzzedHub> {
  const folder = await mkdtemp(join(tmpdir(), 'crossgate-fuzz-'))
  const main = fileURLToPath(new URL('../../gateway/main.ts', import.meta.url))
  const hub = spawn(process.execPath, [main], {
    env: {
      PATH: process.env['PATH'],
      MODE: 'demo',
      PORT: '0',
      DATA_DIR: folder,
      SCALE: '0.0002',
      TRAFFIC: '0',
      OFFERS: 'off',
      ...(process.env['MONGOD_BINARY'] && { MONGOD_BINARY: process.env['MONGOD_BINARY'] }),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(hub, 'close')
  // The hub ends its MongoDB too.
  process.once('exit', () => hub.kill('SIGTERM'))
  const url = await new Promise<string>((resolve, reject) => {
    createInterface(hub.stdout).on('line', (line) => {
      const [, found] = /Crossgate is ready at (http:[^\s"]+)/.exec(line) ?? []
      if (found) resolve(found)
      // Of the log, only what went wrong.
      else if (/"level":[56]0/.test(line)) console.log(line)
    })
    ended.then(() => reject(new Error('the hub ended before it was ready')), reject)
  })
  return {
    url,
    pid: hub.pid!,
    async close() {
      hub.kill('SIGTERM')
      await ended
      await rm(folder, { recursive: true, force: true })
    },
  }
}
