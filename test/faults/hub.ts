// A hub as a process, which a run kills, stops and starts again on the same port.

import type { ChildProcess } from 'node:child_process'
import { closeSync, globSync, openSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { endProcess } from '../harness/end-process.ts'
import { start, until } from './processes.ts'

/** Of the hubs of a run, so that the judge reads the positions that their cursors hide. */
export const cursorSecret = 'the secret of a run that makes hubs fail'

export interface HubSettings {
  /** The tree whose `gateway/main.ts` is run. */
  readonly tree: string
  readonly port: number
  readonly mongoUri: string
  readonly database: string
  readonly logFile: string
}

export class Hub {
  readonly url: string
  readonly #settings: HubSettings
  #process: ChildProcess | null = null
  #onStart: ((pid: number) => void) | null = null
  /** How much of the log has been read. */
  #readBytes = 0

  constructor(settings: HubSettings) {
    this.#settings = settings
    this.url = `http://127.0.0.1:${settings.port}`
  }

  /** Starts the process; `clock` such as "+1d" shifts its clock by libfaketime. */
  start(clock?: string): void {
    const { tree, port, mongoUri, database, logFile } = this.#settings
    const log = openSync(logFile, 'a')
    this.#process = start(process.execPath, [path.join(tree, 'gateway/main.ts')], {
      cwd: tree,
      stdio: ['ignore', log, log],
      env: {
        PATH: process.env['PATH'],
        MONGODB_URI: mongoUri,
        MONGODB_DATABASE: database,
        PORT: String(port),
        SCALE: '0.0001',
        TRAFFIC: '0',
        OFFERS: 'off',
        CURSOR_SECRET: cursorSecret,
        LOG_LEVEL: 'info',
        CHECKPOINT_MS: '1000',
        ...(clock !== undefined && fakeTime(clock)),
      },
    })
    closeSync(log)
    this.#onStart?.(this.#process.pid!)
  }

  /** Calls `onStart` with the id of the present process, and of each that follows. */
  watch(onStart: (pid: number) => void): void {
    this.#onStart = onStart
    if (this.#process) onStart(this.#process.pid!)
  }

  /** Waits until the hub takes work; one that ended because MongoDB was away is started again. */
  ready(withinMs = 90_000): Promise<void> {
    return until(`the hub at ${this.url} is ready`, withinMs, async () => {
      if (this.#process?.exitCode !== null) this.start()
      const { status } = await fetch(`${this.url}/readyz`, { signal: AbortSignal.timeout(3_000) })
      return status === 200
    })
  }

  signal(signal: NodeJS.Signals): void {
    this.#process?.kill(signal)
  }

  async end(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (this.#process) await endProcess(this.#process, signal)
  }

  /** The unexpected errors in the log since the last call: each of them ends a hub that is not stopping. */
  async unexpectedErrors(): Promise<readonly string[]> {
    const log = await readFile(this.#settings.logFile)
    const lines = log.toString('utf8', this.#readBytes).split('\n')
    this.#readBytes = log.length
    return lines.filter((line) => line.includes('"the hub stops because of an unexpected error"'))
  }

  /** Resident memory in MB; null when the process does not run. */
  async memoryMb(): Promise<number | null> {
    const status = await readFile(`/proc/${this.#process?.pid}/status`, 'utf8').catch(() => '')
    const [, kb] = /VmRSS:\s+(\d+)/.exec(status) ?? []
    return kb === undefined ? null : Math.round(Number(kb) / 1024)
  }
}

const [faketimeLibrary] = globSync('/usr/lib/*/faketime/libfaketimeMT.so.1')

export const hasFakeTime = faketimeLibrary !== undefined

/** Only the time of day is shifted; timers keep running. */
const fakeTime = (clock: string) => ({
  LD_PRELOAD: faketimeLibrary,
  FAKETIME: clock,
  FAKETIME_DONT_FAKE_MONOTONIC: '1',
})
