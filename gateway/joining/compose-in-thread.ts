// Runs `composeJoined` in a thread of its own: requests run meanwhile. The thread ends when it has been idle.

import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { compileCacheDir } from '../config/compile-cache.ts'
import { environmentWith } from '../config/config.ts'
import type { Composed, CompositionInput } from './composition.ts'

export interface Composer {
  /** One composition at a time; the others wait. */
  compose(input: CompositionInput): Promise<Composed>
  close(): Promise<void>
}

/** Loading the thread takes longer than a composition, and several changes often follow each other. */
const idleMs = 10_000

export function openComposer(): Composer {
  let worker: Worker | null = null
  let ending: NodeJS.Timeout | undefined
  let last: Promise<unknown> = Promise.resolve()

  const end = async (): Promise<void> => {
    clearTimeout(ending)
    const ended = worker
    worker = null
    await ended?.terminate()
  }

  async function run(input: CompositionInput): Promise<Composed> {
    clearTimeout(ending)
    worker ??= new Worker(new URL('compose-worker.ts', import.meta.url), {
      env: environmentWith({ NODE_COMPILE_CACHE: compileCacheDir }),
    })
    worker.unref()
    const done = new AbortController()
    const { signal } = done
    try {
      const answered = once(worker, 'message', { signal }) as Promise<[Composed]>
      const ended = once(worker, 'exit', { signal }).then((): never => {
        throw new Error('the thread that composes has ended')
      })
      worker.postMessage(input, [])
      const [composed] = await Promise.race([answered, ended])
      ending = setTimeout(() => void end(), idleMs).unref()
      return composed
    } catch (error) {
      await end()
      throw error
    } finally {
      done.abort()
    }
  }

  return {
    compose(input) {
      const composed = last.then(() => run(input))
      last = composed.catch(() => {})
      return composed
    },
    async close() {
      await last
      await end()
    },
  }
}
