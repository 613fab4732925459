// Sends many requests over few sockets with little processor time, so that the server has the rest of the
// machine.

import { connect, type Socket } from 'node:net'

export interface PostResult {
  /** The latency of each response in milliseconds. */
  readonly latencies: number[]
  readonly perSecond: number
}

export interface ClientOptions {
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly connections: number
  /** The next body, or null to stop. */
  readonly next: () => string | null
  /** Checks the body of a response with status 200; throws for an invalid one. */
  readonly check?: (body: string) => void
}

/**
 * Sends the bodies of `next` as POST requests until it returns null. Throws at the first response with a
 * status other than 200.
 */
export async function post(options: ClientOptions): Promise<PostResult> {
  const { hostname, port, pathname } = new URL(options.url)
  const head =
    `POST ${pathname} HTTP/1.1\r\nhost: ${hostname}:${port}\r\ncontent-type: application/json\r\n` +
    Object.entries(options.headers ?? {})
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join('')
  const latencies: number[] = []
  const start = performance.now()
  await Promise.all(
    Array.from({ length: options.connections }, () =>
      converse(connect(Number(port), hostname), head, options, latencies),
    ),
  )
  return { latencies, perSecond: (latencies.length / (performance.now() - start)) * 1000 }
}

function converse(
  socket: Socket,
  head: string,
  { next, check }: ClientOptions,
  latencies: number[],
): Promise<void> {
  socket.setNoDelay(true)
  return new Promise((resolve, reject) => {
    let sentAt = 0
    let received = Buffer.alloc(0)
    const send = () => {
      const body = next()
      if (body === null) {
        socket.end()
        return resolve()
      }
      sentAt = performance.now()
      socket.write(`${head}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)
    }
    socket.on('error', reject)
    socket.on('connect', send)
    socket.on('data', (chunk) => {
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk])
      const bodyAt = received.indexOf('\r\n\r\n') + 4
      if (bodyAt < 4) return
      const responseHead = received.toString('latin1', 0, bodyAt)
      const length = Number(/content-length: (\d+)/i.exec(responseHead)?.[1])
      if (received.length < bodyAt + length) return
      latencies.push(performance.now() - sentAt)
      try {
        const body = received.toString('utf8', bodyAt)
        if (!responseHead.startsWith('HTTP/1.1 200')) throw new Error(`${responseHead}${body}`)
        check?.(body)
      } catch (error) {
        socket.destroy()
        return reject(error)
      }
      received = Buffer.alloc(0)
      send()
    })
  })
}

/** Returns a function that makes `count` bodies, then null. */
export function bodies(count: number, body: (n: number) => string): () => string | null {
  let n = 0
  return () => (n < count ? body(n++) : null)
}
