// A subgraph: its SDL, its resolvers, and a mercurius app that runs them. No domain lives here.

import fastify, { type FastifyInstance } from 'fastify'
import mercurius from 'mercurius'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import type { Db } from 'mongodb'
import { sharedSdl } from '../../schema/values/sdl.ts'
import type { LogReader } from '../log/reader.ts'
import type { Logger } from '../platform/logger.ts'
import { buildFederatedSchema, type Resolvers } from './federated-schema.ts'
import type { MerchantDirectory } from './merchant-directory.ts'
import type { RefusalLog } from './refusal-log.ts'
import { noteRefusals } from './refused-mutations.ts'
import type { Registry } from './registry.ts'
import { composableSdl } from './visibility.ts'

/** The services that the hub passes to each subgraph. A subgraph has no other source of services. */
export interface SubgraphDependencies {
  readonly db: Db
  readonly registry: Registry
  readonly directory: MerchantDirectory
  readonly now: () => Date
  readonly logger: Logger
  /** Shared by all subgraphs of this process. Left out, a subgraph that needs a reader starts its own. */
  readonly logReader?: LogReader
  /** Left out, refusals are not noted. */
  readonly refusals?: Pick<RefusalLog, 'note'>
}

export type SubgraphName = 'participant' | 'merchant' | 'transaction' | 'analytics'

export interface Subgraph {
  readonly name: SubgraphName
  /** SDL of Federation 2, with the shared values, to compose. */
  readonly sdl: string
  /** Its mercurius app: `app.graphql(document, context, variables, operationName)`. */
  readonly app: FastifyInstance
  close(): Promise<void>
}

/**
 * The SDL of one subgraph: all `*.graphql` of its folder `schema`, or its one `schema.graphql`, and then
 * the shared values.
 */
export function subgraphSdl(name: SubgraphName): string {
  const folder = new URL(`../${name}/`, import.meta.url)
  const rooms = new URL('schema/', folder)
  const files = existsSync(rooms)
    ? readdirSync(rooms)
        .filter((file) => file.endsWith('.graphql'))
        .toSorted()
        .map((file) => new URL(file, rooms))
    : [new URL('schema.graphql', folder)]
  return [...files.map((file) => readFileSync(file, 'utf8')), sharedSdl].join('\n\n')
}

export interface SubgraphOptions extends Pick<SubgraphDependencies, 'refusals'> {
  readonly closeOwn?: () => Promise<void>
}

/** Starts a subgraph's app in this process. The subgraph's `close` closes the app, then calls `closeOwn`. */
export async function openSubgraph(
  name: SubgraphName,
  resolvers: Resolvers,
  { refusals, closeOwn = async () => {} }: SubgraphOptions = {},
): Promise<Subgraph> {
  const sdl = subgraphSdl(name)
  const app = fastify({ logger: false })
  const schema = buildFederatedSchema(sdl, resolvers)
  if (refusals) noteRefusals(schema, refusals)
  // Without a route: to compile the schemas of its requests takes 35 ms of each start.
  await app.register(mercurius, { schema, jit: 1, graphiql: false, routes: false })
  await app.ready()
  return {
    name,
    sdl: composableSdl(sdl),
    app,
    close: async () => {
      await app.close()
      await closeOwn()
    },
  }
}
