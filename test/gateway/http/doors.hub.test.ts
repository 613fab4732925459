// What the hub does with clients without a key: half-sent requests, idle connections, other names.

import { once } from 'node:events'
import { request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { smallHub } from '../../fixtures/small-hub.ts'
import { RawClient } from '../live/raw-client.ts'

const hub = await smallHub({ RECEIVE_TIMEOUT_MS: '300', SOCKET_INIT_MS: '300' })
const { port } = new URL(hub.url)

async function open(first = '', url = hub.url): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.on('error', () => {})
  await once(socket, 'connect')
  if (first !== '') socket.write(first)
  return socket
}

const upgradeTo = (path: string): string =>
  `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n`

/** What the hub has sent when the connection is closed, by whichever side and however. */
async function answerOn(socket: Socket): Promise<string> {
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  await new Promise((resolve) => {
    socket.once('close', resolve)
  })
  return Buffer.concat(chunks).toString()
}

describe('a connection is closed', () => {
  test.each([
    { what: 'that sends nothing', sends: '' },
    { what: 'that stops within its headers', sends: 'POST /graphql HTTP/1.1\r\nHost: localhost\r\nAuthor' },
    {
      what: 'that stops within its body',
      sends:
        'POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 90\r\n\r\n{',
    },
  ])('$what in time', async ({ sends }) => {
    const begun = performance.now()
    const answer = await answerOn(await open(sends))
    expect(answer === '' || answer.startsWith('HTTP/1.1 408')).toBe(true)
    expect(performance.now() - begun).toBeLessThan(2_500)
  })

  test('that was refused, also when its client leaves it open', async () => {
    const socket = connect({ port: Number(port), host: '127.0.0.1', allowHalfOpen: true })
    socket.on('error', () => {})
    socket.write(upgradeTo('/elsewhere'))
    // The closed end shows only in what is written to it.
    const writing = setInterval(() => socket.write('more'), 50)
    onTestFinished(() => clearInterval(writing))
    expect(await answerOn(socket)).toMatch(/^HTTP\/1.1 404/)
  })

  test('that becomes a WebSocket and sends no connection_init', async () => {
    const client = new RawClient(hub.url)
    expect(await client.closed).toMatchObject({ code: 4408 })
  })
})

describe('a client that resets its connection', () => {
  test.each([
    { what: 'a WebSocket at another address', sends: upgradeTo('/elsewhere') },
    { what: 'a WebSocket without a version', sends: upgradeTo('/graphql') },
    { what: 'CONNECT', sends: 'CONNECT localhost:443 HTTP/1.1\r\nHost: localhost\r\n\r\n' },
    { what: 'bytes that are not HTTP', sends: 'hello\r\n\r\n' },
  ])('after the refusal of $what does the hub no harm', async ({ sends }) => {
    const socket = await open(sends)
    const [answer] = (await once(socket, 'data')) as [Buffer]
    expect(answer.toString()).toMatch(/^HTTP\/1.1 4/)
    socket.resetAndDestroy()
    await once(socket, 'close')
    // An error that nothing listens to would end the process, or this run of tests.
    for (let n = 0; n < 3; n++) expect((await fetch(`${hub.url}/livez`)).status).toBe(200)
  })
})

describe('connections of one address', () => {
  test('are limited until a key has come over them', async () => {
    const { url, close } = await smallHub({ UNKNOWN_CONNECTIONS_PER_ADDRESS_MAX: '20' })
    const half = () => open('GET /livez HTTP/1.1\r\n', url)
    // More than are allowed, but each has shown its key before the next one comes.
    const known: RawClient[] = []
    for (let n = 0; n < 25; n++) known.push(await RawClient.as(url, 'demo-wallet'))
    const unknown = await Promise.all(Array.from({ length: 20 }, half))
    const refused = connect(Number(new URL(url).port), '127.0.0.1').on('error', () => {})
    refused.write('GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n')
    expect(await answerOn(refused)).toBe('')
    const left = once(unknown[0]!, 'close')
    unknown[0]!.destroy()
    await left
    const status = () =>
      fetch(`${url}/livez`).then(
        (response) => response.status,
        () => 0,
      )
    await expect.poll(status, { timeout: 5_000 }).toBe(200)
    for (const socket of unknown) socket.destroy()
    for (const client of known) await client.close()
    await close()
  })
})

describe('a demo', () => {
  const statusFor = async (host: string, headers: Record<string, string> = {}): Promise<number> => {
    const sent = request({ host: '127.0.0.1', port, path: '/livez', headers: { host, ...headers } })
    sent.end()
    const [response] = (await once(sent, 'response')) as [{ statusCode: number; resume(): void }]
    response.resume()
    return response.statusCode
  }

  test.each(['localhost', '127.0.0.1:4000', '[::1]:4000', 'hub', 'hub:4000', 'a.localhost', 'LOCALHOST.'])(
    'is reached as %s',
    async (host) => {
      expect(await statusFor(host)).toBe(200)
    },
  )

  test.each(['attacker.example', 'attacker.example:4000', 'localhost.attacker.example', 'user@localhost'])(
    'is not reached as %s, a name that a page of the internet can have',
    async (host) => {
      expect(await statusFor(host)).toBe(421)
      const socket = new RawClient(hub.url, { headers: { host, origin: `http://${host}` } })
      socket.socket.on('error', () => {})
      expect(await socket.closed).toMatchObject({ code: 1006 })
    },
  )
})

describe('readiness in production', () => {
  test('is bare without the key of the operator', async () => {
    const { url, readiness, keys, close } = await smallHub({ MODE: 'production' })
    readiness.details.set('log', () => ({ tip: 12_345 }))
    readiness.checks.set('mongodb', () => 'MongoDB has no primary that answers')
    const ready = async (key?: string) =>
      (await fetch(`${url}/readyz`, { headers: key ? { authorization: `Bearer ${key}` } : {} })).text()
    expect(await ready()).toBe('{"status":"not ready"}')
    expect(await ready('unknown')).toBe('{"status":"not ready"}')
    const participant = 'operator' as never
    const key = await keys.issue({ participant, scopes: ['operator'], label: 'desk' }, new Date())
    await expect
      .poll(() => ready(key), { timeout: 5_000 })
      .toBe(
        '{"status":"not ready","reasons":{"mongodb":"MongoDB has no primary that answers"},"log":{"tip":12345}}',
      )
    await close()
  })
})

describe('a caller that spends more than its budget', () => {
  test('gets 429 with the time to wait, also over a WebSocket, and others are served', async () => {
    const { url, close } = await smallHub({ KEY_COST_PER_MINUTE: '25' })
    const ask = (query: string, key = 'demo-wallet') =>
      fetch(`${url}/graphql`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body: JSON.stringify({ query }),
      })
    const rename = 'mutation { rename(id: "1", title: "Tea") { title } }'
    const first = await ask(rename)
    expect(first.status).toBe(200)
    expect(Object.fromEntries(first.headers)).toMatchObject({
      'ratelimit-limit': '25',
      'ratelimit-remaining': '14',
      'ratelimit-reset': '27',
    })
    expect((await ask(rename)).status).toBe(200)
    const refused = await ask(rename)
    expect(refused.status).toBe(429)
    // 3 of 11 are left, and 25 a minute are refilled.
    expect(refused.headers.get('retry-after')).toMatch(/^(19|20)$/)
    expect(await refused.json()).toMatchObject({
      errors: [{ extensions: { code: 'BUDGET_EXCEEDED', cost: 11, limit: 25, remaining: 3 } }],
    })
    expect((await ask('{ whoami }')).status).toBe(200)

    const client = await RawClient.as(url, 'demo-wallet')
    await client.subscribe('1', rename)
    expect(await client.receive()).toMatchObject({
      type: 'error',
      payload: [{ extensions: { code: 'BUDGET_EXCEEDED', limit: 25 } }],
    })
    await client.close()
    expect((await ask(rename, 'demo-acquirer')).status).toBe(200)
    await close()
  })

  test('is refused before its operation is read, once it has nothing left', async () => {
    const { url, close } = await smallHub({ KEY_COST_PER_MINUTE: '1' })
    const statusOf = async (body: string): Promise<number> => {
      const headers = { authorization: 'Bearer demo-wallet', 'content-type': 'application/json' }
      return (await fetch(`${url}/graphql`, { method: 'POST', headers, body })).status
    }
    expect(await statusOf('{"query": no JSON')).toBe(400)
    expect(await statusOf('{"query": "{ whoami }"}')).toBe(200)
    expect(await statusOf('{"query": no JSON')).toBe(429)
    await close()
  })

  test('is an address without a key, for introspection and for keys that are unknown', async () => {
    const { url, close } = await smallHub({ UNKNOWN_COST_PER_MINUTE: '3' })
    const query = encodeURIComponent('{ __typename }')
    const statuses: number[] = []
    const unknown = { authorization: 'Bearer unknown' }
    for (const headers of [{}, unknown, {}, unknown, {}])
      statuses.push((await fetch(`${url}/graphql?query=${query}`, { headers })).status)
    expect(statuses).toEqual([200, 401, 200, 429, 429])
    const known = { authorization: 'Bearer demo-wallet' }
    expect((await fetch(`${url}/graphql?query=${query}`, { headers: known })).status).toBe(200)
    await close()
  })
})

describe('a caller that holds the event loop for longer than its share', () => {
  test('gets 429 with the time to wait, also over a WebSocket, and others are served', async () => {
    const { url, refusals, close } = await smallHub({ LOOP_SHARE: '0.01', UNKNOWN_COST_PER_MINUTE: '1000' })
    const ask = (query: string, key = 'demo-wallet') =>
      fetch(`${url}/graphql`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body: JSON.stringify({ query }),
      })
    // Documents that are not valid cost nothing but time.
    const fields = Array.from({ length: 1_000 }, (_, n) => `f${n}`).join(' ')
    let response = await ask(`{ ${fields} }`)
    for (let n = 0; response.status !== 429 && n < 200; n++) response = await ask(`{ a${n}: ${fields} }`)
    expect(response.status).toBe(429)
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
    expect(await response.json()).toMatchObject({
      errors: [{ extensions: { code: 'BUDGET_EXCEEDED', limit: 10, remaining: 0 } }],
    })
    expect(refusals).toContainEqual(expect.objectContaining({ refusal: 'BUDGET_EXCEEDED' }))
    expect((await ask('{ whoami }', 'demo-acquirer')).status).toBe(200)

    const client = await RawClient.as(url, 'demo-wallet')
    let message: object = {}
    for (let n = 0; n < 200 && !JSON.stringify(message).includes('BUDGET_EXCEEDED'); n++) {
      await client.subscribe(`${n}`, `{ b${n}: ${fields} }`)
      message = await client.receive()
    }
    expect(message).toMatchObject({
      type: 'error',
      payload: [
        { extensions: { code: 'BUDGET_EXCEEDED', limit: 10, retryAfterMs: expect.any(Number) as number } },
      ],
    })
    await client.close()
    await close()
  })
})

describe('a request with a key that is unknown', () => {
  test('is refused before its body is read', async () => {
    const ask = (headers: Record<string, string>) =>
      fetch(`${hub.url}/graphql`, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        body: '{"query": no JSON',
      })
    expect((await ask({ authorization: 'Bearer unknown' })).status).toBe(401)
    expect((await ask({ authorization: 'Bearer demo-wallet' })).status).toBe(400)
  })
})
