import { describe, expect, onTestFinished, test } from 'vitest'
import {
  openHttpConnection,
  type HttpConnection,
  type HttpConnectionOptions,
} from '../../../gateway/supergraph/connection-http.ts'
import { Breaker } from '../../../gateway/supergraph/breaker.ts'
import { Deadline } from '../../../subgraphs/platform/async/deadline.ts'
import { aRemoteSubgraph, type RemoteRequest } from '../../fixtures/a-remote-subgraph.ts'
import { aSupergraph, plan, run, type SubgraphParts } from '../../fixtures/a-supergraph.ts'

const things: SubgraphParts = {
  sdl: `
    type Query { good: String thing: Thing }
    type Mutation { change(input: ChangeInput, idempotencyKey: String): String }
    input ChangeInput { idempotencyKey: String to: String }
    type Thing @key(fields: "id") { id: ID! }
  `,
  resolvers: {
    Query: { good: () => 'here', thing: () => ({ id: '1' }) },
    Mutation: { change: () => 'changed' },
    Thing: { __resolveReference: (reference: unknown) => reference },
  },
}
/** Each of these fields takes a step of its own after the one before. */
const names: SubgraphParts = {
  sdl: 'type Thing @key(fields: "id") { id: ID! name: String }',
  resolvers: { Thing: { __resolveReference: (reference: unknown) => reference, name: () => 'n' } },
}
const labels: SubgraphParts = {
  sdl: 'type Thing @key(fields: "id") { id: ID! name: String @external label: String @requires(fields: "name") }',
  resolvers: { Thing: { __resolveReference: (reference: unknown) => reference, label: () => 'l' } },
}

function open(
  name: string,
  urls: string | readonly string[],
  options?: HttpConnectionOptions,
): HttpConnection {
  const connection = openHttpConnection(name, urls, options)
  onTestFinished(() => connection.close())
  return connection
}

const after =
  (ms: number) =>
  (request: RemoteRequest): unknown =>
    setTimeout(() => void request.answer(), ms)

const unanswered = (): void => {}

describe('the deadline of a request', () => {
  async function chain(answers: readonly ((request: RemoteRequest) => unknown)[]) {
    const parts = { things, names, labels }
    const servers = await Promise.all(
      Object.values(parts).map((part, n) => aRemoteSubgraph(part, answers[n] ?? unanswered)),
    )
    const connections = Object.keys(parts).map((name, n) => [name, open(name, servers[n]!.url)] as const)
    return { hub: aSupergraph(parts, {}, Object.fromEntries(connections)), servers }
  }

  test('bounds all of its steps together, and what is there by then is answered', async () => {
    const { hub } = await chain([after(0), after(200), after(5_000)])
    const document = '{ good thing { id name label } }'
    await plan(hub, document)
    const startedAt = performance.now()
    const response = await run(hub, document, {}, { deadline: new Deadline(1_000) })
    const tookMs = performance.now() - startedAt
    expect(tookMs).toBeGreaterThan(990)
    expect(tookMs).toBeLessThan(4_000)
    expect(response).toEqual({
      data: { good: 'here', thing: { id: '1', name: 'n', label: null } },
      errors: [
        {
          message: 'The subgraph "labels" did not respond in time.',
          path: ['thing'],
          extensions: { code: 'SUBGRAPH_UNAVAILABLE', subgraph: 'labels', reason: 'TIMEOUT' },
        },
      ],
    })
  })

  test('is sent to each subgraph as the milliseconds that are left', async () => {
    const { hub, servers } = await chain([after(100), after(100), after(0)])
    await plan(hub, '{ thing { label } }')
    await run(hub, '{ thing { label } }', {}, { deadline: new Deadline(5_000) })
    const left = servers.map(({ requests }) => Number(requests[0]!.headers['x-deadline-ms']))
    expect(left[0]).toBeGreaterThan(4_500)
    expect(left[0]).toBeLessThanOrEqual(5_000)
    expect(left[1]).toBeLessThanOrEqual(left[0]! - 95)
    expect(left[2]).toBeLessThanOrEqual(left[1]! - 95)
  })

  test('ends the calls when the client has gone', async () => {
    const closed = Promise.withResolvers<void>()
    const deadline = new Deadline(60_000)
    const { hub } = await chain([
      ({ response }) => {
        response.once('close', () => closed.resolve())
        deadline.leave()
      },
    ])
    await run(hub, '{ good }', {}, { deadline })
    await expect(closed.promise).resolves.toBeUndefined()
  })
})

describe('an error names the subgraph, the status and the reason', () => {
  const outage = 'SUBGRAPH_UNAVAILABLE'
  const invalid = 'SUBGRAPH_RESPONSE_INVALID'
  test.each([
    { how: 'does not respond', answer: unanswered, code: outage, reason: 'TIMEOUT' },
    {
      how: 'stops in the middle of its response',
      answer: ({ response }: RemoteRequest) => void response.write('{"data":'),
      code: outage,
      status: 200,
      reason: 'TIMEOUT',
    },
    {
      how: 'closes the connection in the middle of its response',
      answer: ({ response }: RemoteRequest) => response.write('{"data":', () => response.destroy()),
      code: outage,
      status: 200,
      reason: 'CUT_OFF',
    },
    {
      how: 'returns more than the limit',
      answer: ({ response }: RemoteRequest) => response.end(`{"data":{"good":"${'x'.repeat(20_000)}"}}`),
      code: invalid,
      status: 200,
      reason: 'TOO_LARGE',
    },
    {
      how: 'returns a page',
      answer: ({ response }: RemoteRequest) => response.end('<h1>Welcome</h1>'),
      code: invalid,
      status: 200,
      reason: 'NOT_GRAPHQL',
    },
    {
      how: 'returns the page of a server that is overloaded',
      answer: ({ response }: RemoteRequest) => response.writeHead(502).end('<h1>Bad gateway</h1>'),
      code: outage,
      status: 502,
      reason: 'NOT_GRAPHQL',
    },
  ])('that $how', async ({ answer, code, status, reason }) => {
    const { url } = await aRemoteSubgraph(things, answer)
    const hub = aSupergraph({ things }, {}, { things: open('things', url, { bytesMax: 10_000 }) })
    await plan(hub, '{ good }')
    const deadline = new Deadline(reason === 'TIMEOUT' ? 500 : 60_000)
    const response = await run(hub, '{ good }', {}, { deadline })
    expect(response).toEqual({
      data: { good: null },
      errors: [
        {
          message: expect.stringContaining('The subgraph "things" '),
          path: ['good'],
          extensions: { code, subgraph: 'things', ...(status && { status }), reason },
        },
      ],
    })
  })
})

describe('a call whose response was lost', () => {
  /** Closes the first connection without a response. */
  const lost = (request: RemoteRequest, n: number) =>
    n === 1 ? request.response.destroy() : request.answer()

  test.each([
    { what: 'a query', document: '{ good }', sent: 2 },
    { what: 'a mutation', document: 'mutation { change }', sent: 1 },
    {
      what: 'a mutation with an idempotency key',
      document: 'mutation { change(idempotencyKey: "k") }',
      sent: 2,
    },
    {
      what: 'a mutation with an idempotency key in its input',
      document: 'mutation M($input: ChangeInput) { change(input: $input) }',
      variables: { input: { idempotencyKey: 'k' } },
      sent: 2,
    },
    {
      what: 'a mutation whose idempotency key is null',
      document: 'mutation M($input: ChangeInput) { change(input: $input) }',
      variables: { input: { idempotencyKey: null, to: 'k' } },
      sent: 1,
    },
    {
      what: 'a mutation of which one field has no key',
      document: 'mutation { change(idempotencyKey: "k") other: change(input: { to: "k" }) }',
      sent: 3,
    },
  ])('is sent $sent times for $what', async ({ document, variables, sent }) => {
    const alternately = (request: RemoteRequest, n: number) =>
      n % 2 === 1 ? request.response.destroy() : request.answer()
    const { url, requests } = await aRemoteSubgraph(things, sent === 3 ? alternately : lost)
    const connection = open('things', url, { idempotencyKey: 'idempotencyKey' })
    const response = await run(aSupergraph({ things }, {}, { things: connection }), document, variables)
    expect(requests).toHaveLength(sent)
    if (sent === 2) expect(response.errors).toBeUndefined()
    else expect(response.errors).toMatchObject([{ extensions: { reason: 'CUT_OFF' } }])
  })

  test('is never sent again for a mutation where no key is configured', async () => {
    const { url, requests } = await aRemoteSubgraph(things, lost)
    const hub = aSupergraph({ things }, {}, { things: open('things', url) })
    await run(hub, 'mutation { change(idempotencyKey: "k") }')
    expect(requests).toHaveLength(1)
  })
})

describe('a subgraph with several addresses', () => {
  const nothing = 'http://127.0.0.1:1/graphql'

  test('is called at another one when the first does not accept the connection, mutations too', async () => {
    const { url, requests } = await aRemoteSubgraph(things)
    const hub = aSupergraph({ things }, {}, { things: open('things', [nothing, url]) })
    expect(await run(hub, 'mutation { change }')).toEqual({ data: { change: 'changed' } })
    expect(requests).toHaveLength(1)
  })

  test('is called at the one with the fewest pending calls', async () => {
    const held: RemoteRequest[] = []
    const busy = await aRemoteSubgraph(things, (request) => held.push(request))
    const idle = await aRemoteSubgraph(things)
    const hub = aSupergraph({ things }, {}, { things: open('things', [busy.url, idle.url]) })
    // One of them is sent to each address.
    const both = [run(hub, '{ good }'), run(hub, '{ good }')]
    await Promise.race(both)
    for (let n = 0; n < 10; n++) await run(hub, '{ good }')
    expect(idle.requests).toHaveLength(11)
    await expect.poll(() => held.length).toBe(1)
    await held[0]!.answer()
    expect(await Promise.all(both)).toEqual([{ data: { good: 'here' } }, { data: { good: 'here' } }])
  })
})

describe('a subgraph that has just timed out', () => {
  test('is not called for a while, and the requests that need it are answered at once', async () => {
    const paused: string[] = []
    const { url, requests } = await aRemoteSubgraph(things, unanswered)
    const connection = open('things', url, {
      timeoutMs: 100,
      silentMs: 50,
      onPause: (_, at) => paused.push(at),
    })
    const hub = aSupergraph({ things }, {}, { things: connection })
    expect(await run(hub, '{ good }')).toMatchObject({ errors: [{ extensions: { reason: 'TIMEOUT' } }] })
    expect(await run(hub, '{ good }')).toMatchObject({
      errors: [{ extensions: { code: 'SUBGRAPH_UNAVAILABLE', reason: 'PAUSED' } }],
    })
    expect(requests).toHaveLength(1)
    expect(paused).toEqual([url])
  })

  function breakerAt() {
    const time = { ms: 0 }
    let opened = 0
    return {
      time,
      breaker: new Breaker(
        () => opened++,
        () => time.ms,
      ),
      opened: () => opened,
    }
  }

  test('gets one probe after the pause, and all calls once that is answered', () => {
    const { time, breaker, opened } = breakerAt()
    const first = breaker.begin()
    time.ms = 5_000
    first('timed out')
    expect(breaker.admits).toBe(false)
    time.ms = 6_000
    expect(breaker.admits).toBe(true)
    const probe = breaker.begin()
    expect(breaker.admits).toBe(false)
    probe('answered')
    expect(breaker.admits).toBe(true)
    expect(opened()).toBe(1)
  })

  test('is left alone for twice as long after each probe that times out, at most 30 s', () => {
    const { time, breaker } = breakerAt()
    time.ms = 1
    breaker.begin()('timed out')
    for (const pauseMs of [1, 2, 4, 8, 16, 30, 30].map((seconds) => seconds * 1_000)) {
      time.ms += pauseMs - 1
      expect(breaker.admits).toBe(false)
      time.ms += 1
      expect(breaker.admits).toBe(true)
      breaker.begin()('timed out')
    }
  })

  test('and has answered another call meanwhile is called on: one operation is slow', () => {
    const { time, breaker } = breakerAt()
    const slow = breaker.begin()
    time.ms = 10
    breaker.begin()('answered')
    time.ms = 5_000
    slow('timed out')
    expect(breaker.admits).toBe(true)
  })

  test('is probed again when the client of a probe has gone', () => {
    const { time, breaker } = breakerAt()
    time.ms = 1
    breaker.begin()('timed out')
    time.ms = 2_000
    breaker.begin()('other')
    expect(breaker.admits).toBe(true)
  })
})
