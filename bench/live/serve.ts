// Runs one server as a process: `fork('serve.ts', [NAME])`. The parent sends it orders.

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
import { createAdmission } from '../../gateway/protocol/admission.ts'
import { startServer } from '../../gateway/http/server.ts'
import { accessOf } from '../../gateway/identity/access.ts'
import type { Identity } from '../../gateway/identity/identity.ts'
import {
  composeSupergraph,
  createSupergraph,
  createInProcessConnection,
  type Supergraph,
} from '../../gateway/supergraph/index.ts'
import type { LogEntry } from '../../subgraphs/log/entry.ts'
import type { LogReader } from '../../subgraphs/log/reader.ts'
import { connect } from '../../subgraphs/platform/mongo/client.ts'
import { buildFederatedSchema } from '../../subgraphs/shared/federated-schema.ts'
import { openRegistry } from '../../subgraphs/shared/registry.ts'
import type { Viewer } from '../../subgraphs/shared/viewer.ts'
import { openTransactionSubgraph } from '../../subgraphs/transaction/index.ts'
import { openBacklogStream, withPositions } from '../../subgraphs/shared/backlog-stream.ts'
import { openEventStreams } from '../../subgraphs/transaction/live/event-streams.ts'
import { createCursors } from '../../subgraphs/shared/cursor.ts'
import { anId } from '../../test/fixtures/an-id.ts'
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

/** A running server that can publish events. */
interface Serving {
  readonly url: string
  publish(events: readonly BenchEvent[]): void
  /** Bytes that clients have not read yet. */
  waitingBytes(): number
}

const logger = pino({ level: 'warn' })
const cursors = createCursors('x'.repeat(32))
const settings = { PORT: '0', SOCKET_INIT_MS: '60000', SOCKET_PING_MS: '600000', SOCKET_BEHIND_MS: '3600000' }

/**
 * The hub's servers, broker and engine, with the streams of the transaction subgraph, over a log in memory.
 */
async function hub(): Promise<Serving> {
  const logReader = memoryLog()
  const sentAt = new Map<number, number>()
  const connections = {
    events: buildFederatedSchema(eventsSdl, eventResolvers(logReader, sentAt)),
    directory: buildFederatedSchema(directorySdl, {
      Merchant: byReference(merchantOf),
      Participant: byReference(walletOf),
    }),
  }
  const supergraphSdl = composeSupergraph([
    { name: 'events', sdl: eventsSdl },
    { name: 'directory', sdl: directorySdl },
  ])
  const subgraphs = new Map(
    Object.entries(connections).map(([name, schema]) => [
      name,
      createInProcessConnection(name, { graphql: { schema } }),
    ]),
  )
  return {
    ...(await startHubServer(createSupergraph({ supergraphSdl, subgraphs }))),
    publish(events) {
      for (const event of events) {
        sentAt.set(event.position, event.sentAt)
        sentAt.delete(event.position - 50_000)
      }
      logReader.write(events.map(({ position, sentAt: at }) => anEntry(position, new Date(at))))
    },
  }
}

function eventResolvers(logReader: LogReader, sentAt: ReadonlyMap<number, number>) {
  const eventStreams = openEventStreams(logReader)
  const subscribe = (_: unknown, { after }: { after?: string }) => {
    const start = after ? cursors.decode(after) : logReader.tip()
    if (typeof start !== 'bigint') throw new TypeError(`not a cursor: ${after}`)
    return withPositions(
      eventStreams.events({ matches: () => true, query: {} }, { kind: 'all' }, start),
      ({ value }) => value,
      ({ position }) => ({
        ordinal: Number(position),
        get cursor() {
          return cursors.encode(position)
        },
      }),
    )
  }
  return {
    Subscription: { transactionEvents: { subscribe, resolve: (entry: LogEntry) => entry } },
    Event: {
      cursor: ({ _id }: LogEntry) => cursors.encode(_id),
      sentAt: ({ _id }: LogEntry) => sentAt.get(Number(_id)),
      transaction: ({ _id }: LogEntry) => paymentOf({ position: Number(_id), sentAt: 0 }),
    },
  }
}

const byReference = (entityOf: (id: string) => object) => ({
  __resolveReference: ({ id }: { id: string }) => entityOf(id),
})

/** The whole transaction subgraph over a log in MongoDB. */
async function stored(): Promise<Serving> {
  const mongo = await connect(process.argv[3]!)
  const db = mongo.db(process.argv[4]!)
  const registry = await openRegistry(db, logger)
  const directory = {
    merchant: () => Promise.reject(new TypeError('the benchmark makes no payments')),
    scan: () => Promise.reject(new TypeError('the benchmark makes no payments')),
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
    accessOf,
    subgraphs: new Map([['transaction', createInProcessConnection('transaction', transaction.app)]]),
  })
  return { ...(await startHubServer(supergraph)), publish: () => {} }
}

async function startHubServer(supergraph: Supergraph): Promise<Omit<Serving, 'publish'>> {
  const viewer: Viewer = {
    participant: anId('operator'),
    scopes: new Set(['operator']),
    key: 'bench',
  }
  const identity: Identity = {
    find: () => viewer,
    isValid: () => true,
    onChange: () => () => {},
    close: () => {},
  }
  const server = await startServer({ config: readConfig(settings), readiness: createReadiness(), logger })
  server.open({ supergraph, admission: createAdmission(supergraph), identity })
  return { url: server.url, waitingBytes: () => server.bufferedBytes }
}

/** The fields of `eventDocument`; see world.ts. */
const paidEventOf = (event: BenchEvent) => ({
  cursor: cursors.encode(BigInt(event.position)),
  kind: 'APPROVED',
  to: 'COMPLETED',
  transaction: paymentOf(event),
})

const eventOf = (event: BenchEvent) => ({ ...paidEventOf(event), sentAt: event.sentAt })

/**
 * The payment of the peers, if they are started with the URI of a MongoDB and the name of a database: one
 * `insertOne`, durable before its event is published and the response is sent.
 */
async function submission(publish: Serving['publish']) {
  const [uri, database] = process.argv.slice(3)
  const mongo = uri
    ? await MongoClient.connect(uri, { writeConcern: { w: 'majority', journal: true } })
    : null
  const payments = mongo?.db(database).collection<{ _id: string }>('paymentsByHand')
  return async ({ reference }: { readonly reference: string }) => {
    const event = { position: ++position, sentAt: nowMs() }
    const { id, ...rest } = paymentOf(event)
    await payments!.insertOne({ _id: `${reference} ${id}`, ...rest })
    publish([event])
    return { id, ...rest }
  }
}

/** Mercurius's subscriptions with its publish-subscribe, WebSocket server and JIT. */
async function pubsub(): Promise<Serving> {
  const app = fastify()
  const publish = (events: readonly BenchEvent[]): void => {
    for (const event of events)
      app.graphql.pubsub.publish({ topic: 'EVENTS', payload: { transactionEvents: eventOf(event) } })
  }
  const submit = await submission(publish)
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
  return { url, publish, waitingBytes: () => 0 }
}

/** graphql-ws as in production: the document is executed for each subscriber and event. */
async function graphqlWs(): Promise<Serving> {
  const listeners = new Set<(event: BenchEvent) => void>()
  const publish = (events: readonly BenchEvent[]): void =>
    events.forEach((event) => listeners.forEach((listener) => listener(event)))
  const submit = await submission(publish)
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
  return { url: addressOf(server), publish, waitingBytes: () => 0 }
}

/**
 * A loop over the sockets of `ws`, without GraphQL, filter, visibility and log. An event is rendered once, by
 * hand. The time of a delivery is then that of the machine and the network.
 */
async function plain(): Promise<Serving> {
  const sockets = new WebSocketServer({ noServer: true })
  sockets.on('connection', (socket) => socket.once('message', () => socket.send('{"type":"connection_ack"}')))
  const publish = (events: readonly BenchEvent[]): void => {
    for (const event of events) {
      const payload = { data: { transactionEvents: paidEventOf(event) } }
      const message = Buffer.from(JSON.stringify({ id: '1', type: 'next', payload }))
      for (const socket of sockets.clients) socket.send(message, { binary: false })
    }
  }
  const submit = await submission(publish)
  const server = createServer(async (request, response) => {
    const { variables } = (await json(request)) as { variables: { reference: string } }
    response.end(JSON.stringify(await submit(variables)))
  })
  server.on('upgrade', (request, socket, head) =>
    sockets.handleUpgrade(request, socket, head, (client) => sockets.emit('connection', client)),
  )
  await new Promise<void>((resolve) => server.listen({ host: '127.0.0.1', port: 0 }, resolve))
  return { url: addressOf(server), publish, waitingBytes: () => 0 }
}

const addressOf = (server: ReturnType<typeof createServer>): string =>
  `http://127.0.0.1:${(server.address() as AddressInfo).port}`

const servers: Readonly<Record<string, () => Promise<Serving>>> = { hub, stored, pubsub, graphqlWs, plain }

let position = 0
const start = servers[process.argv[2] ?? '']
if (!start) throw new Error(`no such server: ${process.argv[2]}`)
const serving = await start()
let timer: NodeJS.Timeout | null = null

const publish = (count: number): void => {
  const sentAt = nowMs()
  serving.publish(Array.from({ length: count }, () => ({ position: ++position, sentAt })))
}

export type Order =
  | { readonly do: 'publish'; readonly count: number }
  /** Publishes an event every `everyMs`, until `stop`. */
  | { readonly do: 'tick'; readonly everyMs: number }
  | { readonly do: 'stop' }
  | { readonly do: 'measure' }

export interface Measured {
  /** Heap and external memory after a garbage collection. */
  readonly bytes: number
  readonly rss: number
  readonly waitingBytes: number
  readonly published: number
  readonly cpuMs: number
}

process.on('message', (order: Order) => {
  if (order.do === 'publish') publish(order.count)
  if (order.do === 'stop' && timer) clearInterval(timer)
  if (order.do === 'tick') {
    // Counts by the clock and not by the number of ticks, so that a late timer catches up.
    const startedAt = nowMs()
    let published = 0
    timer = setInterval(() => {
      for (; published * order.everyMs < nowMs() - startedAt; published++) publish(1)
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
      published: position,
      cpuMs: (user + system) / 1000,
    } satisfies Measured)
  }
})
process.once('disconnect', () => process.exit(0))
process.send!({ url: serving.url })
