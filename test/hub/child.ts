// Hubs as processes of their own, as `npm start` runs them.

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll } from 'vitest'
import type { FreshDatabase } from '../harness/mongo.ts'

const fileOf = (name: string): string => fileURLToPath(new URL(`../../gateway/${name}`, import.meta.url))

export interface Run {
  readonly process: ChildProcess
  /** Everything that it has written. */
  readonly output: () => string
  /** Resolves with the first line that has `text` in it. */
  line(text: string): Promise<string>
  /** Resolves with its exit code; null when a signal ended it. */
  readonly exit: Promise<number | null>
}

/**
 * Starts hubs over `database`, which are ended with the test file: the one command, or another, with these
 * settings and no others.
 */
export function hubProcesses(
  database: FreshDatabase,
): (settings: Record<string, string>, ...command: string[]) => Run {
  const runs: Run[] = []
  afterAll(() => runs.forEach((one) => one.process.kill('SIGKILL')))
  return (settings, ...command) => {
    const started = run(database, settings, command)
    runs.push(started)
    return started
  }
}

function run(database: FreshDatabase, settings: Record<string, string>, command: readonly string[]): Run {
  const [file = 'main.ts', ...args] = command
  const child = spawn(process.execPath, [fileOf(file), ...args], {
    env: {
      PATH: process.env.PATH,
      MONGODB_URI: database.uri,
      MONGODB_DATABASE: database.name,
      SCALE: '0.0002',
      TRAFFIC: '0',
      PORT: '0',
      ...settings,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const lines: string[] = []
  const waiting = new Set<{ text: string; resolve: (line: string) => void }>()
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line)
      for (const one of waiting) if (line.includes(one.text)) one.resolve(line)
    })
  }
  return {
    process: child,
    output: () => lines.join('\n'),
    line: (text) =>
      new Promise((resolve) => {
        const known = lines.find((line) => line.includes(text))
        if (known !== undefined) resolve(known)
        else waiting.add({ text, resolve })
      }),
    exit: once(child, 'close').then(([code]) => code as number | null),
  }
}

/** Resolves when the hub is ready. */
export const urlOf = async (hub: Run): Promise<string> =>
  /http:[^\s"]+/.exec(await hub.line('Crossgate is ready at'))![0]
