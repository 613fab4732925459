// The offers subgraph: what shops give the customers of wallets. An ordinary Apollo Server in a process of
// its own, joined by its URL as a partner’s subgraph is.

import { ApolloServer } from '@apollo/server'
import { ApolloServerPluginInlineTrace } from '@apollo/server/plugin/inlineTrace'
import { startStandaloneServer } from '@apollo/server/standalone'
import { buildSubgraphSchema, type GraphQLResolverMap } from '@apollo/subgraph'
import { parse, type GraphQLError } from 'graphql'
import { readFileSync } from 'node:fs'
import type { Db } from 'mongodb'
import { problems } from '../../schema/values/problems.ts'
import type { Logger } from '../platform/logger.ts'
import { isOutage } from '../platform/mongo/errors.ts'
import { createOfferStore } from './offer-store.ts'
import { contextOf, createOffersResolvers, type OffersContext } from './resolvers.ts'

export { importOffers } from './offer-store.ts'
export type { Offer } from './offer.ts'

export interface OffersOptions {
  readonly db: Db
  readonly host: string
  /** 0 takes any free port. */
  readonly port: number
  readonly now: () => Date
  readonly logger: Pick<Logger, 'error' | 'warn'>
}

export interface OffersServer {
  /** For instance "http://127.0.0.1:4010/". */
  readonly url: string
  /** Finishes running requests, and stops listening. */
  close(): Promise<void>
}

export const offersSdl = readFileSync(new URL('schema.graphql', import.meta.url), 'utf8')

export async function startOffersServer({
  db,
  host,
  port,
  now,
  logger,
}: OffersOptions): Promise<OffersServer> {
  const store = await createOfferStore(db)
  const server = new ApolloServer<OffersContext>({
    schema: buildSubgraphSchema([
      {
        typeDefs: parse(offersSdl),
        resolvers: createOffersResolvers(store) as GraphQLResolverMap<OffersContext>,
      },
    ]),
    formatError: (formatted, error) => present(formatted, error, logger),
    includeStacktraceInErrorResponses: false,
    // It is there by default, and then logs that it is.
    plugins: [ApolloServerPluginInlineTrace()],
    stopOnTerminationSignals: false,
  })
  const { url } = await startStandaloneServer(server, {
    listen: { host, port },
    context: async () => contextOf(store, now()),
  })
  return { url, close: () => server.stop() }
}

type Formatted = Parameters<NonNullable<ConstructorParameters<typeof ApolloServer>[0]['formatError']>>[0]

/** An outage has the code of the hub’s own; what is not coded is logged and not shown. */
function present(formatted: Formatted, error: unknown, logger: OffersOptions['logger']): Formatted {
  const cause = (error as GraphQLError).originalError ?? error
  const { path, locations } = formatted
  const place = { ...(path && { path }), ...(locations && { locations }) }
  if (isOutage(cause)) {
    logger.warn({ err: cause, path }, 'offers: MongoDB does not answer')
    return { ...place, message: problems.UNAVAILABLE, extensions: { code: 'UNAVAILABLE', retryable: true } }
  }
  if (formatted.extensions?.['code'] !== 'INTERNAL_SERVER_ERROR') return formatted
  logger.error({ err: cause, path }, 'offers: a request failed')
  return {
    ...place,
    message: 'An internal error of the offers subgraph.',
    extensions: { code: 'INTERNAL_SERVER_ERROR' },
  }
}
