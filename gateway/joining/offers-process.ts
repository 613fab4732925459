// The process of the offers subgraph: starts it, starts it again when it ends, and ends it with the hub.

import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { pause } from '../../subgraphs/platform/async/promise.ts'
import type { Logger } from '../../subgraphs/platform/logger.ts'
import { compileCacheDir } from '../config/compile-cache.ts'

export interface OffersProcess {
  /** Resolves with the URL of the subgraph once it is ready; never rejects. It keeps its port. */
  readonly url: Promise<string>
  close(): Promise<void>
}

export interface OffersProcessOptions {
  readonly uri: string
  readonly database: string
  readonly logger: Pick<Logger, 'info' | 'warn'>
  /** The pause before the first restart, which doubles up to `restartMsMax`. Default: 500. */
  readonly restartMs?: number
}

const restartMsMax = 30_000
/** A process that has run for this long is restarted after the shortest pause again. */
const steadyMs = 60_000
/** After this long, a process that does not end is killed. */
const endMs = 2_000

export function startOffersProcess(options: OffersProcessOptions): OffersProcess {
  const { logger, restartMs = 500 } = options
  const closing = new AbortController()
  const { promise: url, resolve: onReady } = Promise.withResolvers<string>()
  let child: ChildProcess | null = null
  let port = '0'

  async function run(): Promise<void> {
    for (let pauseMs = restartMs; !closing.signal.aborted;) {
      const startedAtMs = performance.now()
      child = start(options, port)
      child.on('message', (message) => {
        const ready = (message as { url: string }).url
        port = new URL(ready).port
        logger.info({ pid: child?.pid, url: ready }, 'the offers subgraph is ready')
        onReady(ready)
      })
      const [code, signal] = (await once(child, 'exit').catch((error: Error) => [
        error.message,
        null,
      ])) as unknown[]
      if (closing.signal.aborted) return
      if (performance.now() - startedAtMs > steadyMs) pauseMs = restartMs
      logger.warn(
        { code, signal, pauseMs },
        'the process of the offers subgraph has ended: starting it again',
      )
      await pause(pauseMs, closing.signal)
      pauseMs = Math.min(pauseMs * 2, restartMsMax)
    }
  }
  const running = run()

  return {
    url,
    async close() {
      closing.abort()
      child?.kill('SIGTERM')
      const killing = setTimeout(() => child?.kill('SIGKILL'), endMs)
      await running
      clearTimeout(killing)
    },
  }
}

/** The process ends when its channel to the hub closes, so it does not outlive a hub that was killed. */
const start = ({ uri, database }: OffersProcessOptions, port: string): ChildProcess =>
  fork(new URL('../../subgraphs/offers/main.ts', import.meta.url), [], {
    env: {
      MONGODB_URI: uri,
      MONGODB_DATABASE: database,
      OFFERS_PORT: port,
      LOG_LEVEL: 'warn',
      NODE_COMPILE_CACHE: compileCacheDir,
    },
    execArgv: [],
  })
