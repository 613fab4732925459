import { createServer, type AddressInfo, type Socket } from 'node:net'
import { Webhook } from 'standardwebhooks'
import { afterAll, describe, expect, test } from 'vitest'
import {
  openHttpSender,
  type HttpSenderOptions,
} from '../../../../subgraphs/transaction/webhooks/http-sender.ts'
import { newSigningSecret } from '../../../../subgraphs/shared/signing-secret.ts'
import { aReceiver, hangs } from '../../../fixtures/a-webhook-receiver.ts'

const secret = newSigningSecret()
const secrets = [{ secret, notAfter: null }]
const aMessage = (url: string, body = '{"type":"payment.approved"}') => ({
  id: '7_w',
  url,
  body,
  secrets,
  at: new Date(),
})

function aSender(options: Partial<HttpSenderOptions> = {}) {
  const httpSender = openHttpSender({ reach: 'LOOPBACK', ...options })
  afterAll(() => httpSender.close())
  return httpSender
}

/** Resolves names from a table, and records the names. */
function aResolver(...answers: string[][]) {
  const names: string[] = []
  const resolve = async (name: string) => {
    const addresses = answers[Math.min(names.length, answers.length - 1)]!
    names.push(name)
    return addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
  }
  return { names, resolve }
}

/** A TCP server that calls `onConnection` for each connection. */
async function aListener(onConnection: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    onConnection(socket)
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  afterAll(() => void server.close())
  return (server.address() as AddressInfo).port
}

describe('a message', () => {
  test('arrives as one POST of JSON, with a signature that its receiver can verify', async () => {
    const receiver = await aReceiver((response) => response.end('thanks'))
    const outcome = await aSender().send(aMessage(`${receiver.url}?a=b`))
    expect(outcome).toEqual({ kind: 'ANSWERED', status: 200, body: 'thanks', latencyMs: expect.any(Number) })
    const [request] = receiver.received
    expect(request).toMatchObject({
      path: '/hooks?a=b',
      headers: { 'content-type': 'application/json', 'webhook-id': '7_w' },
    })
    expect(new Webhook(secret).verify(request!.body, request!.headers)).toEqual({ type: 'payment.approved' })
    expect(receiver.received).toHaveLength(1)
  })

  test('does not follow a redirect', async () => {
    const elsewhere = await aReceiver()
    const receiver = await aReceiver((response) => {
      response.writeHead(307, { location: elsewhere.url }).end()
    })
    expect(await aSender().send(aMessage(receiver.url))).toMatchObject({ kind: 'ANSWERED', status: 307 })
    expect(elsewhere.received).toEqual([])
  })

  test('reads at most 64 KB of a response', async () => {
    let written = 0
    const receiver = await aReceiver((response) => {
      const chunk = Buffer.alloc(16_384, 'x')
      const write = () => {
        while (!response.destroyed && response.write(chunk)) written += chunk.length
      }
      response.on('drain', write)
      write()
    })
    const outcome = await aSender().send(aMessage(receiver.url))
    expect(outcome).toMatchObject({ kind: 'ANSWERED', status: 200, body: 'x'.repeat(65_536) })
    expect(written).toBeLessThan(50_000_000)
  })

  test('is signed over the bytes of its body', async () => {
    const receiver = await aReceiver()
    const body = JSON.stringify({ name: '丰海便利店 ☕' })
    await aSender().send(aMessage(receiver.url, body))
    expect(new Webhook(secret).verify(receiver.received[0]!.body, receiver.received[0]!.headers)).toEqual(
      JSON.parse(body),
    )
  })
})

describe('forbidden addresses', () => {
  test.each([
    'https://127.0.0.1:PORT/',
    'https://2130706433:PORT/',
    'https://0x7f.1:PORT/',
    'https://0177.0.0.1:PORT/',
    'https://[::1]:PORT/',
    'https://[::ffff:127.0.0.1]:PORT/',
    'https://localhost:PORT/',
    'https://10.0.0.1:PORT/',
    'https://169.254.169.254:PORT/',
    'http://example.com:PORT/',
  ])('%s', async (url) => {
    let connections = 0
    const port = await aListener((socket) => {
      connections++
      socket.destroy()
    })
    const outcome = await aSender({ reach: 'PUBLIC' }).send(aMessage(url.replace('PORT', String(port))))
    expect(outcome).toMatchObject({ kind: 'FAILED', mayHaveArrived: false })
    expect((outcome as { error: string }).error).toMatch(/^the hub (does not call|calls https)/)
    expect(connections).toBe(0)
  })

  test.each([
    { what: 'loopback', addresses: ['127.0.0.1'] },
    { what: 'loopback of IPv6', addresses: ['::1'] },
    { what: 'a private network', addresses: ['10.1.2.3'] },
    { what: 'the metadata service', addresses: ['169.254.169.254'] },
    { what: 'a mapped address', addresses: ['::ffff:127.0.0.1'] },
    { what: 'allowed and forbidden addresses', addresses: ['93.184.215.14', '127.0.0.1'] },
    { what: 'no address at all', addresses: [] },
  ])('a name that resolves to $what', async ({ addresses }) => {
    const { resolve, names } = aResolver(addresses)
    const outcome = await aSender({ reach: 'PUBLIC', resolve }).send(aMessage('https://rebound.example/'))
    expect(outcome).toMatchObject({ kind: 'FAILED', mayHaveArrived: false })
    expect((outcome as { error: string }).error).toMatch(/the hub does not call|has no address/)
    expect(names).toEqual(['rebound.example'])
  })

  test.each([
    ['169.254.169.254'],
    ['::ffff:169.254.169.254'],
    ['fe80::a9fe:a9fe'],
    ['fd00:ec2::254'],
    ['100.100.100.200'],
    ['10.0.0.1', '169.254.169.254'],
  ])('a name of the metadata service, with PRIVATE_ADDRESSES=allow either: %s %s', async (...addresses) => {
    const { resolve, names } = aResolver(addresses.filter((address) => typeof address === 'string'))
    const httpSender = aSender({ reach: 'PRIVATE', resolve })
    expect(await httpSender.send(aMessage('http://metadata.example/'))).toEqual({
      kind: 'FAILED',
      mayHaveArrived: false,
      error: expect.stringContaining('the hub does not call metadata.example'),
      latencyMs: expect.any(Number),
    })
    expect(names).toEqual(['metadata.example'])
  })

  test('a name is resolved once per connection, so that a second answer has no effect', async () => {
    const receiver = await aReceiver()
    const { resolve, names } = aResolver(['127.0.0.1'], ['10.0.0.1'])
    const httpSender = aSender({ reach: 'PRIVATE', resolve })
    await httpSender.send(aMessage(`http://rebound.example:${receiver.port}/`))
    expect(receiver.received).toHaveLength(1)
    expect(names).toEqual(['rebound.example'])
  })

  test('a name that changes to a forbidden address is called no more', async () => {
    const receiver = await aReceiver((response) => response.writeHead(200, { connection: 'close' }).end())
    const { resolve } = aResolver(['127.0.0.1'], ['10.0.0.1'])
    const httpSender = aSender({ reach: 'LOOPBACK', resolve })
    const url = `https://rebound.example:${receiver.port}/`
    // The first connection is allowed, and fails because the receiver has no TLS.
    expect(await httpSender.send(aMessage(url))).toMatchObject({
      error: expect.not.stringContaining('does not call'),
    })
    expect(await httpSender.send(aMessage(url))).toMatchObject({
      error: 'the hub does not call rebound.example: its address is not a public one',
    })
  })
})

describe('whether a failed message may have arrived', () => {
  test.each([
    {
      when: 'the name is unknown: no',
      url: async () => 'http://unknown.localhost:9/',
      resolve: async () => {
        throw Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' })
      },
      arrived: false,
    },
    {
      when: 'no server listens: no',
      url: async () => {
        const receiver = await aReceiver()
        await receiver.close()
        return receiver.url
      },
      arrived: false,
    },
    {
      when: 'there is no TLS: no',
      url: async () => (await aReceiver()).url.replace('http:', 'https:'),
      arrived: false,
    },
    {
      when: 'the handshake never completes: no',
      url: async () => `https://127.0.0.1:${await aListener(() => {})}/`,
      arrived: false,
    },
    {
      when: 'the connection is closed after the request: yes',
      url: async () => (await aReceiver((response) => response.destroy())).url,
      arrived: true,
    },
    { when: 'there is no response: yes', url: async () => (await aReceiver(hangs)).url, arrived: true },
    {
      when: 'the response begins and never ends: yes',
      url: async () => (await aReceiver((response) => response.write('{'))).url,
      arrived: true,
    },
    {
      when: 'the response is not HTTP: yes',
      url: async () =>
        `http://127.0.0.1:${await aListener((socket) => socket.once('data', () => socket.end('hello\r\n\r\n')))}/`,
      arrived: true,
    },
  ])('$when', async ({ url, arrived, resolve }) => {
    const httpSender = aSender({ timeoutMs: 150, ...(resolve && { resolve }) })
    expect(await httpSender.send(aMessage(await url()))).toEqual({
      kind: 'FAILED',
      error: expect.stringMatching(/./),
      mayHaveArrived: arrived,
      latencyMs: expect.any(Number),
    })
  })

  test('the time-out covers the whole request, also a response that arrives byte by byte', async () => {
    const receiver = await aReceiver((response) => {
      const interval = setInterval(() => response.write('x'), 10)
      response.on('close', () => clearInterval(interval))
    })
    const outcome = await aSender({ timeoutMs: 200 }).send(aMessage(receiver.url))
    expect(outcome).toMatchObject({ kind: 'FAILED', error: 'no answer within 200 ms', mayHaveArrived: true })
    expect(outcome.latencyMs).toBeLessThan(2_000)
  })

  test('an aborted request has an outcome too', async () => {
    const receiver = await aReceiver(hangs)
    const aborting = new AbortController()
    const sending = aSender().send(aMessage(receiver.url), { signal: aborting.signal })
    await receiver.until(1)
    aborting.abort()
    expect(await sending).toMatchObject({ kind: 'FAILED', mayHaveArrived: true })
  })
})
