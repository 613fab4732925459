// One server in a process of its own, told what to do by its parent: `fork('serve.ts', [NAME])`.

import fastify from 'fastify'
import { buildSchema, type GraphQLSchema } from 'graphql'
import { createHandler } from 'graphql-http/lib/use/http'
import { useServer } from 'graphql-ws/use/ws'
import mercurius, { type PubSub } from 'mercurius'
import { MongoClient } from 'mongodb'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { pino } from 'pino'
import { WebSocketServer } from 'ws'
import { readConfig } from '../../gateway/config/config.ts'
import { createReadiness } from '../../gateway/http/health.ts'
import type { Identity } from '../../gateway/identity/identity.ts'
import { startServer } from '../../gateway/http/server.ts'
import {
  composeSupergraph,
  createSupergraph,
  createInProcessConnection,
  type Supergraph,
} from '../../gateway/supergraph/index.ts'
import { buildFederatedSchema } from '../../subgraphs/shared/federated-schema.ts'
import { connect } from '../../subgraphs/platform/mongo/client.ts'
import { openRegistry } from '../../subgraphs/shared/registry.ts'
import { createCursors } from '../../subgraphs/transaction/log/cursor.ts'
import { openTransactionSubgraph } from '../../subgraphs/transaction/index.ts'
import { openEventStreams } from '../../subgraphs/transaction/live/event-streams.ts'
import { openBacklogStream, withPositions } from '../../subgraphs/transaction/live/backlog-stream.ts'
import type { Viewer } from '../../subgraphs/shared/viewer.ts'
import type { LogEntry } from '../../subgraphs/log/entry.ts'
import {
  anEntry,
  directorySdl,
  eventsSdl,
  memoryLog,
  merchantOf,
  monolithSdl,
  nowMs,
  paymentOf,
  walletOf,
  type BenchEvent,
} from './world.ts'

/** A server that serves, and how to make it tell an event. */
interface Serving {
  readonly url: string
  tell(events: readonly BenchEvent[]): void
  waitingBytes(): number
}

const logger = pino({ level: 'warn' })
const cursors = createCursors('x'.repeat(32))
const settings = { PORT: '0', SOCKET_INIT_MS: '60000', SOCKET_PING_MS: '600000', SOCKET_BEHIND_MS: '3600000' }

/** The hub's doors, live room and engine, and the transaction subgraph's streams; over a log in memory. */
async function hub(): Promise<Serving> {
  const logReader = memoryLog()
  const eventStreams = openEventStreams(logReader)
  const all = { kind: 'all' } as const
  const sentAt = new Map<number, number>()
  const events = buildFederatedSchema(eventsSdl, {
    Subscription: {
      transactionEvents: {
        subscribe: (_: unknown, { after }: { after?: string }) => {
          const start = after ? cursors.decode(after) : logReader.tip()
          if (typeof start !== 'bigint') throw new TypeError('not a cursor')
          return withPositions(
            eventStreams.events({ matches: () => true, query: {} }, all, start),
            ({ value }) => value,
            ({ position }) => ({
              ordinal: Number(position),
              get cursor() {
                return cursors.encode(position)
              },
            }),
          )
        },
        resolve: (entry: LogEntry) => entry,
      },
    },
    Event: {
      cursor: ({ _id }: LogEntry) => cursors.encode(_id),
      sentAt: ({ _id }: LogEntry) => sentAt.get(Number(_id)),
      transaction: ({ _id }: LogEntry) => paymentOf({ position: Number(_id), sentAt: 0 }),
    },
  })
  const byReference = (of: (id: string) => object) => ({
    __resolveReference: ({ id }: { id: string }) => of(id),
  })
  const directory = buildFederatedSchema(directorySdl, {
    Merchant: byReference(merchantOf),
    Participant: byReference(walletOf),
  })
  const url = await doors(
    createSupergraph({
      supergraphSdl: composeSupergraph([
        { name: 'events', sdl: eventsSdl },
        { name: 'directory', sdl: directorySdl },
      ]),
      subgraphs: new Map([
        ['events', createInProcessConnection('events', { graphql: { schema: events } })],
        ['directory', createInProcessConnection('directory', { graphql: { schema: directory } })],
      ]),
    }),
  )
  return {
    ...url,
    tell(news) {
      for (const event of news) {
        sentAt.set(event.position, event.sentAt)
        sentAt.delete(event.position - 50_000)
      }
      logReader.write(news.map(({ position, sentAt: at }) => anEntry(position, new Date(at))))
    },
  }
}

/** The whole transaction subgraph over a log in MongoDB. */
async function stored(): Promise<Serving> {
  const mongo = await connect(process.argv[3]!)
  const db = mongo.db(process.argv[4]!)
  const registry = await openRegistry(db, logger)
  const directory = {
    merchant: () => Promise.reject(new TypeError('nobody pays here')),
    scan: () => Promise.reject(new TypeError('nobody pays here')),
  }
  const transaction = await openTransactionSubgraph({
    db,
    registry,
    directory,
    now: () => new Date(),
    logger,
    cursorSecret: 'x'.repeat(32),
    simulator: null,
    sequencer: false,
  })
  const supergraph = createSupergraph({
    supergraphSdl: composeSupergraph([{ name: 'transaction', sdl: transaction.sdl }]),
    subgraphs: new Map([['transaction', createInProcessConnection('transaction', transaction.app)]]),
  })
  return { ...(await doors(supergraph)), tell: () => {} }
}

async function doors(supergraph: Supergraph): Promise<Omit<Serving, 'tell'>> {
  const viewer: Viewer = { participant: 'operator', scopes: new Set(['operator']), key: 'bench' }
  const identity: Identity = {
    find: () => viewer,
    isValid: () => true,
    onChange: () => () => {},
    close: () => {},
  }
  const server = await startServer({ config: readConfig(settings), readiness: createReadiness(), logger })
  server.open({ supergraph, identity })
  return { url: server.url, waitingBytes: () => server.bufferedBytes }
}

/** What `following` asks for: see world.ts. */
const followedOf = (event: BenchEvent) => ({
  cursor: cursors.encode(BigInt(event.position)),
  kind: 'APPROVED',
  to: 'COMPLETED',
  transaction: paymentOf(event),
})

const eventOf = (event: BenchEvent) => ({ ...followedOf(event), sentAt: event.sentAt })

/**
 * What those beside the hub do to pay, when they are started with the address of a MongoDB and the name of a database: one
 * `insertOne`, durable before its event is published and it is answered.
 */
async function submission(tell: Serving['tell']) {
  const [uri, database] = process.argv.slice(3)
  const mongo = uri
    ? await MongoClient.connect(uri, { writeConcern: { w: 'majority', journal: true } })
    : null
  const payments = mongo?.db(database).collection<{ _id: string }>('paymentsByHand')
  return async ({ reference }: { readonly reference: string }) => {
    const event = { position: ++position, sentAt: nowMs() }
    const { id, ...rest } = paymentOf(event)
    await payments!.insertOne({ _id: `${reference} ${id}`, ...rest })
    tell([event])
    return { id, ...rest }
  }
}

/** Mercurius's own subscriptions and publish-subscribe over its WebSocket, with its JIT. */
async function pubsub(): Promise<Serving> {
  const app = fastify()
  const tell = (events: readonly BenchEvent[]): void => {
    for (const event of events)
      app.graphql.pubsub.publish({ topic: 'EVENTS', payload: { transactionEvents: eventOf(event) } })
  }
  const submit = await submission(tell)
  await app.register(mercurius, {
    schema: monolithSdl,
    jit: 1,
    resolvers: {
      Mutation: { submitPayment: (_: unknown, args: { reference: string }) => submit(args) },
      Subscription: {
        transactionEvents: {
          subscribe: (_: unknown, __: unknown, context: { pubsub: PubSub }) =>
            context.pubsub.subscribe('EVENTS'),
        },
      },
    } as never,
    subscription: { fullWsTransport: false },
  })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  return { url, tell, waitingBytes: () => 0 }
}

/** graphql-ws as its users run it: the document is executed for each subscriber and event. */
async function graphqlWs(): Promise<Serving> {
  const listeners = new Set<(event: BenchEvent) => void>()
  const tell = (events: readonly BenchEvent[]): void =>
    events.forEach((event) => listeners.forEach((listener) => listener(event)))
  const submit = await submission(tell)
  const schema: GraphQLSchema = buildSchema(monolithSdl)
  schema.getMutationType()!.getFields().submitPayment!.resolve = (_: unknown, args) => submit(args)
  schema.getSubscriptionType()!.getFields().transactionEvents!.subscribe = () => {
    const stream = openBacklogStream<BenchEvent>(
      {
        refill: async (backlog) => {
          backlog.goLive()
          return []
        },
        subscribe(backlog) {
          const listener = (event: BenchEvent) => backlog.push(event)
          listeners.add(listener)
          return () => listeners.delete(listener)
        },
        accept: () => true,
      },
      100_000,
    )
    return {
      next: async () => {
        const { done, value } = await stream.next()
        return done ? { done, value } : { done, value: { transactionEvents: eventOf(value) } }
      },
      return: () => stream.return(),
      [Symbol.asyncIterator]() {
        return this
      },
    }
  }
  const overHttp = createHandler({ schema })
  const server = createServer((request, response) => void overHttp(request, response))
  // The clients here do not answer pings, so none are sent.
  useServer({ schema }, new WebSocketServer({ server, path: '/graphql' }), 0)
  await new Promise<void>((resolve) => server.listen({ host: '127.0.0.1', port: 0 }, resolve))
  return { url: addressOf(server), tell, waitingBytes: () => 0 }
}

/**
 * Nothing but a loop over sockets of `ws`: no GraphQL, no filter, no one who may not see, no log. An event is rendered once, by
 * hand. What is left of a delivery's time here is the machine's.
 */
async function plain(): Promise<Serving> {
  const sockets = new WebSocketServer({ noServer: true })
  sockets.on('connection', (socket) => socket.once('message', () => socket.send('{"type":"connection_ack"}')))
  const tell = (events: readonly BenchEvent[]): void => {
    for (const event of events) {
      const payload = { data: { transactionEvents: followedOf(event) } }
      const message = Buffer.from(JSON.stringify({ id: '1', type: 'next', payload }))
      for (const socket of sockets.clients) socket.send(message, { binary: false })
    }
  }
  const submit = await submission(tell)
  const server = createServer(async (request, response) => {
    const { variables } = (await json(request)) as { variables: { reference: string } }
    response.end(JSON.stringify(await submit(variables)))
  })
  server.on('upgrade', (request, socket, head) =>
    sockets.handleUpgrade(request, socket, head, (client) => sockets.emit('connection', client)),
  )
  await new Promise<void>((resolve) => server.listen({ host: '127.0.0.1', port: 0 }, resolve))
  return { url: addressOf(server), tell, waitingBytes: () => 0 }
}

const addressOf = (server: ReturnType<typeof createServer>): string =>
  `http://127.0.0.1:${(server.address() as AddressInfo).port}`

const servers: Readonly<Record<string, () => Promise<Serving>>> = { hub, stored, pubsub, graphqlWs, plain }

let position = 0
const start = servers[process.argv[2] ?? '']
if (!start) throw new Error(`no such server: ${process.argv[2]}`)
const serving = await start()
let timer: NodeJS.Timeout | null = null

const tell = (count: number): void => {
  const sentAt = nowMs()
  serving.tell(Array.from({ length: count }, () => ({ position: ++position, sentAt })))
}

export type Order =
  | { readonly do: 'tell'; readonly count: number }
  /** One event every so often, until `stop`. */
  | { readonly do: 'tick'; readonly everyMs: number }
  | { readonly do: 'stop' }
  | { readonly do: 'measure' }

export interface Measured {
  /** After a collection: heap, and memory outside it that the heap holds. */
  readonly bytes: number
  readonly rss: number
  readonly waitingBytes: number
  readonly told: number
  readonly cpuMs: number
}

process.on('message', (order: Order) => {
  if (order.do === 'tell') tell(order.count)
  if (order.do === 'stop' && timer) clearInterval(timer)
  if (order.do === 'tick') {
    // By the clock and not by the number of ticks: a timer that is late catches up.
    const startedAt = nowMs()
    let told = 0
    timer = setInterval(() => {
      for (; told * order.everyMs < nowMs() - startedAt; told++) tell(1)
    }, 1)
  }
  if (order.do === 'measure') {
    globalThis.gc?.()
    const { heapUsed, external, rss } = process.memoryUsage()
    const { user, system } = process.cpuUsage()
    process.send!({
      bytes: heapUsed + external,
      rss,
      waitingBytes: serving.waitingBytes(),
      told: position,
      cpuMs: (user + system) / 1000,
    } satisfies Measured)
  }
})
process.once('disconnect', () => process.exit(0))
process.send!({ url: serving.url })
