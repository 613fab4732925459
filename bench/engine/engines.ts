// The engines behind one interface without a network: document and variables as input, the bytes of a
// response as output.

import { ApolloGateway, LocalGraphQLDataSource } from '@apollo/gateway'
import { ApolloServer } from '@apollo/server'
import { createGatewayRuntime } from '@graphql-hive/gateway-runtime'
import fastify, { type FastifyInstance } from 'fastify'
import { execute as executeOperation, type GraphQLSchema } from 'graphql'
import mercurius from 'mercurius'
import {
  composeSupergraph,
  createSupergraph,
  createInProcessConnection,
  type Supergraph,
  type SupergraphOptions,
} from '../../gateway/supergraph/index.ts'
import { buildFederatedSchema } from '../../subgraphs/shared/federated-schema.ts'
import { byHand, monolithResolvers, monolithSdl, queries, subgraphs } from './world.ts'

export interface Engine {
  readonly name: string
  /** Runs query `index` of `queries`; returns the response in UTF-8. */
  execute(index: number, variables: Record<string, unknown>): Promise<Buffer>
  close(): Promise<void>
}

const supergraphSdl = (
  parts: readonly { readonly name: string; readonly sdl: string }[] = subgraphs,
): string => composeSupergraph(parts.map(({ name, sdl }) => ({ name, sdl, url: `http://${name}.invalid` })))

const bytesOf = (response: unknown): Buffer => Buffer.from(JSON.stringify(response))

/** The SDL with a scope that each query requires. */
const guardedSdl = (sdl: string): string =>
  sdl
    .replace('["@key"]', '["@key", "@requiresScopes"]')
    .replace(/type Query \{ (.*?) \}/, 'type Query { $1 @requiresScopes(scopes: [["payments:read"]]) }')

/** Crossgate's engine over mercurius subgraphs in this process, as in the hub. */
export async function hubSupergraph(
  options: Pick<SupergraphOptions, 'accessOf'> = {},
): Promise<{ supergraph: Supergraph; close(): Promise<void> }> {
  const parts = subgraphs.map((one) => (options.accessOf ? { ...one, sdl: guardedSdl(one.sdl) } : one))
  const apps = await Promise.all(
    parts.map(async ({ name, sdl, resolvers }) => {
      const app = fastify()
      await app.register(mercurius, { schema: buildFederatedSchema(sdl, resolvers), jit: 1 })
      await app.ready()
      return [name, app] as const
    }),
  )
  const connections = new Map(
    apps.map(([name, app]) => [name as string, createInProcessConnection(name, app)]),
  )
  return {
    supergraph: createSupergraph({ supergraphSdl: supergraphSdl(parts), subgraphs: connections, ...options }),
    close: async () => {
      await Promise.all(apps.map(([, app]) => app.close()))
    },
  }
}

export async function hub(): Promise<Engine> {
  const { supergraph, close } = await hubSupergraph()
  return {
    name: 'hub',
    execute: async (index, variables) => {
      const prepared = supergraph.prepare(queries[index]!.document)
      if (prepared.kind === 'rejected') throw new Error(prepared.errors[0]!.message)
      const coerced = prepared.coerce(variables)
      if ('errors' in coerced) throw new Error(coerced.errors[0]!.message)
      return prepared.execute(coerced.variables, {})
    },
    close,
  }
}

/** One schema in mercurius with its JIT. */
export async function monolithApp(): Promise<FastifyInstance> {
  const app = fastify()
  await app.register(mercurius, { schema: monolithSdl, resolvers: monolithResolvers as never, jit: 1 })
  return app
}

export async function monolith(): Promise<Engine> {
  const app = await monolithApp()
  await app.ready()
  return {
    name: 'mercurius monolith with JIT',
    execute: async (index, variables) => bytesOf(await app.graphql(queries[index]!.document, {}, variables)),
    close: () => app.close(),
  }
}

/** Joins written by hand for these queries only. */
export async function hand(): Promise<Engine> {
  return {
    name: 'joins by hand',
    execute: async (index, variables) => bytesOf({ data: byHand[index]!(variables as never) }),
    close: async () => {},
  }
}

/** Apollo Gateway in Apollo Server, with the subgraphs as local data sources. */
export function apolloServer(): ApolloServer {
  const schemas = new Map<string, GraphQLSchema>(
    subgraphs.map(({ name, sdl, resolvers }) => [name, buildFederatedSchema(sdl, resolvers)]),
  )
  return new ApolloServer({
    gateway: new ApolloGateway({
      supergraphSdl: supergraphSdl(),
      buildService: ({ name }) => new LocalGraphQLDataSource(schemas.get(name.toLowerCase())!),
    }),
    logger: { debug() {}, info() {}, warn() {}, error() {} },
  })
}

export async function apollo(): Promise<Engine> {
  const server = apolloServer()
  await server.start()
  return {
    name: 'Apollo Gateway',
    execute: async (index, variables) => {
      const response = await server.executeOperation({ query: queries[index]!.document, variables })
      if (response.body.kind !== 'single') throw new TypeError('the response must be a single result')
      return bytesOf(response.body.singleResult)
    },
    close: () => server.stop(),
  }
}

/** Hive Gateway, with the subgraphs as local executors. */
export function hiveGateway(): ReturnType<typeof createGatewayRuntime> {
  const schemas = new Map<string, GraphQLSchema>(
    subgraphs.map(({ name, sdl, resolvers }) => [name, buildFederatedSchema(sdl, resolvers)]),
  )
  return createGatewayRuntime({
    supergraph: supergraphSdl(),
    logging: false,
    transports: {
      http: {
        getSubgraphExecutor:
          ({ subgraphName }) =>
          ({ document, variables }) =>
            executeOperation({
              schema: schemas.get(subgraphName.toLowerCase())!,
              document,
              variableValues: variables,
            }) as never,
      },
    },
  })
}

export async function hive(): Promise<Engine> {
  const gateway = hiveGateway()
  return {
    name: 'Hive Gateway',
    execute: async (index, variables) => {
      const response = await gateway.fetch('http://127.0.0.1/graphql', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query: queries[index]!.document, variables }),
      })
      return Buffer.from(await response.arrayBuffer())
    },
    close: async () => gateway[Symbol.asyncDispose](),
  }
}
