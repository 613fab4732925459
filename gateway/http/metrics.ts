// GET /metrics, in Prometheus' text format: the log and its readers, requests, sockets, payments, MongoDB,
// queues, and the process itself.
//
// Where OpenTelemetry has a name for a metric, it has that name; the others begin with `crossgate_`.

import type { FastifyInstance, FastifyRequest } from 'fastify'
import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client'
import { batchedItems } from '../../subgraphs/platform/async/batching.ts'
import { waitingReads } from '../../subgraphs/platform/mongo/client-reads.ts'
import type { WatchedMongo } from '../../subgraphs/platform/mongo/client.ts'
import type { LogReader } from '../../subgraphs/log/reader.ts'
import type { Viewer } from '../../subgraphs/shared/viewer.ts'
import type { Identity } from '../identity/identity.ts'
import { HttpError, sendHttpError } from '../protocol/http-error.ts'
import { Histogram, type Durations } from '../telemetry/histogram.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import type { LogHealthWatch } from './log-health.ts'
import { PaymentCounts } from './payment-counts.ts'
import { peerOf } from './peer.ts'

export interface MetricsSources {
  readonly identity: Pick<Identity, 'find'>
  readonly mayRead: (viewer: Viewer | null) => boolean
  readonly sockets: () => number
  readonly eventStreams: () => number
  readonly bufferedBytes: () => number
  /** Null for a process without MongoDB. */
  readonly mongo: MongoSource | null
  /** Null for a process that does not read the log. */
  readonly log: LogSource | null
}

type MongoSource = Pick<WatchedMongo, 'client' | 'isAway' | 'pool'>

interface LogSource {
  readonly health: Pick<LogHealthWatch, 'latest'>
  readonly reader: Pick<LogReader, 'subscribe'>
}

export interface Metrics {
  /** Counts a response to `POST /graphql` that the web server has not sent, and the seconds that it took. */
  count(status: number, seconds: number): void
  /** Counts payments from now on, and serves the metrics. */
  open(sources: MetricsSources): void
}

/** Counts requests from now on. */
export function metricsRoute(app: FastifyInstance, telemetry: Telemetry): Metrics {
  const requests = new Histogram(
    'http_server_request_duration_seconds',
    'Seconds from the headers of an HTTP request to the last byte of its response.',
  )
  const durations = new Map<string, Durations>()
  const durationsOf = (method: string, route: string, status: number): Durations => {
    const key = `${method} ${route} ${status}`
    let counted = durations.get(key)
    if (!counted) {
      const labels = {
        http_request_method: method,
        http_route: route,
        http_response_status_code: String(status),
      }
      counted = requests.add(labels)
      durations.set(key, counted)
    }
    return counted
  }
  /** Those of `POST /graphql` by status: to make and hash a key takes longer than to count. */
  const ofPosts = new Map<number, Durations>()
  app.addHook('onResponse', ({ method, routeOptions }, reply, done) => {
    // A path that is no route may be anything.
    durationsOf(methods.has(method) ? method : '_OTHER', routeOptions.url ?? '', reply.statusCode).count(
      reply.elapsedTime / 1000,
    )
    done()
  })

  let opened: { readonly sources: MetricsSources; readonly text: () => Promise<string> } | null = null
  app.get('/metrics', async (request, reply) => {
    if (!opened) return sendHttpError(reply, new HttpError('NOT_READY'))
    if (!(await isAllowed(opened.sources, request)))
      return sendHttpError(
        reply,
        new HttpError('UNAUTHENTICATED', 'this takes a key, in a hub with the scope "operator"'),
      )
    return reply
      .type(Registry.PROMETHEUS_CONTENT_TYPE)
      .send((await opened.text()) + requests.text() + telemetry.text())
  })
  return {
    count(status, seconds) {
      let counted = ofPosts.get(status)
      if (!counted) ofPosts.set(status, (counted = durationsOf('POST', '/graphql', status)))
      counted.count(seconds)
    },
    open(sources) {
      const payments = sources.log && new PaymentCounts(sources.log.reader)
      // The registry measures the process itself, so it is set up only once the metrics are read.
      let text: (() => Promise<string>) | null = null
      const read = () => (text ??= openRegistry(sources))()
      opened = { sources, text: async () => (await read()) + (payments?.text() ?? '') }
    },
  }
}

async function isAllowed({ identity, mayRead }: MetricsSources, request: FastifyRequest): Promise<boolean> {
  return mayRead(null) || mayRead(await identity.find(request.headers.authorization, peerOf(request)))
}

/** Reads all metrics but those of requests, as text. */
function openRegistry(sources: MetricsSources): () => Promise<string> {
  const { log, mongo, sockets, eventStreams, bufferedBytes } = sources
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const readLog = log && registerLog(registry, log)
  const readMongo = mongo && registerMongo(registry, mongo)
  const gauge = (name: string, help: string) =>
    new Gauge({ name: `crossgate_${name}`, help, registers: [registry] })
  const socketsOpen = gauge('sockets', 'Open WebSockets of this process.')
  const streamsOpen = gauge('event_streams', 'Open streams of server-sent events of this process.')
  const buffered = gauge('buffered_bytes', 'Bytes of responses that clients have not taken yet.')
  return async () => {
    readLog?.()
    readMongo?.()
    socketsOpen.set(sockets())
    streamsOpen.set(eventStreams())
    buffered.set(bufferedBytes())
    return registry.metrics()
  }
}

/** Registers the metrics of the log, and returns a function that reads them. */
function registerLog(registry: Registry, { health }: LogSource): () => void {
  const gauge = gaugesOf(registry)
  const tip = gauge('crossgate_log_tip', 'Position of the latest entry of the log.')
  const isWritten = gauge(
    'crossgate_log_written',
    '1 while the log advances, which it does every 5 s also without events, otherwise 0.',
  )
  const position = gauge(
    'crossgate_reader_position',
    'Position of the last log entry that a reader has read.',
    'reader',
  )
  const lag = gauge('crossgate_reader_lag_entries', 'Log entries that a reader has not read yet.', 'reader')
  const lagSeconds = gauge(
    'crossgate_reader_lag_seconds',
    'Age in seconds of the oldest log entry that a reader has not read yet; 0 when there is none.',
    'reader',
  )
  const backlog = gauge(
    'crossgate_backlog',
    'What waits in the database, for any process: payments beyond their deadline, and webhook deliveries; counted up to 10,000.',
    'work',
  )
  return () => {
    const state = health.latest()
    tip.set(Number(state.tip))
    isWritten.set(Number(state.isWritten))
    for (const reader of state.readers) {
      const labels = { reader: reader.projection }
      position.set(labels, Number(reader.position))
      lag.set(labels, reader.entries)
      lagSeconds.set(labels, reader.ms / 1000)
    }
    for (const [work, count] of Object.entries(state.backlog)) backlog.set({ work }, count)
  }
}

/** Registers the metrics of connections to MongoDB, by OpenTelemetry’s names, and of what waits for them. */
function registerMongo(registry: Registry, mongo: MongoSource): () => void {
  const gauge = gaugesOf(registry)
  const isAnswering = gauge(
    'crossgate_mongodb_answers',
    '1 while MongoDB has a primary that answers, otherwise 0.',
  )
  const connections = gauge(
    'db_client_connection_count',
    'Connections to MongoDB, by whether a call uses them.',
    'db_client_connection_state',
  )
  const max = gauge('db_client_connection_max', 'The most connections to one member of MongoDB.')
  const pending = gauge(
    'db_client_connection_pending_requests',
    'Calls that wait for a connection to MongoDB.',
  )
  const queue = gauge(
    'crossgate_queue_size',
    'What waits in this process: items of batches for MongoDB, reads of lists, and reads of the log.',
    'queue',
  )
  const timeouts = new Counter({
    name: 'db_client_connection_timeouts_total',
    help: 'Calls that got no connection to MongoDB in time.',
    registers: [registry],
  })
  return () => {
    const pool = mongo.pool()
    isAnswering.set(Number(!mongo.isAway()))
    connections.set({ db_client_connection_state: 'used' }, pool.used)
    connections.set({ db_client_connection_state: 'idle' }, pool.open - pool.used)
    max.set(pool.max)
    pending.set(pool.pending)
    timeouts.reset()
    timeouts.inc(pool.timeouts)
    queue.set({ queue: 'batch' }, batchedItems())
    for (const [kind, waiting] of Object.entries(waitingReads(mongo.client)))
      queue.set({ queue: kind }, waiting)
  }
}

const gaugesOf =
  (registry: Registry) =>
  (name: string, help: string, ...labelNames: string[]) =>
    new Gauge({ name, help, labelNames, registers: [registry] })

/** Others come from clients that may send any text. */
const methods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])
