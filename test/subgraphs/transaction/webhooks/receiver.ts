// A participant's own server, on this machine: keeps what it is sent, and answers as the test says.

import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll } from 'vitest'

export interface Received {
  readonly path: string
  readonly headers: IncomingHttpHeaders &
    Record<'webhook-id' | 'webhook-timestamp' | 'webhook-signature', string>
  readonly body: string
}

export interface Receiver {
  readonly url: string
  readonly port: number
  readonly received: Received[]
  /** Status to answer with, or what to do with the response; may be changed at any time. */
  answer: number | ((response: ServerResponse, request: Received) => void)
  /** Resolves when this many requests have come in all. */
  until(count: number): Promise<void>
  close(): Promise<void>
}

export const hangs = (): void => {}

/** Listens on a free port of 127.0.0.1 until the test file is over. */
export async function aReceiver(answer: Receiver['answer'] = 200): Promise<Receiver> {
  const received: Received[] = []
  let waiting: { count: number; resolve: () => void }[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const one = {
        path: request.url!,
        headers: request.headers,
        body: Buffer.concat(chunks).toString(),
      } as Received
      received.push(one)
      waiting = waiting.filter(({ count, resolve }) => received.length < count || resolve())
      if (typeof receiver.answer === 'function') receiver.answer(response, one)
      else response.writeHead(receiver.answer).end()
    })
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  const close = async () => {
    server.closeAllConnections()
    if (server.listening) await new Promise((resolve) => server.close(resolve))
  }
  afterAll(close)
  const receiver: Receiver = {
    url: `http://127.0.0.1:${port}/hooks`,
    port,
    received,
    answer,
    until: (count) =>
      new Promise((resolve) => {
        if (received.length >= count) resolve()
        else waiting.push({ count, resolve })
      }),
    close,
  }
  return receiver
}
