// Many requests over few sockets, as cheaply as Node can: what the client does not spend, the machine has for who answers.

import { connect, type Socket } from 'node:net'

export interface Answers {
  /** Of each answer, in milliseconds. */
  readonly latencies: number[]
  readonly perSecond: number
}

export interface ClientOptions {
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly connections: number
  /** The next body, or null to stop. */
  readonly next: () => string | null
  /** Looks at a body that was answered with 200; throws when it is not as it should be. */
  readonly check?: (answer: string) => void
}

/** POSTs what `next` gives, one request in flight a connection, until it gives null. Throws at the first answer that is not 200. */
export async function post(options: ClientOptions): Promise<Answers> {
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
      const answered = received.toString('latin1', 0, bodyAt)
      const length = Number(/content-length: (\d+)/i.exec(answered)?.[1])
      if (received.length < bodyAt + length) return
      latencies.push(performance.now() - sentAt)
      try {
        const body = received.toString('utf8', bodyAt)
        if (!answered.startsWith('HTTP/1.1 200')) throw new Error(`${answered}${body}`)
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

/** `count` bodies, one after another. */
export function bodies(count: number, body: (n: number) => string): () => string | null {
  let n = 0
  return () => (n < count ? body(n++) : null)
}
