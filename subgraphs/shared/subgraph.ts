// What every subgraph is made of: an SDL, resolvers, and a mercurius app that runs them. No domain lives here.

import fastify, { type FastifyInstance } from 'fastify'
import mercurius from 'mercurius'
import { readFileSync } from 'node:fs'
import type { Db } from 'mongodb'
import { sharedSdl } from '../../schema/values/sdl.ts'
import { buildFederatedSchema, type Resolvers } from './federated-schema.ts'
import type { MerchantDirectory } from './merchant-directory.ts'
import type { LogReader } from '../log/reader.ts'
import type { Registry } from './registry.ts'
import type { Logger } from '../platform/logger.ts'

/** What `main.ts` gives each subgraph; a subgraph takes nothing from anywhere else. */
export interface SubgraphDependencies {
  readonly db: Db
  readonly registry: Registry
  readonly directory: MerchantDirectory
  readonly now: () => Date
  readonly logger: Logger
  /** Follows the log for all subgraphs in this process; one that runs alone and needs it follows the log itself. */
  readonly logReader?: LogReader
}

export type SubgraphName = 'participant' | 'merchant' | 'transaction' | 'analytics'

export interface Subgraph {
  readonly name: SubgraphName
  /** Federation 2 SDL, shared values included. */
  readonly sdl: string
  /** Its mercurius app: `app.graphql(document, context, variables, operationName)`. */
  readonly app: FastifyInstance
  close(): Promise<void>
}

/** The SDL of one subgraph: what its folder's `schema.graphql` says after the shared values. */
export const subgraphSdl = (name: SubgraphName): string =>
  `${readFileSync(new URL(`../${name}/schema.graphql`, import.meta.url), 'utf8')}\n\n${sharedSdl}`

/** Starts a subgraph's app in this process; `close` ends it and then whatever `stop` ends. */
export async function openSubgraph(
  name: SubgraphName,
  resolvers: Resolvers,
  stop: () => Promise<void> = async () => {},
): Promise<Subgraph> {
  const sdl = subgraphSdl(name)
  const app = fastify({ logger: false })
  await app.register(mercurius, { schema: buildFederatedSchema(sdl, resolvers), jit: 1, graphiql: false })
  await app.ready()
  return {
    name,
    sdl,
    app,
    close: async () => {
      await app.close()
      await stop()
    },
  }
}
