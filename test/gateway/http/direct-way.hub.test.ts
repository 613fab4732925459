import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readConfig } from '../../../gateway/config/config.ts'
import { createReadiness } from '../../../gateway/http/health.ts'
import { startServer, type Server } from '../../../gateway/http/server.ts'
import { createIdentity } from '../../../gateway/identity/without-database.ts'
import { createAdmission } from '../../../gateway/protocol/admission.ts'
import {
  composeSupergraph,
  createInProcessConnection,
  createSupergraph,
} from '../../../gateway/supergraph/index.ts'
import { buildFederatedSchema } from '../../../subgraphs/shared/federated-schema.ts'
import type { RequestContext } from '../../../subgraphs/shared/viewer.ts'

const sdl = 'type Query { echo(text: String!): String! later(text: String!): String! long: String! }'
const longText = 'x'.repeat(1_000_000)
let later: { context: RequestContext; started: () => void; finished: Promise<string> }
let longCalls = 0

const schema = buildFederatedSchema(sdl, {
  Query: {
    echo: (_: unknown, { text }: { text: string }) => text,
    later(_: unknown, _args: unknown, context: RequestContext) {
      later.context = context
      later.started()
      return later.finished
    },
    long: () => `${++longCalls} ${longText}`,
  },
})

/** The next call of `later` waits until it is finished. */
function nextLater(): { readonly started: Promise<void>; readonly finish: (text: string) => void } {
  const started = Promise.withResolvers<void>()
  const finished = Promise.withResolvers<string>()
  later = { context: null as never, started: started.resolve, finished: finished.promise }
  return { started: started.promise, finish: finished.resolve }
}

async function start(): Promise<Server> {
  const logger = pino({ level: 'silent' })
  const server = await startServer({
    config: readConfig({ PORT: '0', REQUEST_TIMEOUT_MS: '600000' }),
    readiness: createReadiness(),
    logger,
    isStandalone: true,
  })
  const supergraph = createSupergraph({
    supergraphSdl: composeSupergraph([{ name: 'words', sdl }]),
    subgraphs: new Map([['words', createInProcessConnection('words', { graphql: { schema } })]]),
  })
  const identity = createIdentity({ keys: new Map(), tokens: null, keptHeaders: new Set() })
  server.open({ supergraph, admission: createAdmission(supergraph), identity })
  return server
}

let server: Server
beforeAll(async () => void (server = await start()))
afterAll(() => server.close(0))

function post(query: string, ...headers: readonly string[]): string {
  const body = JSON.stringify({ query })
  const lines = ['host: hub', 'content-type: application/json', `content-length: ${Buffer.byteLength(body)}`]
  return `POST /graphql HTTP/1.1\r\n${[...lines, ...headers].join('\r\n')}\r\n\r\n${body}`
}

interface Answer {
  readonly head: string
  readonly body: string
  /** Whether it came by the direct way: Node puts the date behind the headers of an answer. */
  readonly isDirect: boolean
}

/** A client that sends texts as they are, and reads answers. */
class Client {
  readonly socket: Socket
  #received = Buffer.alloc(0)

  constructor({ url }: Server = server) {
    this.socket = connect(Number(new URL(url).port), '127.0.0.1').setNoDelay()
  }

  async ask(text: string): Promise<Answer> {
    this.socket.write(text)
    return this.answer()
  }

  async answer(): Promise<Answer> {
    for (;;) {
      const bodyAt = this.#received.indexOf('\r\n\r\n') + 4
      const head = this.#received.toString('latin1', 0, bodyAt)
      const end = bodyAt + Number(/content-length: (\d+)/i.exec(head)?.[1])
      if (bodyAt >= 4 && this.#received.length >= end) {
        const body = this.#received.toString('utf8', bodyAt, end)
        this.#received = this.#received.subarray(end)
        return { head, body, isDirect: head.startsWith('HTTP/1.1 200 OK\r\ndate: ') }
      }
      const [chunk] = (await once(this.socket, 'data')) as [Buffer]
      this.#received = Buffer.concat([this.#received, chunk])
    }
  }

  close(): void {
    this.socket.destroy()
  }
}

const echo = (text: string): string => `{ echo(text: "${text}") }`
const echoed = (text: string): string => `{"data":{"echo":"${text}"}}`

/** Resolves when the server has read what was sent before: it reads a new connection later. */
async function untilRead(): Promise<void> {
  const client = new Client()
  for (let turn = 0; turn < 3; turn++) await client.ask(post(echo('turn')))
  client.close()
}

describe('a connection of a client without a page', () => {
  test('is answered directly, request by request', async () => {
    const client = new Client()
    for (const text of ['one', 'two', 'München 北京']) {
      const { body, isDirect, head } = await client.ask(post(echo(text), 'x-request-id: mine'))
      expect({ body, isDirect }).toEqual({ body: echoed(text), isDirect: true })
      expect(head).toContain('\r\nx-request-id: mine\r\n')
      expect(head).toMatch(/\r\ndate: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\n/)
      expect(head).toContain('\r\nconnection: keep-alive\r\nkeep-alive: timeout=72\r\n')
    }
    client.close()
  })

  test('reports mistakes as Node’s server does', async () => {
    const client = new Client()
    const [direct, byNode] = [post('{ none }'), post('{ none }', 'connection: close')]
    const refused = await client.ask(direct)
    expect(await client.ask(byNode)).toMatchObject({ body: refused.body })
    expect(refused.body).toContain('Cannot query field \\"none\\"')
  })

  test('goes to Node’s server with the first request in parts', async () => {
    const client = new Client()
    const text = post(echo('parts'))
    expect((await client.ask(post(echo('whole')))).isDirect).toBe(true)
    client.socket.write(text.slice(0, 40))
    await untilRead()
    client.socket.write(text.slice(40, -5))
    await untilRead()
    expect(await client.ask(text.slice(-5))).toMatchObject({ body: echoed('parts'), isDirect: false })
    expect(await client.ask(post(echo('next')))).toMatchObject({ body: echoed('next'), isDirect: false })
    client.close()
  })

  test('goes to Node’s server with the first request for another address', async () => {
    const client = new Client()
    await client.ask(post(echo('first')))
    expect((await client.ask('GET /livez HTTP/1.1\r\nhost: hub\r\n\r\n')).head).toMatch(/^HTTP\/1.1 200 OK/)
    client.close()
  })

  test('gets the answers to requests in one packet in their order', async () => {
    const client = new Client()
    client.socket.write(post(echo('one')) + post(echo('two')) + post(echo('three')))
    for (const text of ['one', 'two', 'three']) expect((await client.answer()).body).toBe(echoed(text))
    client.close()
  })

  test('gets the answers to requests that come while another runs after that one', async () => {
    const client = new Client()
    const { started, finish } = nextLater()
    client.socket.write(post('{ later(text: "") }'))
    await started
    client.socket.write(post(echo('second')))
    await untilRead()
    client.socket.write(post(echo('third')))
    await untilRead()
    finish('first')
    expect((await client.answer()).body).toBe('{"data":{"later":"first"}}')
    expect((await client.answer()).body).toBe(echoed('second'))
    expect((await client.answer()).body).toBe(echoed('third'))
    client.close()
  })

  test('that is gone ends its operation', async () => {
    const client = new Client()
    const { started, finish } = nextLater()
    client.socket.write(post('{ later(text: "") }'))
    await started
    const { signal } = later.context.deadline!
    client.close()
    if (!signal.aborted) await once(signal, 'abort')
    expect(later.context.deadline!.isPast).toBe(true)
    finish('late')
  })

  test('is not read while its client does not take answers', async () => {
    const client = new Client()
    const requests = 60
    let sent = 0
    while (sent === longCalls && sent < requests) {
      client.socket.write(post('{ long }'))
      sent++
      await untilRead()
    }
    expect(sent).toBeLessThan(requests)
    for (let n = 1; n <= sent; n++) expect((await client.answer()).body).toMatch(`{"data":{"long":"${n} x`)
    client.close()
  })
})

test('a server that stops answers what runs, and closes each connection', async () => {
  const stopping = await start()
  const [idle, busy] = [new Client(stopping), new Client(stopping)]
  await idle.ask(post(echo('idle')))
  const { started, finish } = nextLater()
  busy.socket.write(post('{ later(text: "") }'))
  await started
  const idleClosed = once(idle.socket, 'close')
  const closed = stopping.close(0)
  await idleClosed
  finish('done')
  expect(await busy.answer()).toMatchObject({ body: '{"data":{"later":"done"}}', isDirect: true })
  await Promise.all([once(busy.socket, 'close'), closed])
})
