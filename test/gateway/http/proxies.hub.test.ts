// The hub behind proxies and in browsers: what they send, and how the hub refuses what is not for its routes.

import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, expect, test } from 'vitest'
import WebSocket from 'ws'
import { smallHub } from '../../fixtures/small-hub.ts'

const settings = { ORIGINS: 'https://portal.example', ORIGIN_HEADERS: 'X-Tenant, x-shop' }
const hub = await smallHub(settings)
const below = await smallHub({ PUBLIC_URL: 'https://pay.example/hub' })

describe('a preflight of an allowed page', () => {
  const preflight = (path: string, headers: string, origin = 'https://portal.example') =>
    fetch(`${hub.url}${path}`, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': headers,
      },
    })

  test.each([
    'authorization,content-type,last-event-id',
    'traceparent,tracestate,baggage',
    'apollo-require-preflight,apollographql-client-name,apollographql-client-version',
    'x-apollo-operation-name,graphql-client-name,x-request-id,cache-control',
    'x-tenant,x-shop',
  ])('permits the headers %s', async (wanted) => {
    const { status, headers } = await preflight('/graphql', wanted)
    expect(status).toBe(204)
    const allowed = new Set(headers.get('access-control-allow-headers')!.split(', '))
    expect(wanted.split(',').filter((name) => !allowed.has(name))).toEqual([])
    expect(headers.get('access-control-allow-methods')).toBe('GET, POST')
    expect(headers.get('vary')).toBe('Origin')
  })

  test('permits a settlement file, whose key is a header too', async () => {
    const { status, headers } = await preflight('/settlement/a.csv', 'authorization')
    expect(status).toBe(204)
    expect(headers.get('access-control-allow-origin')).toBe('https://portal.example')
  })

  test('does not permit another header, nor another page', async () => {
    const { headers } = await preflight('/graphql', 'x-other')
    expect(headers.get('access-control-allow-headers')).not.toContain('x-other')
    const other = await preflight('/graphql', 'authorization', 'https://portal.example.evil')
    expect(other.headers.get('access-control-allow-origin')).toBeNull()
    expect(other.headers.get('access-control-allow-headers')).toBeNull()
  })
})

/** Opens a WebSocket; "open", or the status and body of the refusal. */
async function openFrom(url: string, headers: Record<string, string>): Promise<string> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', { headers })
  const outcome = await new Promise<string>((resolve) => {
    socket.once('open', () => resolve('open'))
    socket.once('unexpected-response', (_, response) => {
      void response.toArray().then((chunks) => resolve(`${response.statusCode} ${chunks.join('')}`))
    })
  })
  socket.on('error', () => {}).terminate()
  return outcome
}

describe('a page opens a WebSocket', () => {
  test.each<{ recipe: string; origin: string; headers: Record<string, string>; opens: boolean }>([
    { recipe: 'without a proxy', origin: hub.url, headers: {}, opens: true },
    // proxy_set_header Host $host
    {
      recipe: 'with its host passed on',
      origin: 'https://pay.localhost',
      headers: { host: 'pay.localhost' },
      opens: true,
    },
    // proxy_set_header X-Forwarded-Host $host; Host is that of the upstream
    {
      recipe: 'with its host forwarded',
      origin: 'https://pay.example',
      headers: { 'x-forwarded-host': 'pay.example' },
      opens: true,
    },
    {
      recipe: 'through two proxies',
      origin: 'https://pay.example:8443',
      headers: { 'x-forwarded-host': 'pay.example:8443, inner' },
      opens: true,
    },
    {
      recipe: 'with RFC 7239',
      origin: 'https://pay.example',
      headers: { forwarded: 'for=10.0.0.1;proto=https;host="pay.example"' },
      opens: true,
    },
    {
      recipe: 'of another host',
      origin: 'https://evil.example',
      headers: { 'x-forwarded-host': 'pay.example' },
      opens: false,
    },
    { recipe: 'of an origin that is hidden', origin: 'null', headers: {}, opens: false },
  ])('$recipe: $opens', async ({ origin, headers, opens }) => {
    const outcome = await openFrom(hub.url, { origin, ...headers })
    if (opens) return expect(outcome).toBe('open')
    expect(outcome).toMatch(/^403 .*"code":"ORIGIN_NOT_ALLOWED"/)
    expect(outcome).toContain(`a page of ${origin} may not open a WebSocket here`)
  })

  test('whose origin is that of PUBLIC_URL, whatever host the proxy passes on', async () => {
    for (const host of ['hub-1:4000', 'pay.example', 'pay.example:8443'])
      expect(await openFrom(below.url, { origin: 'https://pay.example', host })).toBe('open')
    expect(await openFrom(below.url, { origin: 'https://pay.example.evil', host: 'hub-1:4000' })).toMatch(
      /^403/,
    )
  })

  test('and a demo is not called by a name that no setting has', async () => {
    const headers = { origin: 'https://pay.example', host: 'pay.example' }
    expect(await openFrom(hub.url, headers)).toMatch(/^421 .*"code":"HOST_NOT_ALLOWED"/)
    expect(await openFrom(hub.url, { ...headers, host: 'portal.example' })).toMatch(/^403/)
  })

  test('and a refusal is in the log with its reason, once a second', async () => {
    const lines = () => hub.log.filter(({ msg }) => msg === 'refused a WebSocket of a page of another origin')
    const before = lines().length
    for (let n = 0; n < 5; n++) await openFrom(hub.url, { origin: 'https://evil.example' })
    expect(lines().length - before).toBeLessThan(5)
    expect(lines().at(-1) ?? {}).toMatchObject({ reason: expect.stringContaining('PUBLIC_URL') })
  })
})

describe('a hub that is served below a path', () => {
  const ask = (path: string) =>
    fetch(`${below.url}${path}`, {
      method: 'POST',
      headers: { authorization: 'Bearer demo-wallet', 'content-type': 'application/json' },
      body: '{"query":"{ whoami }"}',
    })

  test.each(['/hub/graphql', '/graphql'])(
    'answers at %s, as a proxy keeps the path or removes it',
    async (path) => {
      expect(await (await ask(path)).json()).toEqual({ data: { whoami: 'wallet-sg-01' } })
    },
  )

  test('does not take another path for it', async () => {
    expect((await ask('/hubgraphql')).status).toBe(404)
  })

  test('opens WebSockets there, and leads browsers there', async () => {
    expect(await openFrom(`${below.url}/hub`, {})).toBe('open')
    const { headers } = await fetch(`${below.url}/hub/graphiql`, { redirect: 'manual' })
    expect(headers.get('location')).toBe('/hub/graphiql/')
    expect(await (await fetch(`${below.url}/hub/graphiql/`)).text()).toContain('<base href="/hub/graphiql/">')
    const script = await (await fetch(`${below.url}/hub/graphiql/start.js`)).text()
    expect(script).toContain("location.origin + '/hub/graphql'")
  })
})

test('a stream of events is not transformed or buffered by proxies', async () => {
  const stop = new AbortController()
  const { headers } = await fetch(`${hub.url}/graphql`, {
    method: 'POST',
    headers: {
      authorization: 'Bearer demo-wallet',
      'content-type': 'application/json',
      accept: 'text/event-stream',
    },
    body: '{"query":"subscription { activityUpdated { text } }"}',
    signal: stop.signal,
  })
  expect(headers.get('cache-control')).toBe('no-store, no-transform')
  expect(headers.get('x-accel-buffering')).toBe('no')
  stop.abort()
})

test.each(['utf-8', 'UTF-8', 'utf8', '"UTF8"'])('a body and an answer in charset=%s', async (charset) => {
  const response = await fetch(`${hub.url}/graphql`, {
    method: 'POST',
    headers: {
      authorization: 'Bearer demo-wallet',
      'content-type': `application/json; charset=${charset}`,
      accept: `application/json;charset=${charset}`,
    },
    body: '{"query":"{ whoami }"}',
  })
  expect(await response.json()).toEqual({ data: { whoami: 'wallet-sg-01' } })
})

/** Sends bytes as they are; resolves with the status and body of the answer. */
async function raw(text: string): Promise<{ status: number; body: string; head: string }> {
  const socket = connect(Number(new URL(hub.url).port), '127.0.0.1')
  let answer = ''
  socket.setEncoding('utf8').on('data', (chunk: string) => (answer += chunk))
  socket.write(text)
  await once(socket, 'close')
  const [head = '', body = ''] = answer.split('\r\n\r\n')
  return { status: Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1]), body, head }
}

describe('every refusal has the shape of the hub', () => {
  const close = 'Connection: close\r\n'
  const webSocket = 'Host: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n'
  test.each([
    ['bytes that are no HTTP', '\x16\x03\x01\r\n\r\n', 400, 'BAD_REQUEST'],
    ['a method that there is not', `FOO /graphql HTTP/1.1\r\nHost: a\r\n${close}\r\n`, 400, 'BAD_REQUEST'],
    [
      'two lengths',
      `POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n`,
      400,
      'BAD_REQUEST',
    ],
    ['no Host', `GET /livez HTTP/1.1\r\n${close}\r\n`, 400, 'BAD_REQUEST'],
    ['an address that is no URL', `GET /%zz HTTP/1.1\r\nHost: a\r\n${close}\r\n`, 400, 'BAD_REQUEST'],
    [
      'headers that are too large',
      `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
      431,
      'HEADERS_TOO_LARGE',
    ],
    ['CONNECT', `CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n`, 405, 'METHOD_NOT_ALLOWED'],
    [
      'an expectation',
      `GET /livez HTTP/1.1\r\nHost: a\r\nExpect: x\r\n${close}\r\n`,
      417,
      'EXPECTATION_FAILED',
    ],
    ['an address that is not there', `GET /nothing HTTP/1.1\r\nHost: a\r\n${close}\r\n`, 404, 'NOT_FOUND'],
    [
      'a method of another address',
      `POST /livez HTTP/1.1\r\nHost: a\r\n${close}Content-Length: 0\r\n\r\n`,
      405,
      'METHOD_NOT_ALLOWED',
    ],
    ['DELETE', `DELETE /graphql HTTP/1.1\r\nHost: a\r\n${close}\r\n`, 405, 'METHOD_NOT_ALLOWED'],
    ['a WebSocket elsewhere', `GET /live HTTP/1.1\r\n${webSocket}\r\n`, 404, 'NOT_FOUND'],
    [
      'a WebSocket without a key',
      `GET /graphql HTTP/1.1\r\n${webSocket}Sec-WebSocket-Version: 13\r\n\r\n`,
      400,
      'BAD_REQUEST',
    ],
    [
      'an old WebSocket',
      `GET /graphql HTTP/1.1\r\n${webSocket}Sec-WebSocket-Version: 7\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
      426,
      'UPGRADE_REQUIRED',
    ],
  ])('for %s', async (_, request, status, code) => {
    const answer = await raw(request)
    expect(answer).toMatchObject({ status, head: expect.stringMatching(/content-type: application\/json/i) })
    expect(JSON.parse(answer.body)).toEqual({
      errors: [{ message: expect.any(String), extensions: { code } }],
    })
  })

  test('and a client that offers HTTP/2, as Java does, continues in HTTP/1.1', async () => {
    const body = '{"query":"{ whoami }"}'
    const { status } = await raw(
      `POST /graphql HTTP/1.1\r\nHost: a\r\nConnection: close, Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\nAuthorization: Bearer demo-wallet\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    )
    expect(status).toBe(200)
  })
})
