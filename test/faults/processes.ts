// The processes that a run starts. All of them end with it, whatever happens.

import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'

const running = new Set<ChildProcess>()

process.once('exit', endAll)
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

/** Ends every process that is still running; a stopped one too. */
function endAll(): void {
  for (const child of running) child.kill('SIGKILL')
}

/** Starts a process that ends with this one at the latest. */
export function start(command: string, args: readonly string[], options: SpawnOptions = {}): ChildProcess {
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit'], ...options })
  running.add(child)
  child.once('exit', () => running.delete(child))
  return child
}

/** Returns free ports of 127.0.0.1. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => once(server, 'listening')))
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map((server) => once(server.close(), 'close')))
  return ports
}

/** Calls `isTrue` until it gives true; throws after `withinMs`. An error counts as false. */
export async function until(what: string, withinMs: number, isTrue: () => Promise<boolean>): Promise<void> {
  const endAt = performance.now() + withinMs
  while (!(await isTrue().catch(() => false))) {
    if (performance.now() > endAt) throw new Error(`not within ${withinMs / 1000} s: ${what}`)
    await pause(100)
  }
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
