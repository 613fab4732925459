// GET /metrics, in Prometheus' text format: the log and its readers, requests, sockets, payments, and the
// process itself.
//
// What happens per request must cost almost nothing, so it is counted in plain arrays and formatted only when
// it is read.

import type { FastifyInstance, FastifyRequest } from 'fastify'
import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client'
import type { LogEntry } from '../../subgraphs/log/entry.ts'
import type { LogReader } from '../../subgraphs/log/reader.ts'
import type { Viewer } from '../../subgraphs/shared/viewer.ts'
import { outcomes } from '../../subgraphs/transaction/index.ts'
import type { Identity } from '../identity/identity.ts'
import { HttpError, sendHttpError } from '../protocol/http-error.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import type { LogHealthWatch } from './log-health.ts'
import { peerOf } from './peer.ts'

export interface MetricsSources {
  readonly identity: Pick<Identity, 'find'>
  readonly mayRead: (viewer: Viewer | null) => boolean
  readonly sockets: () => number
  readonly eventStreams: () => number
  /** Null for a gateway without a log. */
  readonly hub: HubSources | null
}

export interface HubSources {
  readonly logHealth: Pick<LogHealthWatch, 'latest'>
  readonly isMongoAway: () => boolean
  readonly logReader: Pick<LogReader, 'subscribe'>
}

export interface Metrics {
  /** Counts a response that did not come from the web server, and the seconds that it took. */
  count(status: number, seconds: number): void
  /** Counts payments from now on, and serves the metrics. */
  open(sources: MetricsSources): void
}

/** Upper bounds of the histogram of request durations, in seconds. */
const bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** Counts requests from now on. */
export function metricsRoute(app: FastifyInstance, telemetry: Telemetry): Metrics {
  const requests = new Requests()
  app.addHook('onResponse', (_request, reply, done) => {
    requests.count(reply.statusCode, reply.elapsedTime / 1000)
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
    count: (status, seconds) => requests.count(status, seconds),
    open(sources) {
      const payments = sources.hub ? countPayments(sources.hub) : new Map<string, number>()
      // The registry measures the process itself, so it is set up only once the metrics are read.
      let text: (() => Promise<string>) | null = null
      opened = { sources, text: () => (text ??= openRegistry(sources, payments))() }
    },
  }
}

async function isAllowed({ identity, mayRead }: MetricsSources, request: FastifyRequest): Promise<boolean> {
  return mayRead(null) || mayRead(await identity.find(request.headers.authorization, peerOf(request)))
}

/** Payments that have reached an outcome since this call, by outcome. */
function countPayments({ logReader }: HubSources): ReadonlyMap<string, number> {
  const payments = new Map<string, number>()
  logReader.subscribe((entries) => {
    for (const entry of entries) {
      const outcome = newOutcomeOf(entry)
      if (outcome) payments.set(outcome, (payments.get(outcome) ?? 0) + 1)
    }
  })
  return payments
}

/** The outcome that a payment reaches by `entry`; null when that is none, or the previous one. */
function newOutcomeOf({ from, to, refundOf }: LogEntry): string | null {
  const outcome = outcomes[to]
  const isNew = refundOf === undefined && outcome !== 'PENDING' && (!from || outcomes[from] !== outcome)
  return isNew ? outcome : null
}

/** Reads all metrics but those of requests, as text. */
function openRegistry(
  { hub, sockets, eventStreams }: MetricsSources,
  payments: ReadonlyMap<string, number>,
): () => Promise<string> {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const readHub = hub && registerHub(registry, hub, payments)
  const gauge = (name: string, help: string) =>
    new Gauge({ name: `crossgate_${name}`, help, registers: [registry] })
  const socketsOpen = gauge('sockets', 'Open WebSockets of this process.')
  const streamsOpen = gauge('event_streams', 'Open streams of server-sent events of this process.')
  return async () => {
    readHub?.()
    socketsOpen.set(sockets())
    streamsOpen.set(eventStreams())
    return registry.metrics()
  }
}

/** Registers the metrics of the log, and returns a function that reads them. */
function registerHub(
  registry: Registry,
  { logHealth, isMongoAway }: HubSources,
  payments: ReadonlyMap<string, number>,
): () => void {
  const registers = [registry]
  const gauge = (name: string, help: string, ...labelNames: string[]) =>
    new Gauge({ name: `crossgate_${name}`, help, labelNames, registers })

  const tip = gauge('log_tip', 'Position of the latest entry of the log.')
  const isWritten = gauge(
    'log_written',
    '1 while the log advances, which it does every 5 s also without events, otherwise 0.',
  )
  const isAnswering = gauge('mongodb_answers', '1 while MongoDB has a primary that answers, otherwise 0.')
  const position = gauge(
    'reader_position',
    'Position of the last log entry that a reader has read.',
    'reader',
  )
  const lag = gauge('reader_lag_entries', 'Log entries that a reader has not read yet.', 'reader')
  const lagSeconds = gauge(
    'reader_lag_seconds',
    'Age in seconds of the oldest log entry that a reader has not read yet; 0 when there is none.',
    'reader',
  )
  const paymentsTotal = new Counter({
    name: 'crossgate_payments_total',
    help: 'Payments that reached an outcome, counted from the log since this process started. Every process counts all payments: take the maximum over processes, not the sum.',
    labelNames: ['outcome'],
    registers,
  })
  return () => {
    const state = logHealth.latest()
    isAnswering.set(Number(!isMongoAway()))
    tip.set(Number(state.tip))
    isWritten.set(Number(state.isWritten))
    for (const reader of state.readers) {
      const labels = { reader: reader.projection }
      position.set(labels, Number(reader.position))
      lag.set(labels, reader.entries)
      lagSeconds.set(labels, reader.ms / 1000)
    }
    paymentsTotal.reset()
    for (const [outcome, count] of payments) paymentsTotal.inc({ outcome }, count)
  }
}

/** HTTP requests by the class of their status, and a histogram of their durations. */
class Requests {
  readonly #byClass = new Float64Array(6)
  readonly #byBound = new Float64Array(bounds.length + 1)
  #seconds = 0

  count(status: number, seconds: number): void {
    this.#byClass[Math.trunc(status / 100)]! += 1
    let n = 0
    while (n < bounds.length && seconds > bounds[n]!) n++
    this.#byBound[n]! += 1
    this.#seconds += seconds
  }

  text(): string {
    const name = 'crossgate_http_request_seconds'
    let sum = 0
    const buckets = [...bounds, '+Inf'].map((bound, n) => {
      sum += this.#byBound[n]!
      return `${name}_bucket{le="${bound}"} ${sum}`
    })
    return [
      '# HELP crossgate_http_requests_total HTTP responses, by the class of their status.',
      '# TYPE crossgate_http_requests_total counter',
      ...[...this.#byClass].flatMap((count, hundreds) =>
        hundreds === 0 ? [] : [`crossgate_http_requests_total{status="${hundreds}xx"} ${count}`],
      ),
      `# HELP ${name} Seconds from the headers of an HTTP request to the last byte of its response.`,
      `# TYPE ${name} histogram`,
      ...buckets,
      `${name}_sum ${this.#seconds}`,
      `${name}_count ${sum}`,
      '',
    ].join('\n')
  }
}
