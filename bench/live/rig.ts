// Starts servers and clients as processes, sends them orders and reads their measurements.

import { fork, type ChildProcess } from 'node:child_process'
import { setTimeout as wait } from 'node:timers/promises'
import type { Count, Order as ClientOrder, Report } from './clients.ts'
import type { Measured, Order as ServerOrder } from './serve.ts'

/** The processes that end with this one, also after a crash. */
const children = new Set<ChildProcess>()
process.once('exit', () => children.forEach((child) => child.kill('SIGKILL')))

class Child<Order extends object> {
  readonly process: ChildProcess

  constructor(file: string, args: readonly string[] = []) {
    this.process = fork(new URL(file, import.meta.url), args, { execArgv: ['--expose-gc'] })
    children.add(this.process)
    this.process.once('exit', () => children.delete(this.process))
  }

  send(order: Order): void {
    this.process.send(order)
  }

  /** Resolves with the next message that `fits`. */
  receive<Message>(fits: (message: Record<string, unknown>) => boolean): Promise<Message> {
    return new Promise((resolve, reject) => {
      const ended = (code: number | null): void =>
        reject(new Error(`a process of the benchmark exited with code ${code}`))
      const listen = (message: unknown): void => {
        if (!fits(message as Record<string, unknown>)) return
        this.process.off('message', listen)
        this.process.off('exit', ended)
        resolve(message as Message)
      }
      this.process.on('message', listen)
      this.process.once('exit', ended)
    })
  }

  async close(): Promise<void> {
    const exited = new Promise((resolve) => this.process.once('exit', resolve))
    this.process.disconnect()
    await exited
  }
}

export class Server extends Child<ServerOrder> {
  url = ''

  static async start(name: string, ...args: string[]): Promise<Server> {
    const server = new Server('serve.ts', [name, ...args])
    const { url } = await server.receive<{ url: string }>((message) => message.url !== undefined)
    server.url = url
    return server
  }

  measure(): Promise<Measured> {
    const measured = this.receive<Measured>(({ rss }) => rss !== undefined)
    this.send({ do: 'measure' })
    return measured
  }
}

export class Clients extends Child<ClientOrder> {
  constructor() {
    super('clients.ts')
  }

  /** Resolves when the order is done, with the number of events received until then. */
  request(order: Exclude<ClientOrder, { do: 'report' }>): Promise<Count> {
    return this.#request<Count>(order)
  }

  report(): Promise<Report> {
    return this.#request<Report>({ do: 'report' })
  }

  async #request<Result>(order: ClientOrder): Promise<Result> {
    const done = this.receive<{ result: Result }>((message) => message.done === order.do)
    this.send(order)
    return (await done).result
  }
}

export interface Throughput {
  readonly perSecond: number
  /** Per second of the server's processor time, which does not depend on other processes. */
  readonly perCpuSecond: number
}

/**
 * Measures deliveries to `count` clients in `ms`, with at most `windowMax` events that have not arrived at
 * all clients.
 */
export async function throughput(
  server: Server,
  clients: Clients,
  { count, ms, windowMax }: { count: number; ms: number; windowMax: number },
): Promise<Throughput> {
  await clients.request({ do: 'reset' })
  const before = await server.measure()
  let sent = 0
  let received = 0
  const push = (): void => {
    for (; sent - received < windowMax; sent += burst) server.send({ do: 'publish', count: burst })
  }
  const listen = (message: unknown): void => {
    const { events } = message as { events?: number }
    if (events === undefined) return
    received = events / count
    push()
  }
  clients.process.on('message', listen)
  const startedAt = performance.now()
  push()
  await wait(ms)
  const took = performance.now() - startedAt
  const deliveries = received * count
  clients.process.off('message', listen)
  const after = await server.measure()
  // The next measurement must not receive events of this one.
  await drained(clients, sent * count)
  return {
    perSecond: (deliveries / took) * 1000,
    perCpuSecond: (deliveries / (after.cpuMs - before.cpuMs)) * 1000,
  }
}

/** Events that a server publishes at once, as in a batch of the sequencer. */
const burst = 4

/**
 * Publishes events until each of `count` clients has received one, because a subscription is not
 * acknowledged.
 */
export async function settled(server: Server, clients: Clients, count: number): Promise<void> {
  for (let n = 0; n < 100; n++) {
    server.send({ do: 'publish', count: 1 })
    await wait(200)
    if ((await clients.request({ do: 'count' })).reached === count) break
  }
  // Waits until no more events arrive.
  let before = -1
  for (let { events } = await clients.request({ do: 'count' }); events !== before;) {
    before = events
    await wait(500)
    events = (await clients.request({ do: 'count' })).events
  }
}

export async function drained(clients: Clients, expected: number): Promise<void> {
  for (let n = 0; n < 100; n++) {
    const { events } = await clients.request({ do: 'count' })
    if (events >= expected) return
    await wait(100)
  }
  throw new Error(`fewer than ${expected} deliveries arrived in 10 s`)
}

/** Measures the latency for `ms`, while one event is published every `everyMs`. */
export async function latency(
  server: Server,
  clients: Clients,
  { everyMs, ms }: { everyMs: number; ms: number },
): Promise<Report> {
  server.send({ do: 'tick', everyMs })
  await wait(500)
  await clients.request({ do: 'reset' })
  await wait(ms)
  const report = await clients.report()
  server.send({ do: 'stop' })
  await wait(300)
  return report
}
