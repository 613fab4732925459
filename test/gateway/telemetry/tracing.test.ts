import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { createBatchWriter } from '../../../subgraphs/platform/async/batching.ts'
import { tracing } from '../../../subgraphs/platform/tracing.ts'
import { startTracing, type TracingOptions } from '../../../gateway/telemetry/tracing.ts'
import { files, read } from '../../harness/files.ts'
import { startOtlpReceiver, tracingTo } from '../../fixtures/otlp-receiver.ts'

const receiver = await startOtlpReceiver()
afterAll(() => receiver.close())
const warnings: string[] = []
const running: { close(): Promise<void> }[] = []
afterEach(() => Promise.all(running.splice(0).map((each) => each.close())))

function traces(options: Partial<TracingOptions> = {}) {
  const started = startTracing({
    logger: { warn: (_, message) => void warnings.push(String(message)) },
    ...tracingTo(receiver),
    ...options,
  })
  running.push(started)
  return { ...started, tracing: tracing! }
}

describe('a call of MongoDB that several requests share', () => {
  test('is in the trace of each, and its details are in that of the first', async () => {
    const { tracing: made } = traces()
    const { write } = createBatchWriter<string, string>({
      write: async (items) => {
        made.begin('insert things', { isCall: true })!.end()
        return items
      },
    })
    const requests = ['a', 'b'].map((name) => made.beginServer(name, {}, {}))
    await Promise.all(requests.map((span, n) => made.within(span, () => write(String(n)))))
    requests.forEach((span) => span.end())
    const spans = await receiver.until((all) => (all.length === 5 ? all : undefined))
    const inTraceOf = (request: (typeof requests)[0]) =>
      spans.filter(({ traceId }) => traceId === request.spanContext().traceId)
    expect(
      inTraceOf(requests[0]!)
        .map(({ name }) => name)
        .toSorted(),
    ).toEqual(['a', 'batch', 'insert things'])
    const shared = inTraceOf(requests[0]!).find(({ name }) => name === 'batch')!
    expect(inTraceOf(requests[1]!).find(({ name }) => name === 'batch')).toMatchObject({
      links: [shared.spanId],
      attributes: { 'crossgate.batch.size': 2 },
    })
  })
})

describe('the sampling of traces', () => {
  test('records the share of requests that the settings name', () => {
    const { tracing: made } = traces({ sampler: 'parentbased_traceidratio', ratio: 0.25 })
    const recorded = Array.from({ length: 2_000 }, () => made.beginServer('request', {}, {})).filter((span) =>
      span.isRecording(),
    )
    expect(recorded.length).toBeGreaterThan(400)
    expect(recorded.length).toBeLessThan(600)
  })

  test('follows the caller, whose decision subgraphs receive', () => {
    const { tracing: made } = traces({ sampler: 'parentbased_always_off' })
    const id = '0af7651916cd43dd8448eb211c80319c'
    const sent = (flags: string) => {
      const traceparent = `00-${id}-b7ad6b7169203331-${flags}`
      const span = made.beginServer('request', {}, { traceparent })
      return made.within(span, () => made.headers()['traceparent'])
    }
    expect(sent('01')).toMatch(new RegExp(`^00-${id}-[0-9a-f]{16}-01$`))
    expect(sent('00')).toMatch(new RegExp(`^00-${id}-[0-9a-f]{16}-00$`))
  })

  test.each(['', '00-0-0-01', 'x'.repeat(10_000), `00-${'0'.repeat(32)}-${'0'.repeat(16)}-01`])(
    'begins a new trace for a `traceparent` that is none: %.20s',
    (traceparent) => {
      const { tracing: made } = traces()
      const { traceId } = made.beginServer('request', {}, { traceparent }).spanContext()
      expect(traceId).toMatch(/^(?!0{32})[0-9a-f]{32}$/)
    },
  )
})

describe('a receiver of traces that is away', () => {
  test('costs spans, one line in the log, and no request', async () => {
    const { tracing: made, close } = traces({
      url: 'http://127.0.0.1:1/v1/traces',
      queueMax: 10,
      timeoutMs: 50,
    })
    for (let n = 0; n < 100; n++) expect(made.span('part', {}, () => n)).toBe(n)
    for (let n = 0; n < 100; n++) made.beginServer('request', {}, {}).end()
    const startedAt = performance.now()
    await close()
    expect(performance.now() - startedAt).toBeLessThan(2_500)
    expect(warnings).toEqual(['spans of traces could not be sent, and are lost'])
  })
})

describe('a process without traces', () => {
  test('has no tracing', () => {
    expect(tracing).toBeNull()
  })

  test('loads nothing of OpenTelemetry', () => {
    const importing = (pattern: RegExp) =>
      files.filter((file) => /^(gateway|subgraphs)\//.test(file) && pattern.test(read(file)))
    expect(importing(/^import (?!type)[^']*'@opentelemetry\//m)).toEqual(['gateway/telemetry/tracing.ts'])
    expect(importing(/^import (?!type)[^']*'[^']*telemetry\/tracing\.ts'/m)).toEqual([])
    expect(importing(/await import\('\.\.\/telemetry\/tracing\.ts'\)/)).toEqual(['gateway/app/tracing.ts'])
  })
})
