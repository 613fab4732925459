// A shell that runs the blocks of one page, one after another, as a reader would paste them.

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { vi } from 'vitest'
import { compileCacheDir } from '../../gateway/config/compile-cache.ts'
import { root } from './root.ts'

export class Shell {
  readonly #process: ChildProcess
  readonly #folder: string
  #output = ''
  #blocks = 0

  /** `folder` is for the outputs of streams. */
  constructor(folder: string, settings: Readonly<Record<string, string>>) {
    this.#folder = folder
    const env = {
      ...settings,
      HOME: folder,
      PATH: `${root}/node_modules/.bin:${process.env.PATH}`,
      NODE_COMPILE_CACHE: compileCacheDir,
    }
    // A group of its own, so that closing it ends what it has started.
    this.#process = spawn('bash', ['--noprofile', '--norc'], { cwd: root, env, detached: true })
    for (const stream of [this.#process.stdout!, this.#process.stderr!]) {
      stream.setEncoding('utf8').on('data', (text: string) => (this.#output += text))
    }
  }

  /** Runs a block to its end, and returns what it has printed. Throws when it fails. */
  async run(block: string): Promise<string> {
    const end = `-- end of block ${++this.#blocks}: `
    this.#output = ''
    this.#process.stdin!.write(`{\n${block}} </dev/null\nprintf '\\n%s%s\\n' '${end}' $?\n`)
    const status = await vi.waitUntil(
      () => new RegExp(`^${end}(\\d+)$`, 'm').exec(this.#output)?.[1],
      waiting,
    )
    const output = this.#output.slice(0, this.#output.indexOf(`\n${end}`))
    if (status !== '0') throw new Error(`the block ended with ${status}:\n${output}`)
    return output
  }

  /**
   * Starts a block in the background; resolves with a function that reads its output once it has printed
   * something.
   */
  async start(block: string): Promise<() => string> {
    const file = path.join(this.#folder, `stream-${++this.#blocks}`)
    await this.run(`{\n${block}} >'${file}' 2>&1 &\n`)
    // The shell may continue before its child opens the file.
    const output = () => (existsSync(file) ? readFileSync(file, 'utf8') : '')
    await vi.waitUntil(() => output() !== '', waiting)
    return output
  }

  async close(): Promise<void> {
    const closed = once(this.#process, 'close')
    process.kill(-this.#process.pid!, 'SIGKILL')
    await closed
  }
}

export const waiting = { timeout: 20_000, interval: 10 }
