// Stands between a generator of requests and the hub: passes each request on, and checks its answer.

import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { check, type Answer } from './check.ts'

export interface CheckingProxy {
  readonly url: string
  readonly requests: number
  readonly slowestMs: number
  /** One line for each answer that is wrong. */
  readonly faults: readonly string[]
  close(): void
}

/** `pid` is the process of the hub at `target`; null does not read its time on a processor. */
export async function openCheckingProxy(target: string, pid: number | null): Promise<CheckingProxy> {
  const faults: string[] = []
  let requests = 0
  let slowestMs = 0
  const pass = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await text(request)
    const { authorization = '' } = request.headers
    const send = async (): Promise<Answer> => {
      const answered = await fetch(`${target}${request.url ?? ''}`, {
        method: request.method!,
        headers: { authorization, 'content-type': 'application/json' },
        ...(body !== '' && { body }),
      })
      return { status: answered.status, text: await answered.text() }
    }
    const query = queryIn(body)
    if (query === null) {
      const answer = await send()
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.text)
      return
    }
    const { answer, ms, faults: found } = await check(pid, query, send, 'any')
    requests++
    slowestMs = Math.max(slowestMs, ms)
    for (const fault of found) faults.push(`${authorization}: ${fault}: ${body}`)
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.text)
  }
  // One after another: the time on a processor is that of one request.
  let passing: Promise<void> = Promise.resolve()
  const server = createServer((request, response) => {
    passing = passing
      .then(() => pass(request, response))
      .catch((error: unknown) => {
        faults.push(`a request has no answer: ${String(error)}`)
        response.destroy()
      })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get requests() {
      return requests
    },
    get slowestMs() {
      return slowestMs
    },
    faults,
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}

/** Null for a body that is no request with a document. */
function queryIn(body: string): string | null {
  try {
    const { query } = JSON.parse(body) as { query?: unknown }
    return typeof query === 'string' ? query : null
  } catch {
    return null
  }
}
