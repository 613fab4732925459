// GET /metrics, in Prometheus' text format: the log and its readers, requests, sockets, payments, and the process itself.
//
// What happens per request must cost next to nothing, so it is counted in plain arrays and put into words when somebody asks.

import type { FastifyInstance } from 'fastify'
import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client'
import type { LogReader } from '../../subgraphs/log/reader.ts'
import { outcomes } from '../../subgraphs/transaction/index.ts'
import type { LogEntry } from '../../subgraphs/log/entry.ts'
import { HttpError, httpErrorText } from '../protocol/http-error.ts'
import type { Identity } from '../identity/identity.ts'
import type { LogHealth } from './log-health.ts'

export interface MetricsSources {
  /** Null: everybody may read them. Otherwise it takes a key or token with the scope `operator`. */
  readonly identity: Identity | null
  readonly logState: () => Promise<LogHealth>
  readonly logReader: Pick<LogReader, 'subscribe'>
  readonly sockets: () => number
  readonly eventStreams: () => number
}

/** Upper ends of what a request takes, in seconds. */
const bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

export interface Metrics {
  /** Counts payments from now on, and lets askers in. */
  open(sources: MetricsSources): void
}

/** Counts requests from now on. */
export function metricsRoute(app: FastifyInstance): Metrics {
  const requests = new Requests()
  app.addHook('onResponse', (_request, reply, done) => {
    requests.count(reply.statusCode, reply.elapsedTime / 1000)
    done()
  })

  let opened: { readonly from: MetricsSources; readonly text: () => Promise<string> } | null = null
  app.get('/metrics', async (request, reply) => {
    const httpError = opened
      ? await whyNot(opened.from, request.headers.authorization)
      : new HttpError('NOT_READY')
    if (!opened || httpError) {
      const { code, status } = httpError!
      if (code === 'UNAUTHENTICATED') reply.header('www-authenticate', 'Bearer')
      return reply.code(status).type('application/json').send(httpErrorText(httpError!))
    }
    return reply.type(Registry.PROMETHEUS_CONTENT_TYPE).send((await opened.text()) + requests.text())
  })
  return {
    open(from) {
      const payments = new Map<string, number>()
      from.logReader.subscribe((entries) => {
        for (const entry of entries) {
          const outcome = outcomeOf(entry)
          if (outcome) payments.set(outcome, (payments.get(outcome) ?? 0) + 1)
        }
      })
      // What the process itself is measured by is set up when somebody asks: many hubs are never asked.
      let text: (() => Promise<string>) | null = null
      opened = { from, text: () => (text ??= openRegistry(from, payments))() }
    },
  }
}

/** The outcome that an entry brings its payment to; null when it brings it to none, or to the one that it had. */
function outcomeOf({ from, to, refundOf }: LogEntry): string | null {
  const outcome = outcomes[to]
  const isNews = refundOf === undefined && outcome !== 'PENDING' && (!from || outcomes[from] !== outcome)
  return isNews ? outcome : null
}

async function whyNot(
  { identity }: MetricsSources,
  authorization: string | undefined,
): Promise<HttpError | null> {
  if (!identity) return null
  const viewer = await identity.find(authorization)
  return viewer?.scopes.has('operator')
    ? null
    : new HttpError('UNAUTHENTICATED', 'this takes a key with the scope "operator"')
}

/** Gives the text of everything but requests. */
function openRegistry(
  { logState, sockets, eventStreams }: MetricsSources,
  payments: ReadonlyMap<string, number>,
): () => Promise<string> {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  const gauge = (name: string, help: string, ...labelNames: string[]) =>
    new Gauge({ name: `crossgate_${name}`, help, labelNames, registers })

  const tip = gauge('log_tip', 'Position of the latest entry of the log.')
  const isWritten = gauge('log_written', '1 while some process holds the lease to write the log.')
  const position = gauge('reader_position', 'Position in the log up to which a reader has read.', 'reader')
  const behind = gauge('reader_lag_entries', 'Entries of the log that a reader has still to read.', 'reader')
  const behindSeconds = gauge(
    'reader_lag_seconds',
    'Age of the first entry that a reader has still to read; 0 when there is none.',
    'reader',
  )
  const open = gauge('sockets', 'WebSockets that are open at this process.')
  const streams = gauge('event_streams', 'Streams of server-sent events that are open at this process.')
  const came = new Counter({
    name: 'crossgate_payments_total',
    help: 'Times that a payment came to an outcome, as this process has seen in the log since it started; every process sees all.',
    labelNames: ['outcome'],
    registers,
  })
  return async () => {
    const state = await logState()
    tip.set(Number(state.tip))
    isWritten.set(Number(state.isWritten))
    for (const one of state.readers) {
      position.set({ reader: one.projection }, Number(one.position))
      behind.set({ reader: one.projection }, one.entries)
      behindSeconds.set({ reader: one.projection }, one.ms / 1000)
    }
    open.set(sockets())
    streams.set(eventStreams())
    came.reset()
    for (const [outcome, count] of payments) came.inc({ outcome }, count)
    return registry.metrics()
  }
}

/** HTTP requests by the hundred of their status, and a histogram of what they took. */
class Requests {
  private readonly byStatus = new Float64Array(6)
  private readonly byBound = new Float64Array(bounds.length + 1)
  private seconds = 0

  count(status: number, seconds: number): void {
    this.byStatus[Math.trunc(status / 100)]! += 1
    let n = 0
    while (n < bounds.length && seconds > bounds[n]!) n++
    this.byBound[n]! += 1
    this.seconds += seconds
  }

  text(): string {
    const name = 'crossgate_http_request_seconds'
    let sum = 0
    const buckets = [...bounds, '+Inf'].map((bound, n) => {
      sum += this.byBound[n]!
      return `${name}_bucket{le="${bound}"} ${sum}`
    })
    return [
      '# HELP crossgate_http_requests_total HTTP requests answered, by status.',
      '# TYPE crossgate_http_requests_total counter',
      ...[...this.byStatus].flatMap((count, hundred) =>
        hundred === 0 ? [] : [`crossgate_http_requests_total{status="${hundred}xx"} ${count}`],
      ),
      `# HELP ${name} What HTTP requests took, from their headers to the last byte of the answer.`,
      `# TYPE ${name} histogram`,
      ...buckets,
      `${name}_sum ${this.seconds}`,
      `${name}_count ${sum}`,
      '',
    ].join('\n')
  }
}
