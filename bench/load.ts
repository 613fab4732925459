// Load over sockets on the loopback interface: each server is a process, the client is this process, and
// contenders take turns.

import autocannon from 'autocannon'
import { equal } from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { median, type Rate } from './measure.ts'

export interface Server {
  readonly name: string
  readonly url: string
  readonly pid: number
  close(): Promise<void>
}

/** What `npm start` gives to Node. */
export const nodeOptions = { NODE_OPTIONS: '--max-semi-space-size=16' }

/** Starts `file` with `args` as a process; its URL is the first address that it prints. */
export async function serve(
  name: string,
  file: URL,
  args: readonly string[] = [],
  environment: Readonly<Record<string, string>> = {},
): Promise<Server> {
  const child = spawn(process.execPath, [file.pathname, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...environment },
  })
  // The server ends with this process, also after a crash.
  const end = (): void => void child.kill('SIGKILL')
  process.once('exit', end)
  child.once('exit', () => process.off('exit', end))
  const url = await firstAddress(child)
  return {
    name,
    url,
    pid: child.pid!,
    close: () =>
      new Promise((resolve) => {
        child.once('exit', () => resolve())
        child.kill('SIGTERM')
      }),
  }
}

function firstAddress(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    child.once('exit', (code) => reject(new Error(`the server exited with code ${code} before it was ready`)))
    child.stdout!.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      const address = /http:\/\/\S+/.exec(text)?.[0]
      if (address) resolve(address)
    })
  })
}

export interface Target {
  readonly name: string
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  /** The bodies of POST requests, sent in turn. */
  readonly bodies: readonly string[]
}

/**
 * Sends `body` to each target. Throws when one returns other data than the first: another value, or the
 * same members in another order.
 */
export async function compareData(what: string, targets: readonly Target[], body: string): Promise<void> {
  const texts = await Promise.all(
    targets.map(async ({ url, headers }) => {
      const sent = { ...headers, 'content-type': 'application/json' }
      const response = await fetch(url, { method: 'POST', headers: sent, body })
      return JSON.stringify(((await response.json()) as { readonly data: unknown }).data)
    }),
  )
  texts.forEach((text, n) => equal(text, texts[0], `${what}: the response of ${targets[n]!.name} differs`))
}

export interface LoadOptions {
  /** Number of connections, with one request at a time on each. */
  readonly connections: number
  readonly rounds: number
  readonly sliceSeconds: number
}

/**
 * Measures the requests per second of each target in turn. Throws when a response has a status other than
 * 2xx.
 */
export async function load(targets: readonly Target[], options: LoadOptions): Promise<Rate[]> {
  const rates = targets.map(({ name }) => ({
    name,
    rounds: [] as number[],
    p50: [] as number[],
    p99: [] as number[],
  }))
  for (let round = -1; round < options.rounds; round += 1) {
    for (const [index, target] of targets.entries()) {
      const result = await autocannon({
        url: target.url,
        connections: options.connections,
        duration: options.sliceSeconds,
        sampleInt: 100,
        requests: target.bodies.map((body) => ({
          method: 'POST',
          headers: { 'content-type': 'application/json', ...target.headers },
          body,
        })),
      })
      if (result.non2xx > 0 || result.errors > 0) {
        throw new Error(
          `${target.name}: ${result.non2xx} responses were not 2xx, ${result.errors} requests failed`,
        )
      }
      if (round < 0) continue // The first round warms up.
      rates[index]!.rounds.push(result['2xx'] / result.duration)
      rates[index]!.p50.push(result.latency.p50)
      rates[index]!.p99.push(result.latency.p99)
    }
  }
  return rates.map(({ name, rounds, p50, p99 }) => ({
    name,
    perSecond: median(rounds),
    p50: median(p50),
    p99: median(p99),
    rounds,
  }))
}
