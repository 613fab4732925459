import { ApolloServer } from '@apollo/server'
import { ApolloServerPluginInlineTrace } from '@apollo/server/plugin/inlineTrace'
import { startStandaloneServer } from '@apollo/server/standalone'
import { buildSubgraphSchema } from '@apollo/subgraph'
import { Trace } from '@apollo/usage-reporting-protobuf'
import { parse } from 'graphql'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pino } from 'pino'
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import { openHttpConnection } from '../../../gateway/supergraph/index.ts'
import { readTrace } from '../../../gateway/telemetry/ftv1.ts'
import { createTelemetry } from '../../../gateway/telemetry/telemetry.ts'
import { startTracing } from '../../../gateway/telemetry/tracing.ts'
import { tracing } from '../../../subgraphs/platform/tracing.ts'
import { pathsOf, startOtlpReceiver, tracingTo } from '../../fixtures/otlp-receiver.ts'

const receiver = await startOtlpReceiver()
afterAll(() => receiver.close())
const traces = startTracing({
  logger: pino({ level: 'silent' }),
  ...tracingTo(receiver),
})
afterAll(() => traces.close())

/** What a client sends for a trace with the times of resolvers. */
const wanted = { 'apollo-federation-include-trace': 'ftv1' }

/** Sends `{ shops { title: name } }` within a request with `headers`: its result, its spans, the counts. */
async function call(url: string, headers: Readonly<Record<string, string>>) {
  const telemetry = createTelemetry()
  const http = openHttpConnection('shops', url, { headers: () => tracing!.headers() })
  onTestFinished(() => http.close())
  const operation = telemetry.observe(http).prepare('{ shops { title: name } }')
  const request = tracing!.beginServer('request', {}, headers)
  const result = await tracing!.within(request, () => operation.execute({}, {}))
  request.end()
  const spans = await receiver.trace(request.spanContext().traceId, (all) =>
    all.some(({ kind }) => kind === 'SERVER'),
  )
  return { result, spans, counts: telemetry.text() }
}

/** A subgraph as a partner writes it, with Apollo’s server. */
async function anApolloServer(): Promise<string> {
  const typeDefs = parse('type Query { shops: [Shop!]! } type Shop { name: String! }')
  const resolvers = {
    Query: { shops: () => [{ id: 1 }, { id: 2 }] },
    Shop: { name: ({ id }: { id: number }) => `Shop ${id}` },
  }
  const server = new ApolloServer({
    schema: buildSubgraphSchema([{ typeDefs, resolvers }]),
    plugins: [ApolloServerPluginInlineTrace()],
    stopOnTerminationSignals: false,
  })
  onTestFinished(() => server.stop())
  return (await startStandaloneServer(server, { listen: { host: '127.0.0.1', port: 0 } })).url
}

/** A subgraph whose trace is `ftv1`, whatever that is. */
async function aServerWith(ftv1: unknown): Promise<string> {
  const body = JSON.stringify({ data: { shops: [] }, extensions: { ftv1 } })
  const server = createServer((_, response) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end(body),
  )
  onTestFinished(() => void server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

describe('the resolvers of a joined subgraph', () => {
  test('are spans of its call, for a request that wants them', async () => {
    const { result, spans } = await call(await anApolloServer(), wanted)
    expect(result).toMatchObject({ data: { shops: [{ title: 'Shop 1' }, { title: 'Shop 2' }] } })
    expect(pathsOf(spans).toSorted()).toEqual([
      'test: request',
      'test: request > test: fetch shops',
      'test: request > test: fetch shops > test: Query.shops',
      'test: request > test: fetch shops > test: Shop.name',
      'test: request > test: fetch shops > test: Shop.name',
    ])
    const fetch = spans.find(({ name }) => name === 'fetch shops')!
    for (const span of spans.filter(({ parentId }) => parentId === fetch.spanId)) {
      expect(span.startedAtNs).toBeGreaterThanOrEqual(fetch.startedAtNs)
      expect(span.endedAtNs).toBeGreaterThanOrEqual(span.startedAtNs)
    }
  })

  test.each<Record<string, string>>([{}, { 'apollo-federation-include-trace': 'ftv2' }])(
    'are not requested for a request with the headers %o',
    async (headers) => {
      const { result, spans } = await call(await anApolloServer(), headers)
      expect(result).not.toHaveProperty('ftv1')
      expect(spans).toHaveLength(2)
    },
  )

  test('are at most 200 spans of one call', async () => {
    const child = Array.from({ length: 300 }, () => ({ parentType: 'A', responseName: 'b', endTime: 1_000 }))
    const ftv1 = Buffer.from(Trace.encode({ durationNs: 2_000, root: { child } }).finish()).toString('base64')
    const { spans } = await call(await aServerWith(ftv1), wanted)
    expect(spans).toHaveLength(202)
    const { attributes } = spans.find(({ name }) => name === 'fetch shops')!
    expect(attributes['crossgate.resolvers.omitted']).toBe(100)
  })
})

describe('a trace that cannot be read', () => {
  test.each([
    ['a number', 1],
    ['an object', {}],
    ['no base64', '\u0000'],
    ['cut off', Buffer.from([0x72, 0x7f, 0x0a]).toString('base64')],
    ['without a root', Buffer.from(Trace.encode({ durationNs: 5 }).finish()).toString('base64')],
    ['too long', 'A'.repeat(200_000)],
  ])('is ignored and counted: %s', async (_, ftv1) => {
    const { result, spans, counts } = await call(await aServerWith(ftv1), wanted)
    expect(result).toMatchObject({ data: { shops: [] } })
    expect(result).not.toHaveProperty('errors')
    expect(spans).toHaveLength(2)
    expect(counts).toContain('crossgate_subgraph_traces_ignored_total{subgraph="shops"} 1\n')
  })

  test('may be nested deeper than the stack', () => {
    // Each field 12, a child, holds the next one: its length follows in a varint of three bytes.
    const levels = 20_000
    const bytes = Buffer.alloc(4 * levels)
    for (let n = 0; n < levels; n++) {
      const length = 4 * (levels - n - 1)
      bytes.set(
        [n === 0 ? 0x72 : 0x62, (length & 127) | 128, ((length >> 7) & 127) | 128, length >> 14],
        4 * n,
      )
    }
    expect(() => readTrace(bytes.toString('base64'))).not.toThrow()
  })

  test('has no fields with names that are none, or times that run backwards', () => {
    const child = [
      { parentType: 'Query', responseName: 'a b', endTime: 1 },
      { parentType: 'Query', responseName: 'x'.repeat(1_000), endTime: 1 },
      { parentType: 'Query', responseName: 'late', startTime: 2, endTime: 1 },
      { index: 3 },
    ]
    const bytes = Trace.encode({ durationNs: 5, root: { child } }).finish()
    expect(readTrace(Buffer.from(bytes).toString('base64'))).toMatchObject({ resolvers: [], omitted: 0 })
  })
})
