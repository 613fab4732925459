import fc from 'fast-check'
import { createServer, type IncomingMessage } from 'node:http'
import { duplexPair } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { readHead } from '../../../gateway/protocol/request-head.ts'

const start = 'POST /graphql HTTP/1.1\r\n'
const head = (...lines: readonly string[]): string => `${start}${lines.join('\r\n')}\r\n\r\n`

describe('the head of a request', () => {
  test('is read, with names in lower case and values without spaces around them', () => {
    const text = head(
      'Host: hub.example',
      'Content-Length:  12',
      'X-Two-Words: a b',
      'connection: Keep-Alive',
    )
    const headers = {
      host: 'hub.example',
      'content-length': '12',
      'x-two-words': 'a b',
      connection: 'Keep-Alive',
    }
    expect(readHead(text, start)).toEqual({ headers, length: 12 })
  })

  const length = 'content-length: 12'
  test.for([
    ['another request line', `GET /graphql HTTP/1.1\r\n${length}\r\n\r\n`],
    ['another version', `POST /graphql HTTP/1.0\r\n${length}\r\n\r\n`],
    ['no length', head('host: hub')],
    ['a length of 0', head('content-length: 0')],
    ['a length with a sign', head('content-length: +12')],
    ['two lengths', head(length, length)],
    ['two lengths in one', head('content-length: 12, 12')],
    ['a space after a value', head('content-length: 12 ')],
    ['an empty value', head(length, 'x-a:')],
    ['a name of all objects', head(length, '__proto__: a')],
    ['a header twice', head(length, 'Authorization: a', 'authorization: b')],
    ['a length and an encoding', head(length, 'transfer-encoding: chunked')],
    ['a space before the colon', head('content-length : 12')],
    ['a line that continues another', head(length, 'x-a: b', ' c: d')],
    ['a line that ends without a carriage return', head(`x-a: b\nx-c: d`, length)],
    ['a carriage return within a value', head(`x-a: b\rx-c: d`, length)],
    ['a value that is not ASCII', head(length, 'x-a: é')],
    ['a connection that is to close', head(length, 'connection: close')],
    ['a connection that changes its protocol', head(length, 'connection: Upgrade', 'upgrade: websocket')],
    ['a client that waits before its body', head(length, 'expect: 100-continue')],
  ] as const)('is left to Node with %s', ([, text]) => {
    expect(readHead(text, start)).toBeNull()
  })
})

/** What Node reads; null when it refuses the request. */
async function readByNode(text: string): Promise<IncomingMessage | null> {
  const [client, socket] = duplexPair()
  const { promise, resolve } = Promise.withResolvers<IncomingMessage | null>()
  const server = createServer({ requireHostHeader: false }, resolve)
  server.on('clientError', () => resolve(null)).on('upgrade', () => resolve(null))
  server.emit('connection', socket)
  client.write(text, 'latin1')
  const request = await promise
  client.destroy()
  socket.destroy()
  return request
}

test('a head that is read means the same to Node', async () => {
  const name = fc.oneof(
    fc.constantFrom('Host', 'content-length', 'CONTENT-LENGTH', 'transfer-encoding', 'Connection', 'te'),
    fc.constantFrom('authorization', 'accept', 'upgrade', '__proto__', 'constructor', 'keep-alive'),
    fc.string({ minLength: 1, maxLength: 6 }),
  )
  const value = fc.oneof(
    fc.constantFrom('3', '03', '3 ', '3, 3', 'chunked', 'keep-alive', 'close', 'Upgrade', '*/*'),
    fc.string({ minLength: 1, maxLength: 12 }),
    fc.string({ unit: 'binary', maxLength: 4 }),
  )
  const colon = fc.constantFrom(':', ': ', ':\t ', ' :')
  const line = fc.tuple(name, colon, value).map((parts) => parts.join(''))
  const lines = fc.tuple(
    fc.constantFrom('content-length: 3', 'Content-Length:3'),
    fc.array(line, { maxLength: 4 }),
  )
  let count = 0
  await fc.assert(
    fc.asyncProperty(lines, async ([length, others]) => {
      const text = head(...others, length)
      const read = readHead(text, start)
      if (!read) return
      count++
      const request = await readByNode(`${text}{ }`)
      expect(request).toMatchObject({ method: 'POST', url: '/graphql', httpVersion: '1.1' })
      expect({ ...request!.headers }).toEqual({ ...read.headers })
    }),
    { numRuns: 100 },
  )
  expect(count).toBeGreaterThan(10)
})
