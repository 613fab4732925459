// Serves one engine over HTTP, whose subgraphs are in another process: `node bench/remote/serve.ts NAME`
// prints its URL and runs until SIGTERM. `SUBGRAPHS` is the URL of that process, which is `subgraphs`.

import { ApolloGateway } from '@apollo/gateway'
import { ApolloServer } from '@apollo/server'
import { startStandaloneServer } from '@apollo/server/standalone'
import { createGatewayRuntime } from '@graphql-hive/gateway-runtime'
import fastify from 'fastify'
import { print, type DocumentNode } from 'graphql'
import mercurius from 'mercurius'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Pool } from 'undici'
import { composeSupergraph, createSupergraph, openHttpConnection } from '../../gateway/supergraph/index.ts'
import { buildFederatedSchema } from '../../subgraphs/shared/federated-schema.ts'
import { checkKeys } from '../engine/keys.ts'
import { serveSupergraph } from '../engine/serve-hub.ts'
import { subgraphs, type Merchant, type Participant, type Payment } from '../engine/world.ts'

const loopback = { host: '127.0.0.1', port: 0 } as const
const base = process.env['SUBGRAPHS'] ?? ''
const urlOf = (name: string): string => `${base}/${name.toLowerCase()}/graphql`
const supergraphSdl = (): string =>
  composeSupergraph(subgraphs.map(({ name, sdl }) => ({ name, sdl, url: urlOf(name) })))

/** Crossgate’s engine. With `isGrouped`, `_entities` calls of several requests are sent as one. */
function hub(isGrouped: boolean): Promise<string> {
  const connections = subgraphs.map(({ name }) =>
    openHttpConnection(name, urlOf(name), isGrouped ? { groupEntitiesBy: () => 'all' } : {}),
  )
  const supergraph = createSupergraph({
    supergraphSdl: supergraphSdl(),
    subgraphs: new Map(connections.map((connection) => [connection.name, connection])),
  })
  return serveSupergraph(supergraph)
}

const post = async <Data>(pool: Pool, path: string, body: object): Promise<Data> => {
  const headers = { 'content-type': 'application/json' }
  const response = await pool.request({ path, method: 'POST', headers, body: JSON.stringify(body) })
  return ((await response.body.json()) as { data: Data }).data
}

/** The calls that a programmer would write for these three requests, by undici. */
function byHand(pool: Pool): readonly ((variables: Record<string, unknown>) => Promise<unknown>)[] {
  const participant = (id: unknown, fields: string) =>
    post<{ participant: Participant | null }>(pool, '/participant/graphql', {
      query: `query($id: ID!) { participant(id: $id) { ${fields} } }`,
      variables: { id },
    })
  const entities = async <Entity extends { id: string }>(
    path: string,
    __typename: string,
    ids: readonly string[],
    fields: string,
  ): Promise<ReadonlyMap<string, Entity>> => {
    const representations = [...new Set(ids)].map((id) => ({ __typename, id }))
    const query = `query($representations: [_Any!]!) { _entities(representations: $representations) { ... on ${__typename} { ${fields} } } }`
    const { _entities } = await post<{ _entities: Entity[] }>(pool, path, {
      query,
      variables: { representations },
    })
    return new Map(_entities.map((entity) => [entity.id, entity]))
  }
  return [
    async ({ id }) => {
      const query = 'query($id: ID!) { merchant(id: $id) { id name city mcc acquirer { id } } }'
      const { merchant } = await post<{ merchant: Merchant }>(pool, '/merchant/graphql', {
        query,
        variables: { id },
      })
      const found = await participant(merchant.acquirer.id, 'id name country status')
      return { merchant: { ...merchant, acquirer: found.participant } }
    },
    async ({ skip }) => {
      const query = `query($skip: Int!) { payments(first: 20, skip: $skip) { id status createdAt
        merchantAmount { amount currency } merchant { id } acquirer { id } wallet { id } } }`
      const { payments } = await post<{ payments: Payment[] }>(pool, '/transaction/graphql', {
        query,
        variables: { skip },
      })
      const [merchants, participants] = await Promise.all([
        entities<Merchant>(
          '/merchant/graphql',
          'Merchant',
          payments.map(({ merchant }) => merchant.id),
          'id name city',
        ),
        entities<Participant>(
          '/participant/graphql',
          'Participant',
          payments.flatMap(({ acquirer, wallet }) => [acquirer.id, wallet.id]),
          'id name country',
        ),
      ])
      return {
        payments: payments.map((payment) => {
          const { id, name } = participants.get(payment.acquirer.id)!
          return {
            ...payment,
            merchant: merchants.get(payment.merchant.id),
            acquirer: { id, name },
            wallet: participants.get(payment.wallet.id),
          }
        }),
      }
    },
    ({ id }) => participant(id, 'id name country status'),
  ]
}

const servers: Readonly<Record<string, () => Promise<string>>> = {
  subgraphs: async () => {
    const app = fastify()
    for (const { name, sdl, resolvers } of subgraphs) {
      const schema = buildFederatedSchema(sdl, resolvers)
      await app.register((child) => child.register(mercurius, { schema, jit: 1 }), { prefix: `/${name}` })
    }
    return app.listen(loopback)
  },
  hub: () => hub(false),
  grouped: () => hub(true),
  hand: async () => {
    const app = fastify()
    checkKeys(app)
    byHand(new Pool(base, { connections: 64 })).forEach((join, index) => {
      app.post(`/${index}`, async (request) => ({
        data: await join((request.body as { variables: Record<string, unknown> }).variables),
      }))
    })
    return app.listen(loopback)
  },
  apollo: async () => {
    const gateway = new ApolloGateway({ supergraphSdl: supergraphSdl() })
    const logger = { debug() {}, info() {}, warn() {}, error() {} }
    return (await startStandaloneServer(new ApolloServer({ gateway, logger }), { listen: loopback })).url
  },
  hive: async () => {
    const pool = new Pool(base, { connections: 64 })
    // Its own transport is a package apart, which sends the same by fetch.
    const getSubgraphExecutor =
      ({ subgraphName }: { readonly subgraphName: string }) =>
      ({ document, variables }: { readonly document: DocumentNode; readonly variables?: unknown }) =>
        post<unknown>(pool, new URL(urlOf(subgraphName)).pathname, {
          query: print(document),
          variables,
        }).then((data) => ({ data }))
    const gateway = createGatewayRuntime({
      supergraph: supergraphSdl(),
      logging: false,
      transports: { http: { getSubgraphExecutor: getSubgraphExecutor as never } },
    })
    const server = createServer(gateway as never)
    await new Promise<void>((resolve) => server.listen(loopback, resolve))
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql`
  },
}

const start = servers[process.argv[2] ?? '']
if (!start) throw new Error(`no such engine: ${process.argv[2]}`)
console.log(await start())
process.once('SIGTERM', () => process.exit(0))
