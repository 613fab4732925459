// `npm run start:distributed`: the gateway and each subgraph in a process of its own, on this machine.

import type { FastifyBaseLogger } from 'fastify'
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { pause } from '../../subgraphs/platform/async/promise.ts'
import { connectWatched } from '../../subgraphs/platform/mongo/client.ts'
import { environmentWith, type Config, type Role } from '../config/config.ts'
import { seedDemo } from './demo.ts'
import { whenMongoAnswers } from './foundation.ts'
import type { Hub, HubOptions } from './hub.ts'

/** How long a process that ended is left before it is started again. */
const startAgainMs = 1_000

const program = new URL('../main.ts', import.meta.url)

/**
 * Starts all processes, and resolves when the gateway is ready. A subgraph that ends is started again at the
 * same address. The first start of each must succeed.
 */
export async function startDistributed(config: Config, options: HubOptions): Promise<Hub> {
  const { logger } = options
  const mongod = await options.mongod
  await using started = new AsyncDisposableStack()
  started.defer(() => mongod.close())
  if (config.MODE === 'demo') await whenMongoAnswers(logger, () => seed(mongod.uri, config, options))
  const start = async (role: Role, settings: Record<string, string>): Promise<Supervised> => {
    const child = new Supervised(role, { ...settings, MONGODB_URI: mongod.uri }, logger)
    started.defer(() => child.close())
    await child.ready
    return child
  }
  const merchant = await start('merchant', { PORT: '0' })
  const addresses = { MERCHANT_URLS: merchant.url }
  const [participant, transaction, analytics] = await Promise.all([
    start('participant', { PORT: '0', ...addresses }),
    start('transaction', { PORT: '0', ...addresses }),
    start('analytics', { PORT: '0', ...addresses }),
  ])
  const gateway = await start('gateway', {
    PORT: String(config.PORT),
    ...addresses,
    PARTICIPANT_URLS: participant.url,
    TRANSACTION_URLS: transaction.url,
    ANALYTICS_URLS: analytics.url,
  })
  const processes = started.move()
  let closing: Promise<void> | null = null
  return {
    url: gateway.url,
    mongo: mongod.source,
    broken: new Promise((resolve) => {
      void mongod.ended.then(() => closing ?? resolve(new Error('MongoDB has ended')))
    }),
    close: () => (closing ??= processes.disposeAsync()),
  }
}

/** A process that ended before it was ready; its own lines have the reason. */
class ProcessError extends Error {
  readonly code = 'PROCESS_ENDED'
  constructor(role: Role, end: number | string | null) {
    super(`the ${role} process ended with ${end} before it was ready: see the lines above`)
    this.name = 'ProcessError'
  }
}

/** Adds the demo keys and the data set before any process reads them. */
async function seed(
  uri: string,
  config: Config,
  { logger, now = () => new Date() }: HubOptions,
): Promise<void> {
  const mongo = await connectWatched(uri, logger)
  try {
    await seedDemo(uri, mongo.db(config.MONGODB_DATABASE), config, logger, now)
  } finally {
    await mongo.close()
  }
}

/** A process that is started again, at the same port, when it ends. */
class Supervised {
  url = ''
  /** Resolves when the process is ready for the first time; rejects when it ends before. */
  readonly ready: Promise<void>
  readonly #role: Role
  readonly #settings: Record<string, string>
  readonly #logger: Pick<FastifyBaseLogger, 'warn' | 'info'>
  readonly #closing = new AbortController()
  #child: ChildProcess | null = null
  readonly #running: Promise<void>

  constructor(
    role: Role,
    settings: Record<string, string>,
    logger: Pick<FastifyBaseLogger, 'warn' | 'info'>,
  ) {
    this.#role = role
    this.#settings = settings
    this.#logger = logger
    const ready = Promise.withResolvers<void>()
    this.ready = ready.promise
    this.#running = this.#run(ready)
  }

  /** Ends the process, and resolves when it has ended. */
  async close(): Promise<void> {
    this.#closing.abort()
    this.#child?.kill('SIGTERM')
    await this.#running
  }

  async #run({ resolve, reject }: PromiseWithResolvers<void>): Promise<void> {
    while (!this.#closing.signal.aborted) {
      // In a process group of its own: ctrl-C reaches it through this process, which ends the gateway first.
      const child = fork(program, [this.#role], {
        detached: true,
        env: environmentWith(this.#settings),
      })
      this.#child = child
      child.once('message', (url) => {
        this.url = url as string
        this.#settings['PORT'] = new URL(this.url).port
        this.#logger.info(`the ${this.#role} process is ${child.pid} at ${this.url}`)
        resolve()
      })
      const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
      if (this.#closing.signal.aborted) return
      if (this.url === '') return reject(new ProcessError(this.#role, code ?? signal))
      this.#logger.warn(`the ${this.#role} process ended with ${code ?? signal}: it is started again`)
      await pause(startAgainMs, this.#closing.signal)
    }
  }
}
