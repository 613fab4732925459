import { createClient } from 'graphql-ws'
import { once } from 'node:events'
import { renameSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, describe, expect, test, vi } from 'vitest'
import WebSocket from 'ws'
import {
  composedByApollo,
  startLibrary,
  startReviews,
  type ForeignSubgraph,
} from '../../fixtures/foreign-subgraphs.ts'
import { temporaryFolder } from '../../harness/temporary-folder.ts'
import { processes, type Run } from '../../hub/child.ts'

const library = await startLibrary()
const newLibrary = await startLibrary(['opened'])
const reviews = await startReviews()
afterAll(() => Promise.all([library, newLibrary, reviews].map((subgraph) => subgraph.close())))
const sdl = await composedByApollo({ library: library.url, reviews: reviews.url })
const newSdl = await composedByApollo({ library: newLibrary.url, reviews: reviews.url })

const start = processes()

/** Starts a gateway for a new file with this content. */
function gateway(content: string, settings: Record<string, string> = {}): { file: string; run: Run } {
  const file = path.join(temporaryFolder(), 'supergraph.graphql')
  writeFileSync(file, content)
  return { file, run: start(settings, 'main.ts', 'gateway', '--supergraph', file) }
}

const urlOf = async ({ run }: { run: Run }): Promise<string> =>
  /http:[^\s"]+/.exec(await run.line('Crossgate serves'))![0]

async function ask(url: string, query: string, headers: Record<string, string> = {}): Promise<unknown> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ query }),
  })
  return response.json()
}

const lastHeaders = ({ requests }: ForeignSubgraph) => requests.at(-1)!

const joined = '{ book(id: 1) { title reviews { stars } } }'
const joinedAnswer = { data: { book: { title: 'Tea', reviews: [{ stars: 4 }] } } }

describe('a gateway for the supergraph of strangers', async () => {
  const running = gateway(sdl, { FORWARD_HEADERS: 'accept-language,reviews:authorization' })
  const url = await urlOf(running)

  test('joins their subgraphs, by POST and GET', async () => {
    expect(await ask(url, joined)).toEqual(joinedAnswer)
    const response = await fetch(`${url}?query=${encodeURIComponent(joined)}`)
    expect(await response.json()).toEqual(joinedAnswer)
  })

  test('runs mutations', async () => {
    const query = 'mutation { rename(id: 2, title: "Mocha") { title reviews { stars } } }'
    expect(await ask(url, query)).toEqual({ data: { rename: { title: 'Mocha', reviews: [{ stars: 5 }] } } })
  })

  test('answers over a WebSocket, without a key', async () => {
    const client = createClient({ url: url.replace('http', 'ws'), webSocketImpl: WebSocket })
    const [answer] = await Array.fromAsync(client.iterate({ query: joined }))
    expect(answer).toEqual(joinedAnswer)
    await client.dispose()
  })

  test('forwards the headers of its settings, each to the subgraphs that may have it', async () => {
    await ask(url, joined, { 'accept-language': 'th', authorization: 'Bearer mine', 'x-other': '1' })
    expect(lastHeaders(reviews)).toMatchObject({ 'accept-language': 'th', authorization: 'Bearer mine' })
    expect(lastHeaders(library)).toMatchObject({ 'accept-language': 'th' })
    expect(lastHeaders(library)).not.toHaveProperty('authorization')
    expect(lastHeaders(reviews)).not.toHaveProperty('x-other')
  })

  test('forwards what a client sends in connection_init as headers', async () => {
    const client = createClient({
      url: url.replace('http', 'ws'),
      webSocketImpl: WebSocket,
      connectionParams: { Authorization: 'Bearer socket' },
    })
    await Array.fromAsync(client.iterate({ query: joined }))
    await client.dispose()
    expect(lastHeaders(reviews)).toMatchObject({ authorization: 'Bearer socket' })
  })

  test('reports its health and metrics without a key or a database', async () => {
    const ready = await fetch(new URL('/readyz', url))
    expect(await ready.json()).toEqual({
      status: 'ready',
      supergraph: { file: running.file, isCurrent: true },
    })
    const metrics = await fetch(new URL('/metrics', url))
    expect(await metrics.text()).toContain(
      'http_server_request_duration_seconds_count{http_request_method="POST",http_route="/graphql",http_response_status_code="200"}',
    )
  })

  test('ends with 0 on a signal', async () => {
    const { run } = gateway(sdl)
    await urlOf({ run })
    run.process.kill('SIGTERM')
    expect(await run.exit).toBe(0)
  })
})

describe('a response by GET', async () => {
  const settings = { FORWARD_HEADERS: 'accept-language', COMPRESS_FROM_BYTES: '100', COST_MAX: '50' }
  const url = await urlOf(gateway(sdl, settings))
  const get = (query: string, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(`${url}?${new URLSearchParams({ query })}`, { headers })

  test('that is the same for every caller may be kept, and is not sent again', async () => {
    const response = await get('{ books { title } }')
    expect(response.headers.get('cache-control')).toBe('public, max-age=60')
    expect(response.headers.get('vary')).toBe('Accept, Authorization, accept-language')
    const etag = response.headers.get('etag')!
    const again = await get('{ books { title } }', { 'if-none-match': `"other", ${etag}` })
    expect(again.status).toBe(304)
    expect(await again.text()).toBe('')
    expect(again.headers.get('etag')).toBe(etag)
    const other = await get('{ books(first: 1) { title } }', { 'if-none-match': etag })
    expect(other.status).toBe(200)
  })

  test('to a caller with a key is kept by this caller alone', async () => {
    const response = await get('{ books { title } }', { authorization: 'Bearer mine' })
    expect(response.headers.get('cache-control')).toBe('private, max-age=60')
  })

  test.each([
    ['has a field without a hint', '{ books { title reviews { stars } } }'],
    ['has errors', '{ books(first: -1) { title nothing } }'],
    ['costs too much', '{ books(first: 51) { title } }'],
  ])('that %s is not kept', async (_, query) => {
    const response = await get(query)
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect(response.headers.has('etag')).toBe(false)
  })

  test('is compressed above a size, for clients that accept it', async () => {
    const query = '{ a: books { title id } b: books { title id } c: books { title id } }'
    const answers = ['br', 'gzip', 'identity'].map(async (encoding) => {
      const response = await get(query, { 'accept-encoding': encoding })
      return [response.headers.get('content-encoding'), await response.text()] as const
    })
    const [brotli, gzip, plain] = await Promise.all(answers)
    expect([brotli?.[0], gzip?.[0], plain?.[0]]).toEqual(['br', 'gzip', null])
    expect(plain?.[1].length).toBeGreaterThan(100)
    expect(brotli?.[1]).toBe(plain?.[1])
    expect(gzip?.[1]).toBe(plain?.[1])
    const short = await get('{ __typename }', { 'accept-encoding': 'br' })
    expect(short.headers.has('content-encoding')).toBe(false)
  })

  test('as an event stream is never compressed', async () => {
    const response = await get('{ books { title } }', {
      accept: 'text/event-stream',
      'accept-encoding': 'br',
    })
    expect(response.headers.get('cache-control')).toBe('no-store, no-transform')
    expect(response.headers.has('content-encoding')).toBe(false)
    expect(await response.text()).toContain('"title":"Tea"')
  })
})

describe('the file of a running gateway', async () => {
  // A busy machine may be slow: what is tested is that no answer is lost.
  const { file, run } = gateway(sdl, { REQUEST_TIMEOUT_MS: '60000' })
  const url = await urlOf({ run })
  const readiness = async (): Promise<unknown> =>
    ((await (await fetch(new URL('/readyz', url))).json()) as { supergraph: unknown }).supergraph

  test.each([
    ['SUPERGRAPH_INVALID', 'type Query {'],
    ['SUPERGRAPH_INVALID', 'type Query { a: Int }'],
    ['SUBGRAPH_URL_INVALID', sdl.replace(library.url, 'nowhere')],
    [
      'SUPERGRAPH_UNSUPPORTED',
      sdl.replace('schema\n', 'schema @link(url: "https://specs.apollo.dev/context/v0.1", for: SECURITY)\n'),
    ],
  ])('is refused with %s while the previous graph stays', async (code, content) => {
    writeFileSync(file, content)
    await vi.waitUntil(async () => JSON.stringify(await readiness()).includes(code), { timeout: 10_000 })
    await run.line(`"code":"${code}"`)
    expect(await ask(url, joined)).toEqual(joinedAnswer)
  })

  test('that is moved into its place is served, and open sockets stay', async () => {
    const socket = new WebSocket(url.replace('http', 'ws'), 'graphql-transport-ws')
    await once(socket, 'open')
    const messages: unknown[] = []
    socket.on('message', (data) => messages.push(JSON.parse((data as Buffer).toString())))
    socket.send('{"type":"connection_init"}')
    await vi.waitUntil(() => messages.length === 1)

    writeFileSync(`${file}.new`, newSdl)
    renameSync(`${file}.new`, file)
    await run.line('serves the changed supergraph')
    expect(await ask(url, '{ opened }')).toEqual({ data: { opened: 'opened' } })

    socket.send('{"type":"subscribe","id":"1","payload":{"query":"{ opened }"}}')
    await vi.waitUntil(() => messages.length === 3)
    expect(messages[1]).toEqual({ id: '1', type: 'next', payload: { data: { opened: 'opened' } } })
    socket.close()
    expect(await readiness()).toEqual({ file, isCurrent: true })
  })

  test('does not drop a request that runs while it changes', async () => {
    let isServed = false
    const answers = new Set<string>()
    const send = async (): Promise<void> => {
      while (!isServed) answers.add(JSON.stringify(await ask(url, joined)))
    }
    const sending = [send(), send(), send(), send()]
    writeFileSync(file, sdl)
    await vi.waitUntil(() => run.output().split('serves the changed supergraph').length > 2, {
      timeout: 10_000,
    })
    isServed = true
    await Promise.all(sending)
    expect(answers).toEqual(new Set([JSON.stringify(joinedAnswer)]))
  })
})

describe('a gateway that cannot start', () => {
  test.each([
    { file: 'missing.graphql', code: 'SUPERGRAPH_UNREADABLE' },
    { file: 'package.json', code: 'SUPERGRAPH_INVALID' },
  ])('ends with $code in one line', async ({ file, code }) => {
    const run = start({}, 'main.ts', 'gateway', '--supergraph', file)
    expect(await run.exit).toBe(1)
    expect(run.output()).toMatch(new RegExp(`^The hub cannot start \\(${code}\\): ${file}`))
  })

  test('names what is wrong with the command', async () => {
    const run = start({}, 'main.ts', 'gateway', '--graph', 'x')
    expect(await run.exit).toBe(1)
    expect(run.output()).toContain('COMMAND_INVALID')
  })
})

describe('a gateway with keys', async () => {
  const url = await urlOf(gateway(sdl, { API_KEYS: 'shop:correct-horse-battery' }))

  test('answers only callers with one of them', async () => {
    expect(await ask(url, joined)).toMatchObject({ errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] })
    expect(await ask(url, joined, { authorization: 'Bearer wrong-horse-battery' })).toMatchObject({
      errors: [{ extensions: { code: 'UNAUTHENTICATED' } }],
    })
    expect(await ask(url, joined, { authorization: 'Bearer correct-horse-battery' })).toEqual(joinedAnswer)
    expect((await fetch(new URL('/metrics', url))).status).toBe(401)
  })
})
