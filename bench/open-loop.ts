// Requests at a fixed rate, whatever the server does: a latency counts from the time at which the request was
// due, so a server that falls behind cannot hide it.

import { setTimeout as pause } from 'node:timers/promises'
import { Pool } from 'undici'

export interface OpenLoopOptions {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly perSecond: number
  readonly seconds: number
  /** The body of request `n`. */
  readonly body: (n: number) => string
  /** Receives a response with errors. By default it is thrown. */
  readonly onError?: (text: string) => void
}

/** Returns the latency of each request in milliseconds, also of those that were answered with errors. */
export async function openLoop(options: OpenLoopOptions): Promise<number[]> {
  const { url, headers, perSecond, seconds, body, onError = throwError } = options
  const { origin, pathname } = new URL(url)
  const pool = new Pool(origin, { connections: 128 })
  const start = performance.now() + 50
  const latencies: number[] = []
  const send = async (n: number) => {
    const dueAt = start + (n * 1000) / perSecond
    await pause(Math.max(0, dueAt - performance.now()))
    const response = await pool.request({
      path: pathname,
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: body(n),
    })
    const text = await response.body.text()
    if (response.statusCode !== 200 || text.includes('"errors"')) onError(text.slice(0, 500))
    latencies.push(performance.now() - dueAt)
  }
  try {
    await Promise.all(Array.from({ length: Math.round(perSecond * seconds) }, (_, n) => send(n)))
  } finally {
    await pool.close()
  }
  return latencies
}

function throwError(text: string): never {
  throw new Error(text)
}
