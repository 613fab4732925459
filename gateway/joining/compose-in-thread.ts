import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { Composed, CompositionInput } from './composition.ts'

/** `composeJoined` in a thread of its own, so that requests run meanwhile. */
export async function composeInThread(input: CompositionInput): Promise<Composed> {
  const worker = new Worker(new URL('compose-worker.ts', import.meta.url), { workerData: input })
  try {
    const [composed] = (await once(worker, 'message')) as [Composed]
    return composed
  } finally {
    await worker.terminate()
  }
}
