// Servers and clients as processes of their own, each told what to do and asked how it went.

import { fork, type ChildProcess } from 'node:child_process'
import { setTimeout as wait } from 'node:timers/promises'
import type { Count, Order as ClientOrder, Report } from './clients.ts'
import type { Measured, Order as ServerOrder } from './serve.ts'

/** However this process ends, it leaves no other behind. */
const children = new Set<ChildProcess>()
process.once('exit', () => children.forEach((child) => child.kill('SIGKILL')))

class Child<Order extends object> {
  readonly process: ChildProcess

  constructor(file: string, args: readonly string[] = []) {
    this.process = fork(new URL(file, import.meta.url), args, { execArgv: ['--expose-gc'] })
    children.add(this.process)
    this.process.once('exit', () => children.delete(this.process))
  }

  tell(order: Order): void {
    this.process.send(order)
  }

  /** The next message that `fits`. */
  hear<Message>(fits: (message: Record<string, unknown>) => boolean): Promise<Message> {
    return new Promise((resolve, reject) => {
      const ended = (code: number | null): void =>
        reject(new Error(`a process of the benchmark ended with ${code}`))
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

  async stop(): Promise<void> {
    const gone = new Promise((resolve) => this.process.once('exit', resolve))
    this.process.disconnect()
    await gone
  }
}

export class Server extends Child<ServerOrder> {
  url = ''

  static async start(name: string, ...args: string[]): Promise<Server> {
    const server = new Server('serve.ts', [name, ...args])
    const { url } = await server.hear<{ url: string }>(({ url: its }) => its !== undefined)
    server.url = url
    return server
  }

  measure(): Promise<Measured> {
    const measured = this.hear<Measured>(({ rss }) => rss !== undefined)
    this.tell({ do: 'measure' })
    return measured
  }
}

export class Clients extends Child<ClientOrder> {
  constructor() {
    super('clients.ts')
  }

  /** Resolves when it is done, with how many events have come until then. */
  ask(order: Exclude<ClientOrder, { do: 'report' }>): Promise<Count> {
    return this.#answer<Count>(order)
  }

  report(): Promise<Report> {
    return this.#answer<Report>({ do: 'report' })
  }

  async #answer<Answer>(order: ClientOrder): Promise<Answer> {
    const done = this.hear<{ answer: Answer }>(({ done: what }) => what === order.do)
    this.tell(order)
    return (await done).answer
  }
}

export interface Throughput {
  readonly perSecond: number
  /** By the server's own processor time, which other work on the machine does not change. */
  readonly perCpuSecond: number
}

/** As many events as go through in `ms`, never more than `windowMax` of them on their way to all `count` clients. */
export async function throughput(
  server: Server,
  clients: Clients,
  { count, ms, windowMax }: { count: number; ms: number; windowMax: number },
): Promise<Throughput> {
  await clients.ask({ do: 'reset' })
  const before = await server.measure()
  let told = 0
  let got = 0
  const push = (): void => {
    for (; told - got < windowMax; told += burst) server.tell({ do: 'tell', count: burst })
  }
  const listen = (message: unknown): void => {
    const { events } = message as { events?: number }
    if (events === undefined) return
    got = events / count
    push()
  }
  clients.process.on('message', listen)
  const startedAt = performance.now()
  push()
  await wait(ms)
  const took = performance.now() - startedAt
  const deliveries = got * count
  clients.process.off('message', listen)
  const after = await server.measure()
  // What is still on its way is for nobody to wait for in the next measurement.
  await drained(clients, told * count)
  return {
    perSecond: (deliveries / took) * 1000,
    perCpuSecond: (deliveries / (after.cpuMs - before.cpuMs)) * 1000,
  }
}

/** Events that a server is told of at one time, as a sequencer's batch is. */
const burst = 4

/** Tells events until every one of `count` clients has heard some: a subscription is not acknowledged. */
export async function settled(server: Server, clients: Clients, count: number): Promise<void> {
  for (let n = 0; n < 100; n++) {
    server.tell({ do: 'tell', count: 1 })
    await wait(200)
    if ((await clients.ask({ do: 'count' })).reached === count) break
  }
  // What was told meanwhile arrives too.
  let before = -1
  for (let { events } = await clients.ask({ do: 'count' }); events !== before;) {
    before = events
    await wait(500)
    events = (await clients.ask({ do: 'count' })).events
  }
}

export async function drained(clients: Clients, expected: number): Promise<void> {
  for (let n = 0; n < 100; n++) {
    const { events } = await clients.ask({ do: 'count' })
    if (events >= expected) return
    await wait(100)
  }
  throw new Error(`${expected} deliveries were expected and did not come`)
}

/** Latency while one event comes every `everyMs`, for `ms`. */
export async function latency(
  server: Server,
  clients: Clients,
  { everyMs, ms }: { everyMs: number; ms: number },
): Promise<Report> {
  server.tell({ do: 'tick', everyMs })
  await wait(500)
  await clients.ask({ do: 'reset' })
  await wait(ms)
  const report = await clients.report()
  server.tell({ do: 'stop' })
  await wait(300)
  return report
}
