import { createHandler } from 'graphql-sse/lib/use/http'
import { useServer } from 'graphql-ws/use/ws'
import { once } from 'node:events'
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { WebSocketServer } from 'ws'
import {
  openHttpConnection,
  type HttpConnectionOptions,
} from '../../../gateway/supergraph/connection-http.ts'
import { EventOutage, type SubscriptionEvent, type Supergraph } from '../../../gateway/supergraph/index.ts'
import { buildFederatedSchema } from '../../../subgraphs/shared/federated-schema.ts'
import { aSupergraph, federation, type SubgraphParts } from '../../fixtures/a-supergraph.ts'

/** How many streams of prices the foreign server has open. */
let open = 0

async function* priceChanges(to: number, hold: boolean): AsyncGenerator {
  open++
  try {
    for (let amount = 1; amount <= to; amount++) yield { prices: { amount, thing: { id: String(amount) } } }
    if (hold) await new Promise(() => {})
  } finally {
    open--
  }
}

const prices: SubgraphParts = {
  sdl: `
    type Query { price: Int }
    type Subscription { prices(to: Int!, hold: Boolean = false): Price }
    type Price { amount: Int thing: Thing }
    type Thing @key(fields: "id", resolvable: false) { id: ID! }
  `,
  resolvers: {
    Subscription: {
      prices: {
        subscribe(_: unknown, { to, hold }: { to: number; hold: boolean }) {
          if (to < 0) throw Object.assign(new Error('no such price'), { extensions: { code: 'NO_PRICE' } })
          return priceChanges(to, hold)
        },
      },
    },
  },
}
const names: SubgraphParts = {
  sdl: 'type Query { any: Int } type Thing @key(fields: "id") { id: ID! name: String }',
  resolvers: { Thing: { __resolveReference: ({ id }: { id: string }) => ({ id, name: `thing ${id}` }) } },
}
const schema = buildFederatedSchema(federation + prices.sdl, prices.resolvers)

async function listen(answer: RequestListener): Promise<{ server: Server; url: string }> {
  const server = createServer(answer).listen(0, '127.0.0.1')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  await once(server, 'listening')
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql` }
}

function hubWith(url: string, options: HttpConnectionOptions): Supergraph {
  const connection = openHttpConnection('prices', url, { bytesMax: 10_000, ...options })
  onTestFinished(() => connection.close())
  return aSupergraph({ prices, names }, {}, { prices: connection })
}

async function follow(
  hub: Supergraph,
  args: string,
): Promise<AsyncIterableIterator<SubscriptionEvent> | { errorResponse: string }> {
  const prepared = hub.prepare(`subscription { prices(${args}) { amount thing { name } } }`)
  if (prepared.kind === 'rejected') throw new Error(prepared.errors[0]!.message)
  return prepared.subscribe({}, {})
}

/** All events of a stream, and how it ended. */
async function all(hub: Supergraph, args: string): Promise<{ events: unknown[]; end: unknown }> {
  const stream = await follow(hub, args)
  if ('errorResponse' in stream) return { events: [], end: JSON.parse(stream.errorResponse) }
  const events: unknown[] = []
  try {
    for await (const { value } of stream) if (value !== null) events.push(JSON.parse(value))
    return { events, end: 'complete' }
  } catch (error) {
    return { events, end: error instanceof EventOutage ? JSON.parse(error.errorResponse) : error }
  }
}

const priced = (amount: number) => ({ data: { prices: { amount, thing: { name: `thing ${amount}` } } } })
const failure = (reason: string, code = 'SUBGRAPH_UNAVAILABLE') => ({
  errors: [{ extensions: { code, subgraph: 'prices', reason } }],
})

/** The parts of the subscription specification 1.0, with a heartbeat before each. */
function multipart(response: ServerResponse, parts: readonly string[], ending: string): void {
  response.setHeader('content-type', 'multipart/mixed;boundary="graphql";subscriptionSpec=1.0')
  const json = 'content-type: application/json\r\n\r\n'
  response.write(`\r\n--graphql\r\n${json}{}\r\n--graphql`)
  // In pieces, because a network keeps no boundaries.
  for (const part of parts)
    for (const piece of `\r\n${json}${part}\r\n--graphql`.match(/[^]{1,7}/g)!) response.write(piece)
  response.end(ending)
}
const part = (amount: number): string =>
  JSON.stringify({
    payload: { data: { prices__1: { amount, thing: { __typename: 'Thing', id: String(amount) } } } },
  })

const ofServer = {
  'server-sent events': async (): Promise<Supergraph> => {
    const handler = createHandler({ schema })
    const { url } = await listen((request, response) => void handler(request, response))
    return hubWith(url, { subscriptions: 'sse' })
  },
  'graphql-transport-ws': async (): Promise<Supergraph> => {
    const { server, url } = await listen((_, response) => response.writeHead(404).end())
    const disposable = useServer({ schema }, new WebSocketServer({ server, path: '/graphql' }))
    onTestFinished(async () => disposable.dispose())
    return hubWith(url, { subscriptions: {} })
  },
}

describe.each(Object.entries(ofServer))('a foreign subgraph with %s', (_, hubOf) => {
  test('gives its events in order, joined with the other subgraphs, and then the end', async () => {
    const { events, end } = await all(await hubOf(), 'to: 30')
    expect(events).toEqual(Array.from({ length: 30 }, (_unused, n) => priced(n + 1)))
    expect(end).toBe('complete')
  })

  test('gives its refusal, with its code', async () => {
    const { events, end } = await all(await hubOf(), 'to: -1')
    expect([...events, end]).toContainEqual(
      expect.objectContaining({ errors: [expect.objectContaining({ extensions: { code: 'NO_PRICE' } })] }),
    )
  })

  test('is left when the subscriber leaves, also while it is quiet', async () => {
    const stream = await follow(await hubOf(), 'to: 2, hold: true')
    if ('errorResponse' in stream) throw new Error(stream.errorResponse)
    await stream.next()
    await stream.next()
    const quiet = stream.next()
    expect(open).toBe(1)
    await stream.return?.()
    expect(await quiet).toEqual({ done: true, value: undefined })
    // A generator that waits for ever cannot be returned from; its socket is closed.
    open = 0
  })
})

describe('a foreign subgraph with multipart subscriptions', () => {
  const hubBefore = async (parts: readonly string[], ending: string): Promise<Supergraph> => {
    const { url } = await listen((request, response) => {
      expect(request.headers.accept).toContain('multipart/mixed;subscriptionSpec=1.0')
      multipart(response, parts, ending)
    })
    return hubWith(url, { subscriptions: 'multipart' })
  }

  test('gives its events in order, joined with the other subgraphs, and then the end', async () => {
    const hub = await hubBefore([part(1), '{}', part(2), part(3)], '--\r\n')
    expect(await all(hub, 'to: 3')).toEqual({ events: [priced(1), priced(2), priced(3)], end: 'complete' })
  })

  test('ends with the error of the transport', async () => {
    const fatal = '{"payload":null,"errors":[{"message":"moved","extensions":{"code":"MOVED"}}]}'
    expect(await all(await hubBefore([part(1), fatal], '--\r\n'), 'to: 3')).toEqual({
      events: [priced(1)],
      end: { errors: [{ message: 'moved', extensions: { code: 'MOVED' } }] },
    })
  })

  test('gives the refusal that is no stream', async () => {
    const { url } = await listen((_, response) =>
      response.end('{"errors":[{"message":"no","extensions":{"code":"NO_PRICE"}}]}'),
    )
    expect(await all(hubWith(url, { subscriptions: 'multipart' }), 'to: 1')).toMatchObject({
      end: { errors: [{ message: 'no', extensions: { code: 'NO_PRICE' } }] },
    })
  })

  test.each([
    { how: 'stops before its end', parts: [part(1)], ending: '', end: failure('CUT_OFF') },
    {
      how: 'sends what is no GraphQL',
      parts: [part(1), 'oops'],
      ending: '--',
      end: failure('NOT_GRAPHQL', 'SUBGRAPH_RESPONSE_INVALID'),
    },
    {
      how: 'sends an event that is too large',
      parts: [part(1), `{"payload":{"data":"${'x'.repeat(20_000)}"}}`],
      ending: '--',
      end: failure('TOO_LARGE', 'SUBGRAPH_RESPONSE_INVALID'),
    },
  ])('that $how ends with an error', async ({ parts, ending, end }) => {
    expect(await all(await hubBefore(parts, ending), 'to: 1')).toMatchObject({ events: [priced(1)], end })
  })
})

describe('a foreign subgraph with server-sent events', () => {
  const event = (amount: number): string =>
    `event: next\ndata: {"data":{"prices__1":{"amount":${amount},\ndata: "thing":{"__typename":"Thing","id":"${amount}"}}}}\n\n`

  test.each([
    { how: 'ends without a complete', text: `${event(1)}:\n\n`, end: failure('CUT_OFF') },
    { how: 'completes', text: `:\n\n${event(1)}event: complete\ndata:\n\n`, end: 'complete' },
    {
      how: 'has a line separator of Unicode in a text',
      text: `${event(1).replace('}}}}', '}}},"extensions":{"note":"\u2028"}}')}event: complete\ndata:\n\n`,
      end: 'complete',
    },
    {
      how: 'separates lines by CRLF',
      text: `${event(1)}event: complete\ndata:\n\n`.replaceAll('\n', '\r\n'),
      end: 'complete',
    },
  ])('that $how', async ({ text, end }) => {
    const { url } = await listen((_, response) => {
      response.setHeader('content-type', 'text/event-stream; charset=utf-8')
      for (const piece of text.match(/[^]{1,5}/g)!) response.write(piece)
      response.end()
    })
    const found = await all(hubWith(url, { subscriptions: 'sse' }), 'to: 1')
    expect(found.events).toEqual([priced(1)])
    if (typeof end === 'string') expect(found.end).toBe(end)
    else expect(found.end).toMatchObject(end)
  })

  test('that cannot be reached refuses', async () => {
    expect(await all(hubWith('http://127.0.0.1:1/graphql', { subscriptions: 'sse' }), 'to: 1')).toMatchObject(
      {
        events: [],
        end: failure('UNREACHABLE'),
      },
    )
  })
})

describe('a foreign subgraph with graphql-transport-ws', () => {
  test('whose socket breaks ends with an error: its events have no positions', async () => {
    const { server, url } = await listen((_, response) => response.writeHead(404).end())
    const sockets = new WebSocketServer({ server, path: '/graphql' })
    const disposable = useServer({ schema }, sockets)
    onTestFinished(async () => disposable.dispose())
    const stream = await follow(hubWith(url, { subscriptions: {} }), 'to: 1, hold: true')
    if ('errorResponse' in stream) throw new Error(stream.errorResponse)
    await stream.next()
    for (const socket of sockets.clients) socket.terminate()
    await expect(stream.next()).rejects.toThrow(EventOutage)
  })
})
