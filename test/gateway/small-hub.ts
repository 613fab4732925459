// A hub of two tiny subgraphs behind the real doors, for tests that are about the doors and not about payments.

import { Writable } from 'node:stream'
import { pino } from 'pino'
import { afterAll } from 'vitest'
import { documentLimits, readConfig, tokenIssuer } from '../../gateway/config.ts'
import { newReadiness, type Readiness } from '../../gateway/health.ts'
import { openIdentity } from '../../gateway/identity/identity.ts'
import { openKeyRing } from '../../gateway/identity/key-ring.ts'
import { keyStore, type KeyStore } from '../../gateway/identity/key-store.ts'
import { openTokens } from '../../gateway/identity/token.ts'
import { maskErrors } from '../../gateway/masking.ts'
import { startServer, type Server } from '../../gateway/server.ts'
import { composeSupergraph, createSupergraph, inProcessConnection } from '../../gateway/supergraph/index.ts'
import { ProblemError, refuse } from '../../schema/values/problems.ts'
import { buildFederatedSchema, type Resolvers } from '../../subgraphs/federated-schema.ts'
import type { RequestContext } from '../../subgraphs/subgraph.ts'
import { freshDatabase } from '../harness/mongo.ts'
import { Feed } from './feed.ts'

const federation = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.7", import: ["@key"])`

const shelfSdl = `${federation}
  type Query { book(id: ID!): Book, whoami: String!, broken: String, outage: String, refused: String, never: String }
  type Mutation { rename(id: ID!, title: String!): Book }
  type Subscription {
    transactionEvents(after: String, where: String): Event!
    transactionUpdated(id: ID!, afterSequence: Int): Event!
    activityUpdated: Event!
    authorizationRequests: Event!
  }
  type Event { text: String!, book: Book! }
  type Book @key(fields: "id") { id: ID!, title: String! }`

const reviewsSdl = `${federation}
  type Book @key(fields: "id") { id: ID!, stars: Int! }`

export interface SmallHub {
  readonly url: string
  readonly server: Server
  readonly readiness: Readiness
  readonly keys: KeyStore
  /** What the subscriptions tell. */
  readonly feed: Feed
  /** How often Book.stars was asked for. */
  readonly asked: { stars: number }
  /** Resolves when `Query.never` is being asked for; call `answer` to let it end. */
  readonly never: { started: Promise<void>; answer: (text: string) => void }
  /** Parsed lines of the log so far. */
  readonly log: readonly Record<string, unknown>[]
  /** Moves the hub's clock on. */
  pass(ms: number): void
  close(): Promise<void>
}

/** Starts the doors on a free port, with the demo keys. */
export async function smallHub(settings: Record<string, string> = {}): Promise<SmallHub> {
  const { db } = await freshDatabase()
  const config = readConfig({ PORT: '0', ...settings })
  const lines: Record<string, unknown>[] = []
  const log = pino(
    { level: 'info' },
    new Writable({
      write(line: Buffer, _encoding, done) {
        lines.push(JSON.parse(line.toString()))
        done()
      },
    }),
  )
  const feed = new Feed()
  const asked = { stars: 0 }
  const started = Promise.withResolvers<void>()
  const answer = Promise.withResolvers<string>()
  const titles = new Map([['1', 'Tea']])
  const book = (id: string) => (titles.has(id) ? { id, title: titles.get(id) } : null)

  const shelf: Resolvers = {
    Query: {
      book: (_: unknown, { id }: { id: string }) => book(id),
      whoami: (_: unknown, __: unknown, { viewer }: RequestContext) => viewer.participant,
      broken: () => {
        throw new TypeError('secret detail')
      },
      outage: () => {
        throw Object.assign(new Error('10.0.0.7 refused'), { name: 'MongoNetworkError' })
      },
      refused: () => {
        throw new ProblemError(refuse('BAD_RANGE'))
      },
      never: () => {
        started.resolve()
        return answer.promise
      },
    },
    Mutation: {
      rename: (_: unknown, { id, title }: { id: string; title: string }) => {
        titles.set(id, title)
        return book(id)
      },
    },
    Subscription: {
      transactionEvents: {
        subscribe: (_: unknown, { after }: { after?: string }) => feed.open('transactionEvents', after),
      },
      transactionUpdated: { subscribe: () => feed.open('transactionUpdated') },
      activityUpdated: { subscribe: () => feed.open('activityUpdated') },
      authorizationRequests: { subscribe: () => feed.open('authorizationRequests') },
    },
    Book: { __resolveReference: ({ id }: { id: string }) => book(id) },
  }
  const reviews: Resolvers = {
    Book: {
      __resolveReference: ({ id }: { id: string }) => ({ id }),
      stars: () => {
        asked.stars++
        return 5
      },
    },
  }
  const app = (sdl: string, resolvers: Resolvers) => ({
    graphql: { schema: buildFederatedSchema(sdl, resolvers) },
  })
  const supergraph = createSupergraph({
    supergraphSdl: composeSupergraph([
      { name: 'shelf', sdl: shelfSdl },
      { name: 'reviews', sdl: reviewsSdl },
    ]),
    subgraphs: new Map([
      ['shelf', inProcessConnection('shelf', app(shelfSdl, shelf))],
      ['reviews', inProcessConnection('reviews', app(reviewsSdl, reviews))],
    ]),
    present: maskErrors(log),
    limits: documentLimits(config),
  })

  const keys = keyStore(db)
  await keys.seedDemo(new Date())
  const keyRing = await openKeyRing(keys, { allowDemo: config.MODE === 'demo', log })
  let aheadMs = 0
  const now = () => new Date(Date.now() + aheadMs)
  const issuer = tokenIssuer(config)
  const readiness = newReadiness()
  const server = await startServer({ config, readiness, log })
  const identity = openIdentity(keyRing, issuer && openTokens(issuer, now), now)
  server.open({ supergraph, identity })
  readiness.phase = 'ready'

  let closing: Promise<void> | null = null
  const close = (): Promise<void> =>
    (closing ??= (async () => {
      await server.close(0)
      identity.close()
      await keyRing.close()
    })())
  afterAll(close)
  return {
    url: server.url,
    server,
    readiness,
    keys,
    feed,
    asked,
    never: { started: started.promise, answer: answer.resolve },
    log: lines,
    pass(ms) {
      aheadMs += ms
    },
    close,
  }
}
