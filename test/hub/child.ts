// Hubs as separate processes, as `npm start` runs them.

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll } from 'vitest'
import { demoScale } from '../harness/demo-data.ts'
import type { FreshDatabase } from '../harness/mongo.ts'
import { compileCacheDir } from '../../gateway/config/compile-cache.ts'

const fileOf = (name: string): string => fileURLToPath(new URL(`../../gateway/${name}`, import.meta.url))

export interface Run {
  readonly process: ChildProcess
  /** All lines that it has written so far. */
  readonly output: () => string
  /** Resolves with the first line that contains `text`; rejects when the process ends without it. */
  line(text: string): Promise<string>
  /** Resolves with the exit code; null when a signal ended the process. */
  readonly exit: Promise<number | null>
}

/**
 * Starts hubs over `database`, or other commands, with these settings only. The end of the test file ends
 * them.
 */
export function hubProcesses(
  database: Pick<FreshDatabase, 'uri' | 'name'>,
): (settings: Record<string, string>, ...command: string[]) => Run {
  const start = processes()
  return (settings, ...command) =>
    start(
      {
        MONGODB_URI: patient(database.uri),
        MONGODB_DATABASE: database.name,
        SCALE: demoScale,
        TRAFFIC: '0',
        UNSAFE: 'open-mongodb,plain-secrets',
        OFFERS: 'off',
        ...settings,
      },
      ...command,
    )
}

/** Starts commands of the gateway with these settings only. The end of the test file ends them. */
export function processes(): (settings: Record<string, string>, ...command: string[]) => Run {
  const runs: Run[] = []
  afterAll(() => runs.forEach((one) => one.process.kill('SIGKILL')))
  return (settings, ...command) => {
    const started = run(settings, command)
    runs.push(started)
    return started
  }
}

function run(settings: Record<string, string>, command: readonly string[]): Run {
  const [file = 'main.ts', ...args] = command
  const child = spawn(process.execPath, [fileOf(file), ...args], {
    env: {
      PATH: process.env.PATH,
      NODE_COMPILE_CACHE: compileCacheDir,
      PORT: '0',
      ...settings,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const lines: string[] = []
  const output = (): string => lines.join('\n')
  const waiting = new Set<{ text: string; resolve(line: string): void; reject(error: Error): void }>()
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line)
      for (const one of waiting) if (line.includes(one.text)) one.resolve(line)
    })
  }
  let hasEnded = false
  const endedWithout = (text: string) => new Error(`the hub ended without “${text}”:\n${output()}`)
  child.once('close', () => {
    hasEnded = true
    for (const { text, reject } of waiting) reject(endedWithout(text))
  })
  return {
    process: child,
    output,
    line: (text) =>
      new Promise((resolve, reject) => {
        const written = lines.find((line) => line.includes(text))
        if (written !== undefined) resolve(written)
        else if (hasEnded) reject(endedWithout(text))
        else waiting.add({ text, resolve, reject })
      }),
    exit: once(child, 'close').then(([code]) => code as number | null),
  }
}

/** A busy machine may take long to accept a connection. */
const patient = (uri: string): string =>
  `${uri}${uri.includes('?') ? '&' : '?'}serverSelectionTimeoutMS=60000`

/** Resolves when the hub is ready. */
export const urlOf = async (hub: Run): Promise<string> =>
  /http:[^\s"]+/.exec(await hub.line('Crossgate is ready at'))![0]
