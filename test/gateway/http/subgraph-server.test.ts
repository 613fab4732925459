import fc from 'fast-check'
import { pino } from 'pino'
import { once } from 'node:events'
import { connect } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { readConfig } from '../../../gateway/config/config.ts'
import { createReadiness } from '../../../gateway/http/health.ts'
import { startSubgraphServer, type SubgraphServer } from '../../../gateway/http/subgraph-server.ts'
import { createCallTokens } from '../../../gateway/identity/call-token.ts'
import { openHttpConnection, type HttpConnection } from '../../../gateway/supergraph/index.ts'
import { createTelemetry } from '../../../gateway/telemetry/telemetry.ts'
import { startTracing } from '../../../gateway/telemetry/tracing.ts'
import type { ParticipantId } from '../../../schema/values/id.ts'
import { Deadline } from '../../../subgraphs/platform/async/deadline.ts'
import { mapStream } from '../../../subgraphs/platform/async/map-stream.ts'
import { tracing } from '../../../subgraphs/platform/tracing.ts'
import { buildFederatedSchema } from '../../../subgraphs/shared/federated-schema.ts'
import type { Subgraph } from '../../../subgraphs/shared/subgraph.ts'
import type { RequestContext, Viewer } from '../../../subgraphs/shared/viewer.ts'
import { federation } from '../../fixtures/a-supergraph.ts'
import { pathsOf, startOtlpReceiver, tracingTo, type OtlpReceiver } from '../../fixtures/otlp-receiver.ts'

const secret = 's'.repeat(32)
const viewer: Viewer = { participant: 'w' as ParticipantId, scopes: new Set(['payments:read']), key: 'k' }
const contexts: RequestContext[] = []
let changed = Promise.withResolvers<void>()
let asked = Promise.withResolvers<void>()

/** The numbers after `after` up to `to`, with their positions; at first the position where it begins. */
async function* numbers(after: number, to: number): AsyncGenerator<{ n: number; isNumber: boolean }> {
  yield { n: after, isNumber: false }
  for (let n = after + 1; n <= to; n++) {
    if (n % 7 === 0) await turn()
    yield { n, isNumber: true }
  }
}

const schema = buildFederatedSchema(
  `${federation}
    type Query { who: String slow: String left: Float broken: String argument(n: Int!): Int }
    type Mutation { change: String }
    type Subscription { numbers(after: String, to: Int!): Number }
    type Number { n: Int }
  `,
  {
    Query: {
      who: (_: unknown, _args: unknown, { viewer: { participant, scopes }, requestId }: RequestContext) => {
        tracing?.begin('resolver', {})?.end()
        return `${participant} ${[...scopes].join()} ${requestId}`
      },
      slow: (_: unknown, _args: unknown, context: RequestContext) => {
        contexts.push(context)
        asked.resolve()
        return new Promise((_resolve, reject) => {
          context.deadline!.signal.addEventListener('abort', () => reject(new Error('left')))
        })
      },
      left: (_: unknown, _args: unknown, { deadline }: RequestContext) => deadline!.leftMs,
      broken: () => {
        throw new Error('secret')
      },
      argument: (_: unknown, { n }: { n: number }) => n,
    },
    Mutation: {
      change: async (_: unknown, _args: unknown, context: RequestContext) => {
        contexts.push(context)
        asked.resolve()
        await changed.promise
        return 'changed'
      },
    },
    Subscription: {
      numbers: {
        subscribe(_: unknown, { after, to }: { after?: string; to: number }) {
          const steps = () => numbers(Number(after ?? 0), to)
          const positioned = mapStream(steps(), ({ n, isNumber }) => ({
            value: isNumber ? { numbers: { n } } : null,
            position: { ordinal: n, cursor: String(n) },
          }))
          const items = mapStream(steps(), ({ n, isNumber }) => (isNumber ? { numbers: { n } } : null))
          return Object.assign(items, { positioned: () => positioned })
        },
      },
    },
  },
)

async function aServer(secrets: readonly string[] = [secret], port = 0): Promise<SubgraphServer> {
  const subgraph = { name: 'merchant', sdl: '', app: { graphql: { schema } }, close: async () => {} }
  const readiness = createReadiness()
  readiness.phase = 'ready'
  const server = await startSubgraphServer({
    config: readConfig({ PORT: String(port) }),
    subgraph: subgraph as unknown as Subgraph,
    tokens: createCallTokens(secrets, () => new Date()),
    telemetry: createTelemetry(),
    metrics: { mongo: null, log: null },
    readiness,
    logger: pino({ level: 'silent' }),
  })
  onTestFinished(() => server.close())
  return server
}

function connectionTo(
  { url }: { readonly url: string },
  secrets: readonly string[] = [secret],
): HttpConnection {
  const tokens = createCallTokens(secrets, () => new Date())
  const connection = openHttpConnection('merchant', `${url}/graphql`, {
    headers: async () => ({
      authorization: await tokens.sign(viewer),
      'x-request-id': 'r-1',
      ...tracing?.headers(),
    }),
    subscriptions: { resumption: () => ({ argument: 'after', valueOf: (cursor) => cursor }) },
  })
  onTestFinished(() => connection.close())
  return connection
}

/** Makes traces for the rest of the test. */
async function startTraces(): Promise<OtlpReceiver> {
  const receiver = await startOtlpReceiver()
  const traces = startTracing({
    logger: pino({ level: 'silent' }),
    ...tracingTo(receiver),
  })
  onTestFinished(() => receiver.close())
  onTestFinished(() => traces.close())
  return receiver
}

describe('a call in a trace', () => {
  test('is continued by the process of the subgraph, down to its resolvers', async () => {
    const receiver = await startTraces()
    const connection = createTelemetry().observe(connectionTo(await aServer()))
    const hub = tracing!.beginServer('hub', {}, {})
    const query = 'query Who__merchant { who }'
    const call = () => connection.prepare(query, 'Who__merchant').execute({}, {})
    expect(await tracing!.within(hub, call)).toEqual({ data: { who: 'w payments:read r-1' } })
    hub.end()
    const calls = ['hub', 'fetch merchant', 'POST /graphql'].map((name) => `test: ${name}`)
    const spans = await receiver.trace(hub.spanContext().traceId, (found) => found.length === 4)
    expect(pathsOf(spans)).toEqual(
      expect.arrayContaining([calls.join(' > '), `${calls.join(' > ')} > test: resolver`]),
    )
    const served = spans.find(({ name }) => name === 'POST /graphql')!
    expect(served).toMatchObject({
      kind: 'SERVER',
      attributes: { 'graphql.operation.name': 'Who__merchant', 'http.response.status_code': 200 },
    })
  })

  test('that opens a stream is continued too', async () => {
    const receiver = await startTraces()
    const connection = connectionTo(await aServer())
    const hub = tracing!.beginServer('hub', {}, {})
    const document = 'subscription($a: String) { numbers(after: $a, to: 1) { n } }'
    const stream = await tracing!.within(hub, () => connection.prepare(document).subscribe({}, {}))
    await (stream as AsyncIterableIterator<unknown>).return!()
    hub.end()
    const spans = await receiver.trace(hub.spanContext().traceId, (found) => found.length === 2)
    expect(pathsOf(spans)).toContain('test: hub > test: operation')
  })
})

const result = (connection: HttpConnection, document: string, context: unknown = {}) =>
  connection.prepare(document).execute({}, context)

describe('a call', () => {
  test('is run for the viewer and with the request id that the hub sends', async () => {
    const connection = connectionTo(await aServer())
    expect(await result(connection, '{ who }')).toEqual({ data: { who: 'w payments:read r-1' } })
  })

  test('has the deadline of the request, at most the own one of the process', async () => {
    const connection = connectionTo(await aServer())
    const leftOf = async (ms: number): Promise<unknown> =>
      (await result(connection, '{ left }', { deadline: new Deadline(ms) })).data?.['left']
    expect(await leftOf(4_000)).toSatisfy((ms: number) => ms > 0 && ms <= 4_000)
    const { REQUEST_TIMEOUT_MS } = readConfig({})
    expect(await leftOf(60_000)).toSatisfy((ms: number) => ms > 4_000 && ms <= REQUEST_TIMEOUT_MS)
  })

  test.each([
    { what: 'a query is left', document: '{ slow }', isLeft: true },
    { what: 'a mutation is finished', document: 'mutation { change }', isLeft: false },
  ])('$what when its caller has gone', async ({ document, isLeft }) => {
    asked = Promise.withResolvers()
    changed = Promise.withResolvers()
    const server = await aServer()
    const tokens = createCallTokens([secret], () => new Date())
    const body = JSON.stringify({ query: document })
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
    socket.write(
      `POST /graphql HTTP/1.1\r\nHost: x\r\nAuthorization: ${await tokens.sign(viewer)}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    )
    await asked.promise
    const { deadline } = contexts.at(-1)!
    const left = isLeft ? once(deadline!.signal, 'abort') : null
    socket.destroy()
    await left
    // The server reads this call after the end of the other connection.
    await result(connectionTo(server), '{ who }')
    expect(deadline!.isPast).toBe(isLeft)
    changed.resolve()
  })

  test.each([
    {
      document: '{ broken }',
      error: { path: ['broken'], extensions: { code: 'INTERNAL_SERVER_ERROR', requestId: 'r-1' } },
    },
    { document: '{ argument(n: "x") }', error: { extensions: { code: 'BAD_USER_INPUT' } } },
    { document: '{ nothing }', error: { extensions: { code: 'BAD_USER_INPUT' } } },
  ])('$document gives an error in the form of the hub', async ({ document, error }) => {
    const { errors } = await result(connectionTo(await aServer()), document)
    expect(errors).toEqual([{ message: expect.not.stringContaining('secret'), ...error }])
  })

  test('with a token of another secret gives an outage that names the refusal', async () => {
    const connection = connectionTo(await aServer(), ['t'.repeat(32)])
    const refused = { extensions: { code: 'SUBGRAPH_UNAVAILABLE', status: 401, reason: 'REFUSED' } }
    expect(await result(connection, '{ who }')).toMatchObject({ errors: [refused] })
    const stream = await connection
      .prepare('subscription($a: String) { numbers(after: $a, to: 1) { n } }')
      .subscribe({}, {})
    expect(stream).toMatchObject({ errors: [refused] })
  })
})

describe('a stream whose socket breaks', () => {
  const document = 'subscription($after: String, $to: Int!) { numbers(after: $after, to: $to) { n } }'

  /** The numbers that arrive, while the server is stopped and started again after each of `breaks`. */
  async function received(to: number, breaks: readonly number[]): Promise<number[]> {
    let server = await aServer()
    const port = Number(new URL(server.url).port)
    const stream = await connectionTo(server).prepare(document).subscribe({ to, after: null }, {})
    if (!('next' in stream)) throw new Error(JSON.stringify(stream))
    const found: number[] = []
    for await (const { value } of stream) {
      if (value === null) continue
      const { data } = await value()
      const { n } = (data as { numbers: { n: number } }).numbers
      found.push(n)
      if (!breaks.includes(n)) continue
      await server.close()
      server = await aServer([secret], port)
    }
    return found
  }

  test('continues after its position, without a gap and without a repeat', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 400 }),
        fc.uniqueArray(fc.integer({ min: 1, max: 400 }), { maxLength: 2 }),
        async (to, breaks) => {
          expect(await received(to, breaks)).toEqual(Array.from({ length: to }, (_, n) => n + 1))
        },
      ),
      { numRuns: 4 },
    )
  })
})
