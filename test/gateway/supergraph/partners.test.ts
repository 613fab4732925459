import { buildSubgraphSchema } from '@apollo/subgraph'
import fastify from 'fastify'
import { parse } from 'graphql'
import mercurius from 'mercurius'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { openHttpConnection, type HttpConnection } from '../../../gateway/supergraph/connection-http.ts'
import type { Supergraph } from '../../../gateway/supergraph/index.ts'
import { aSupergraph, federation, run, type SubgraphParts } from '../../fixtures/a-supergraph.ts'

const merchants: SubgraphParts = {
  sdl: `
    type Query { merchant(id: ID!): Merchant merchants: [Merchant!]! }
    type Merchant @key(fields: "id") { id: ID! name: String! }
  `,
  resolvers: {
    Query: {
      merchant: (_: unknown, { id }: { id: string }) => ({ id, name: `Merchant ${id}` }),
      merchants: () => ['a', 'b', 'a'].map((id) => ({ id, name: `Merchant ${id}` })),
    },
    Merchant: { __resolveReference: ({ id }: { id: string }) => ({ id, name: `Merchant ${id}` }) },
  },
}

/** A partner's subgraph: it adds offers to the hub's merchants. */
const offers: SubgraphParts = {
  sdl: `
    type Query { bestOffer(kind: Kind, at: Stamp): Offer }
    type Mutation { takeOffer(id: ID!, input: TakeInput): Offer! }
    type Subscription { offers: Offer }
    type Merchant @key(fields: "id") { id: ID! offers(kind: Kind = CASHBACK, most: Int): [Offer!]! }
    type Offer @key(fields: "id") { id: ID! title: String! kind: Kind merchant: Merchant! worth: Float tags: [[String!]] }
    input TakeInput { times: Int! = 1 note: String }
    enum Kind { CASHBACK COUPON }
    scalar Stamp
  `,
  resolvers: {},
}

const offerOf = (id: string, kind: unknown, most: unknown) => ({
  id: `offer ${id}`,
  title: `“${String(kind)}” for ${id}`,
  kind,
  worth: most,
  tags: [['ü', '"'], []],
  merchant: {
    __typename: 'Merchant',
    id,
  },
})
const offerResolvers = {
  Query: {
    bestOffer: (_: unknown, { kind, at }: { kind?: string; at?: unknown }) =>
      offerOf('a', kind ?? null, at ?? 1.5),
  },
  Mutation: {
    takeOffer: (_: unknown, { id, input }: { id: string; input?: { times: number } }) => {
      if (id === 'gone') throw Object.assign(new Error('it is gone'), { extensions: { code: 'OFFER_GONE' } })
      return offerOf(id, 'COUPON', input?.times ?? null)
    },
  },
  Merchant: {
    __resolveReference: ({ id }: { id: string }) => (id === 'unknown' ? null : { id }),
    offers: ({ id }: { id: string }, { kind, most }: { kind: string; most?: number }) =>
      id === 'b' ? Promise.reject(new Error('no offers here')) : [offerOf(id, kind, most ?? null)],
  },
}

const stops: (() => Promise<void>)[] = []
afterAll(async () => {
  for (const stop of stops) await stop()
})

/** Starts an ordinary Federation 2 server without any code of the hub. */
async function startPartner(
  port = 0,
): Promise<{ url: string; seen: (string | undefined)[]; stop(): Promise<void> }> {
  const app = fastify()
  const seen: (string | undefined)[] = []
  app.addHook('onRequest', async (request) => {
    seen.push(request.headers.authorization)
  })
  const schema = buildSubgraphSchema([
    { typeDefs: parse(federation + offers.sdl), resolvers: offerResolvers as never },
  ])
  await app.register(mercurius, { schema, path: '/partner/graphql' })
  const url = await app.listen({ host: '127.0.0.1', port })
  return { url: `${url}/partner/graphql`, seen, stop: () => app.close() }
}

function hubWith(connection: HttpConnection): Supergraph {
  stops.push(() => connection.close())
  return aSupergraph({ merchants, offers }, {}, { offers: connection })
}

describe('a partner’s subgraph over HTTP', () => {
  test('joins the graph', async () => {
    const partner = await startPartner()
    stops.push(partner.stop)
    const hub = hubWith(
      openHttpConnection('offers', partner.url, {
        headers: (context) => ({ authorization: String(context) }),
      }),
    )

    const answer = await run(
      hub,
      `query Q($kind: Kind, $at: Stamp) {
        merchant(id: "x") { name coupons: offers(kind: $kind, most: 2) { title worth tags merchant { name } } offers { kind } }
        bestOffer(kind: $kind, at: $at) { id merchant { id name offers(kind: COUPON) { id } } }
      }`,
      { kind: 'COUPON', at: 12.5 },
      'Bearer of news',
    )
    expect(answer).toEqual({
      data: {
        merchant: {
          name: 'Merchant x',
          coupons: [
            { title: '“COUPON” for x', worth: 2, tags: [['ü', '"'], []], merchant: { name: 'Merchant x' } },
          ],
          offers: [{ kind: 'CASHBACK' }],
        },
        bestOffer: { id: 'offer a', merchant: { id: 'a', name: 'Merchant a', offers: [{ id: 'offer a' }] } },
      },
    })
    expect(new Set(partner.seen)).toEqual(new Set(['Bearer of news']))
  })

  test('its errors keep their code and have a path for each occurrence', async () => {
    const partner = await startPartner()
    stops.push(partner.stop)
    const hub = hubWith(openHttpConnection('offers', partner.url))
    expect(await run(hub, '{ merchants { id offers { id } } }')).toEqual({
      data: null,
      errors: [{ message: 'no offers here', path: ['merchants', 1, 'offers'] }],
    })
    expect(
      await run(hub, 'mutation M($id: ID!) { take: takeOffer(id: $id, input: {}) { worth } }', {
        id: 'gone',
      }),
    ).toEqual({
      data: null,
      errors: [{ message: 'it is gone', path: ['take'], extensions: { code: 'OFFER_GONE' } }],
    })
    expect(
      await run(hub, 'mutation M($id: ID!) { take: takeOffer(id: $id, input: {}) { worth } }', { id: 'x' }),
    ).toEqual({
      data: { take: { worth: 1 } },
    })
  })

  test('that is down affects only its own fields, and is used again when it is up', async () => {
    const partner = await startPartner()
    const hub = hubWith(openHttpConnection('offers', partner.url))
    const document = '{ merchant(id: "x") { name } bestOffer { title } }'
    const title = '“null” for a'
    expect(await run(hub, document)).toEqual({
      data: { merchant: { name: 'Merchant x' }, bestOffer: { title } },
    })

    await partner.stop()
    expect(await run(hub, document)).toEqual({
      data: { merchant: { name: 'Merchant x' }, bestOffer: null },
      errors: [
        {
          message: 'The subgraph "offers" cannot be reached.',
          path: ['bestOffer'],
          extensions: { code: 'SUBGRAPH_UNAVAILABLE', subgraph: 'offers', reason: 'UNREACHABLE' },
        },
      ],
    })

    const back = await startPartner(Number(new URL(partner.url).port))
    stops.push(back.stop)
    expect(await run(hub, document)).toEqual({
      data: { merchant: { name: 'Merchant x' }, bestOffer: { title } },
    })
  })
})

describe('a faulty partner', () => {
  let server: Server | undefined
  afterEach(() => {
    server?.closeAllConnections()
    server?.close()
  })

  async function hubBefore(
    answer: (request: IncomingMessage, response: ServerResponse) => void,
    timeoutMs = 10_000,
  ): Promise<Supergraph> {
    server = createServer(answer)
    const listening = server
    await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve))
    const { port } = listening.address() as AddressInfo
    return hubWith(openHttpConnection('offers', `http://127.0.0.1:${port}/`, { timeoutMs, bytesMax: 10_000 }))
  }

  test.each([
    { how: 'returns HTML', body: '<h1>502</h1>', code: 'SUBGRAPH_RESPONSE_INVALID' },
    { how: 'returns an empty body', body: '', code: 'SUBGRAPH_RESPONSE_INVALID' },
    { how: 'returns a list', body: '[]', code: 'SUBGRAPH_RESPONSE_INVALID' },
    { how: 'returns data that is no object', body: '{"data":7}', code: 'SUBGRAPH_RESPONSE_INVALID' },
    {
      how: 'returns neither data nor errors',
      body: '{"data":null,"errors":[]}',
      code: 'SUBGRAPH_RESPONSE_INVALID',
    },
    {
      how: 'returns invalid errors',
      body: '{"errors":["bad"]}',
      code: 'SUBGRAPH_RESPONSE_INVALID',
    },
    {
      how: 'exceeds the limit of a response',
      body: `{"data":"${'x'.repeat(20_000)}"}`,
      code: 'SUBGRAPH_RESPONSE_INVALID',
    },
  ])('that $how gives an error with a code', async ({ body, code }) => {
    const hub = await hubBefore((_, response) => response.end(body))
    expect(await run(hub, '{ bestOffer { id } }')).toMatchObject({
      data: { bestOffer: null },
      errors: [{ path: ['bestOffer'], extensions: { code } }],
    })
  })

  test.each([
    { how: 'a text', errors: '"bad"', more: [] },
    { how: 'a list of texts', errors: '["bad"]', more: [] },
    {
      how: 'errors without messages beside a valid one',
      errors: '[{},{"message":"slow","path":["bestOffer__1","title"]}]',
      more: [{ message: 'slow', path: ['bestOffer', 'title'] }],
    },
  ])('that returns data, and as errors $how, gives the data and an error', async ({ errors, more }) => {
    const hub = await hubBefore((_, response) =>
      // The hub requests a field that takes arguments under a key of its own.
      response.end(`{"data":{"bestOffer__1":{"id":"1","title":"t"}},"errors":${errors}}`),
    )
    expect(await run(hub, '{ bestOffer { id title } }')).toEqual({
      data: { bestOffer: { id: '1', title: 't' } },
      errors: [
        ...more,
        {
          message: 'The subgraph "offers" returned invalid errors.',
          extensions: { code: 'SUBGRAPH_RESPONSE_INVALID', subgraph: 'offers' },
        },
      ],
    })
  })

  test('that does not respond gives an error with a code', async () => {
    const hub = await hubBefore(() => {}, 300)
    expect(await run(hub, '{ bestOffer { id } }')).toMatchObject({
      errors: [{ path: ['bestOffer'], extensions: { code: 'SUBGRAPH_UNAVAILABLE' } }],
    })
  })

  test('that closes the socket during a response gives an error with a code', async () => {
    const hub = await hubBefore((_, response) => {
      response.writeHead(200, { 'content-length': '100' })
      response.write('{"data":', () => response.destroy())
    })
    expect(await run(hub, '{ bestOffer { id } }')).toMatchObject({
      errors: [{ path: ['bestOffer'], extensions: { code: 'SUBGRAPH_UNAVAILABLE' } }],
    })
  })
})
