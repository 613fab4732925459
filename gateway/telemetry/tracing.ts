// The traces of a process, by the SDK of OpenTelemetry. Only a process whose settings turn traces on loads
// this file; in all others `tracing` is null.

import {
  defaultTextMapGetter,
  defaultTextMapSetter,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context,
  type Link,
  type Span,
  type Tracer,
} from '@opentelemetry/api'
import { setGlobalErrorHandler, W3CTraceContextPropagator } from '@opentelemetry/core'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { resourceFromAttributes } from '@opentelemetry/resources'
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BasicTracerProvider,
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  type Sampler,
} from '@opentelemetry/sdk-trace-base'
import { AsyncLocalStorage } from 'node:async_hooks'
import { pause } from '../../subgraphs/platform/async/promise.ts'
import type { Logger } from '../../subgraphs/platform/logger.ts'
import { setTracing, type About, type TraceHeaders, type Tracing } from '../../subgraphs/platform/tracing.ts'
import { readTrace, traceRequestHeader } from './ftv1.ts'

export interface TracingOptions {
  readonly logger: Pick<Logger, 'warn'>
  /** Where spans are sent, by OTLP over HTTP in JSON. */
  readonly url: string
  /** Sent with them, such as a key. */
  readonly headers: Readonly<Record<string, string>>
  readonly timeoutMs: number
  /** What the spans are of: `service.name` and others. */
  readonly resource: Attributes
  readonly sampler: SamplerName
  /** The share of traces that a sampler with `traceidratio` records: 0 to 1. */
  readonly ratio: number
  /** The most spans that wait to be sent. Further ones are dropped. */
  readonly queueMax: number
  /** The longest that a span waits. */
  readonly delayMs: number
}

type RootSampler = 'always_on' | 'always_off' | 'traceidratio'
/** By the names of OpenTelemetry. `parentbased_` follows what the caller has decided about its trace. */
export type SamplerName = RootSampler | `parentbased_${RootSampler}`

/** Makes traces in this process from now on, until it is closed. Spans that wait are sent then. */
export function startTracing(options: TracingOptions): { close(): Promise<void> } {
  const { logger, url, headers, timeoutMs, resource, queueMax, delayMs } = options
  const warn = warningOf(logger)
  setGlobalErrorHandler(warn)
  const exporter = new OTLPTraceExporter({ url, headers: { ...headers }, timeoutMillis: timeoutMs })
  const processor = new BatchSpanProcessor(exporter, {
    maxQueueSize: queueMax,
    maxExportBatchSize: Math.min(512, queueMax),
    scheduledDelayMillis: delayMs,
    exportTimeoutMillis: timeoutMs,
  })
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes(resource),
    sampler: samplerOf(options),
    spanProcessors: [processor],
  })
  const started = new SpanTracing(provider.getTracer('crossgate'))
  setTracing(started)
  return {
    async close() {
      setTracing(null)
      // What the receiver does not take in time is lost: it must not delay a stop.
      const closed = new AbortController()
      const shutdown = provider
        .shutdown()
        .catch(warn)
        .finally(() => closed.abort())
      await Promise.race([shutdown, pause(closeMs, closed.signal)])
    },
  }
}

const closeMs = 2_000

/** How often spans that are lost are logged, at most. */
const warnEveryMs = 60_000

function warningOf(logger: Pick<Logger, 'warn'>): (error: unknown) => void {
  let warnedAtMs = -Infinity
  return (error) => {
    if (performance.now() - warnedAtMs < warnEveryMs) return
    warnedAtMs = performance.now()
    logger.warn({ err: error }, 'spans of traces could not be sent, and are lost')
  }
}

function samplerOf({ sampler, ratio }: TracingOptions): Sampler {
  const roots: Record<RootSampler, () => Sampler> = {
    always_on: () => new AlwaysOnSampler(),
    always_off: () => new AlwaysOffSampler(),
    traceidratio: () => new TraceIdRatioBasedSampler(ratio),
  }
  const root = roots[sampler.replace('parentbased_', '') as RootSampler]()
  return sampler.startsWith('parentbased_') ? new ParentBasedSampler({ root }) : root
}

const propagator = new W3CTraceContextPropagator()
const contextOf = (span: Span): Context => trace.setSpan(ROOT_CONTEXT, span)

class SpanTracing implements Tracing {
  readonly #tracer: Tracer
  readonly #spans = new AsyncLocalStorage<Span | undefined>()
  /** The spans of requests that want the times of resolvers, and those below them. */
  readonly #detailed = new WeakSet<Span>()

  constructor(tracer: Tracer) {
    this.#tracer = tracer
  }

  current(): Span | undefined {
    return this.#spans.getStore()
  }

  begin(name: string, about: About): Span | null {
    return this.#below(this.current(), name, about)
  }

  span<Value>(name: string, about: About, run: (span: Span | null) => Value): Value {
    const span = this.begin(name, about)
    return span ? this.#ending(span, () => run(span)) : run(null)
  }

  beginServer(name: string, attributes: Attributes, headers: TraceHeaders): Span {
    const parent = propagator.extract(ROOT_CONTEXT, headers, defaultTextMapGetter)
    const span = this.#tracer.startSpan(name, { kind: SpanKind.SERVER, attributes }, parent)
    if (headers[traceRequestHeader] === 'ftv1' && span.isRecording()) this.#detailed.add(span)
    return span
  }

  beginLinked(name: string, attributes: Attributes): Span {
    const links = linksTo(this.current())
    return this.#tracer.startSpan(name, { kind: SpanKind.CONSUMER, attributes, links }, ROOT_CONTEXT)
  }

  within<Value>(span: Span, run: () => Value): Value {
    return this.#spans.run(span, run)
  }

  shared<Value>(callers: readonly (Span | undefined)[], run: () => Promise<Value>): Promise<Value> {
    const distinct = [...new Set(callers)].filter((caller) => caller !== undefined)
    const attributes = { 'crossgate.batch.size': callers.length }
    const first = distinct.findIndex((caller) => caller.isRecording())
    const own = this.#below(distinct[first], 'batch', { attributes })
    // No span of the caller whose turn of the event loop it happens to be.
    if (!own) return distinct[0] ? this.within(distinct[0], run) : this.#spans.run(undefined, run)
    const links = linksTo(own)
    const others = distinct
      .toSpliced(first, 1)
      .map((caller) => this.#below(caller, 'batch', { attributes, links }))
    return this.#ending(own, () => run().finally(() => others.forEach((other) => other?.end())))
  }

  fail(span: Span, type: string): void {
    span.setAttribute('error.type', type)
    span.setStatus({ code: SpanStatusCode.ERROR })
  }

  headers(): Record<string, string> {
    const current = this.current()
    const headers: Record<string, string> = {}
    if (current && !hasEnded(current)) propagator.inject(contextOf(current), headers, defaultTextMapSetter)
    if (current && this.#detailed.has(current)) headers[traceRequestHeader] = 'ftv1'
    return headers
  }

  addResolvers(call: Span, startedAtMs: number, ftv1: unknown): boolean {
    if (!this.#detailed.has(call)) return true
    const read = readTrace(ftv1)
    if (!read) return false
    // The clocks of two machines differ, so the subgraph’s work is put into the middle of its call.
    const fromMs = startedAtMs + Math.max(0, (Date.now() - startedAtMs - read.durationMs) / 2)
    for (const resolver of read.resolvers) {
      const startTime = fromMs + resolver.fromMs
      const span = this.#tracer.startSpan(resolver.field, { startTime }, contextOf(call))
      if (resolver.hasFailed) this.fail(span, 'error')
      span.end(fromMs + resolver.toMs)
    }
    if (read.omitted > 0) call.setAttribute('crossgate.resolvers.omitted', read.omitted)
    return true
  }

  #below(
    parent: Span | undefined,
    name: string,
    { attributes = {}, isCall = false, isLate = false, links = [] }: About & { readonly links?: Link[] },
  ): Span | null {
    if (!parent || !(parent.isRecording() || (isLate && hasEnded(parent)))) return null
    const kind = isCall ? SpanKind.CLIENT : SpanKind.INTERNAL
    const span = this.#tracer.startSpan(name, { kind, attributes, links }, contextOf(parent))
    if (this.#detailed.has(parent)) this.#detailed.add(span)
    return span
  }

  /** Runs `run` in `span`, and ends it with the result. */
  #ending<Value>(span: Span, run: () => Value): Value {
    const failed = (error: unknown): never => {
      this.fail(span, error instanceof Error ? error.name : 'Error')
      span.end()
      throw error
    }
    try {
      const result = this.within(span, run)
      if (!(result instanceof Promise)) {
        span.end()
        return result
      }
      const ended = result.then((value: unknown) => {
        span.end()
        return value
      }, failed)
      return ended as Value
    } catch (error) {
      return failed(error)
    }
  }
}

/** A span that was recorded is no longer recorded once it has ended. */
const hasEnded = (span: Span): boolean => (span.spanContext().traceFlags & 1) === 1 && !span.isRecording()

const linksTo = (span: Span | undefined): Link[] => (span ? [{ context: span.spanContext() }] : [])
