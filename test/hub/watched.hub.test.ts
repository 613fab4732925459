import { createClient } from 'graphql-ws'
import { afterAll, describe, expect, test, vi } from 'vitest'
import WebSocket from 'ws'
import { aTraceparent, pathsOf, startOtlpReceiver, type ReceivedSpan } from '../fixtures/otlp-receiver.ts'
import { alerts, dashboardExpressions, samplesIn, selectionsOf } from '../harness/observability.ts'
import { read as page } from '../harness/files.ts'
import { testHub } from './hub.ts'
import { textOf } from './operations.ts'
import { pay } from './watcher.ts'

const receiver = await startOtlpReceiver()
afterAll(() => receiver.close())
const hub = await testHub(undefined, {
  OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
  OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=crossgate%20test',
  OTEL_BSP_SCHEDULE_DELAY: '10',
})

const hasEnded = (spans: readonly ReceivedSpan[]) => spans.some(({ kind }) => kind === 'SERVER')

describe('a payment that a client traces', async () => {
  const client = aTraceparent()
  await pay(hub.url, client.headers)
  const spans = await receiver.trace(client.traceId, hasEnded)
  const named = (name: string) => spans.find((span) => span.name === name)!

  test('is a tree of spans: the request, its plan, each fetch, and each call of MongoDB', () => {
    const paths = pathsOf(spans)
    const request = 'crossgate: POST /graphql'
    expect(paths).toContain(request)
    expect(paths).toContain(`${request} > crossgate: plan`)
    expect(paths).toContain(
      `${request} > crossgate: fetch transaction > crossgate: batch > crossgate: insert payments`,
    )
    expect(paths).toContainEqual(
      expect.stringMatching(/^crossgate: POST \/graphql > crossgate: fetch merchant > .*: find merchants$/),
    )
    expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set([client.traceId]))
  })

  test('continues the trace of the client', () => {
    const request = named('POST /graphql')
    expect(request).toMatchObject({
      kind: 'SERVER',
      parentId: client.spanId,
      attributes: {
        'http.request.method': 'POST',
        'http.route': '/graphql',
        'http.response.status_code': 200,
        'graphql.operation.type': 'mutation',
        'graphql.operation.name': 'SubmitPayment',
      },
    })
  })

  test('has no part that begins before the part around it', () => {
    const byId = new Map(spans.map((span) => [span.spanId, span]))
    const early = spans.filter(({ parentId, startedAtNs }) => {
      const parent = parentId === null ? undefined : byId.get(parentId)
      return parent && startedAtNs < parent.startedAtNs
    })
    expect(early.map(({ name }) => name)).toEqual([])
  })

  test('is described by OpenTelemetry’s conventions', () => {
    expect(named('insert payments')).toMatchObject({
      kind: 'CLIENT',
      hasFailed: false,
      attributes: {
        'db.system.name': 'mongodb',
        'db.operation.name': 'insert',
        'db.collection.name': 'payments',
        'db.namespace': hub.database.name,
        'server.address': expect.any(String),
        'server.port': expect.any(Number),
      },
    })
    const names = spans.map(({ attributes }) => attributes['graphql.operation.name'])
    expect(names).toEqual(expect.arrayContaining(['SubmitPayment__transaction', 'SubmitPayment__merchant']))
  })

  test('shows no value of a variable, a document or a key', () => {
    for (const value of ['live-1', '12.00', 'demo-wallet', 'mutation SubmitPayment'])
      expect(receiver.text).not.toContain(value)
  })

  test('goes to the receiver with the headers of the settings', () => {
    expect(receiver.headers['x-tenant']).toBe('crossgate test')
  })
})

describe('a request that its client does not trace', () => {
  test('is not traced when its `traceparent` forbids it', async () => {
    const [unsampled, sampled] = [aTraceparent('00'), aTraceparent()]
    await hub.as('demo-wallet').query('{ viewer { scopes } }', {}, unsampled.headers)
    await hub.as('demo-wallet').query('{ viewer { scopes } }', {}, sampled.headers)
    await receiver.trace(sampled.traceId, hasEnded)
    expect(receiver.spans.filter(({ traceId }) => traceId === unsampled.traceId)).toEqual([])
  })

  test('begins a trace of its own when it has none', async () => {
    await hub.as('demo-wallet').query('query WithoutTrace { viewer { scopes } }')
    const span = await receiver.until((spans) =>
      spans.find(({ attributes }) => attributes['graphql.operation.name'] === 'WithoutTrace'),
    )
    expect(span).toMatchObject({ parentId: null, kind: 'SERVER' })
  })

  test('is shown with its status when it is refused', async () => {
    const { traceId, headers } = aTraceparent()
    const answer = await hub.as('unknown-key').query('{ viewer { scopes } }', {}, headers)
    expect(answer.errors).toHaveLength(1)
    const [span] = await receiver.trace(traceId, hasEnded)
    expect(span).toMatchObject({ hasFailed: false, attributes: { 'http.response.status_code': 401 } })
  })
})

describe('a subscription', () => {
  const document = textOf('LiveTransactions')

  test('over a WebSocket has a span that ends when it has begun, and a trace for each event', async () => {
    const { traceId, spanId, headers } = aTraceparent()
    const client = createClient({
      url: `${hub.url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      connectionParams: { authorization: 'Bearer demo-operator', ...headers },
      retryAttempts: 0,
    })
    const events = client.iterate({ query: document })
    const first = events.next()
    const opening = await receiver.trace(traceId, (spans) => spans.some(({ name }) => name === 'subscribe'))
    expect(pathsOf(opening)).toContain('crossgate: operation > crossgate: subscribe')
    expect(opening.find(({ name }) => name === 'operation')).toMatchObject({
      kind: 'SERVER',
      parentId: spanId,
      attributes: { 'graphql.operation.type': 'subscription', 'graphql.operation.name': 'LiveTransactions' },
    })
    await pay(hub.url)
    await first
    await client.dispose()
    const operation = opening.find(({ name }) => name === 'operation')!
    const event = await receiver.until((spans) =>
      spans.find(({ name, links }) => name === 'event' && links.includes(operation.spanId)),
    )
    expect(event).toMatchObject({ kind: 'CONSUMER', parentId: null })
    const joined = await receiver.trace(event.traceId, (spans) => spans.length > 1)
    expect(pathsOf(joined)).toContain('crossgate: event > crossgate: fetch merchant')
  })

  test('over server-sent events is a part of its request', async () => {
    const { traceId, headers } = aTraceparent()
    const leaving = new AbortController()
    await fetch(`${hub.url}/graphql`, {
      method: 'POST',
      headers: {
        authorization: 'Bearer demo-operator',
        'content-type': 'application/json',
        accept: 'text/event-stream',
        ...headers,
      },
      // Subscribers of one text share a stream, which has been opened for the first of them.
      body: JSON.stringify({ query: document.replace('LiveTransactions', 'LiveEvents') }),
      signal: leaving.signal,
    })
    const spans = await receiver.trace(traceId, (found) => found.some(({ name }) => name === 'subscribe'))
    leaving.abort()
    expect(pathsOf(spans)).toContain('crossgate: POST /graphql > crossgate: operation > crossgate: subscribe')
  })
})

/** The simulated counterparty answers, and the log has the answer. */
const untilLogged = { timeout: 20_000, interval: 50 }

describe('the metrics of a hub', () => {
  const read = async () =>
    (await fetch(`${hub.url}/metrics`, { headers: { authorization: 'Bearer demo-operator' } })).text()

  test('are those of the table in docs/operating.md, with its labels', async () => {
    await pay(hub.url)
    const samples = await vi.waitFor(async () => {
      const found = samplesIn(await read())
      expect(found.has('crossgate_authorization_seconds_count')).toBe(true)
      return found
    }, untilLogged)
    const text = await read()
    const types = [...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)]
    const exposed = types
      .filter(([, name]) => !/^(process|nodejs)_/.test(name!))
      .map(([, name, type]) => {
        const labels = samples.get(type === 'histogram' ? `${name}_count` : name!) ?? new Set()
        return { name: name!, labels: [...labels] }
      })
    const byName = (a: { name: string }, b: { name: string }) => a.name.localeCompare(b.name)
    const documented = [
      ...page('docs/operating.md').matchAll(/^\| `((?:crossgate|db|http)_\w+)` +\| ([^|]*)\|/gm),
    ].map(([, name, labels]) => ({
      name: name!,
      labels: [...labels!.matchAll(/`(\w+)`/g)].map(([, label]) => label!),
    }))
    // No payment of this hub is refunded or declined.
    const unused = documented.filter(({ name }) => !samples.has(name) && !samples.has(`${name}_count`))
    expect(exposed.toSorted(byName)).toEqual(
      documented.map((each) => (unused.includes(each) ? { ...each, labels: [] } : each)).toSorted(byName),
    )
    expect(unused.map(({ name }) => name).filter((name) => !/refunds|declines/.test(name))).toEqual([])
  })

  test('are all that the alerts and the dashboard select, by labels that they have', async () => {
    const samples = samplesIn(await read())
    const text = await read()
    const ofPrometheus = new Set(['job', 'instance'])
    const selections = [...alerts().map(({ expr }) => expr), ...dashboardExpressions()].flatMap(selectionsOf)
    const wrong = selections.flatMap(({ metric, labels }) => {
      if (metric === 'up') return []
      if (
        !text.includes(`# TYPE ${metric.replace(/_(bucket|count|sum)$/, '')} `) &&
        !text.includes(`# TYPE ${metric} `)
      )
        return [metric]
      const known = samples.get(metric)
      return known
        ? [...labels.difference(known).difference(ofPrometheus)].map((label) => `${metric}{${label}}`)
        : []
    })
    expect(wrong).toEqual([])
  })

  test('have a label for operations that are known, and one for all others', async () => {
    for (let n = 0; n < 120; n++) await hub.as('demo-wallet').query(`query Name${n} { __typename }`)
    await fetch(`${hub.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: 'query WithoutKey { __schema { queryType { name } } }' }),
    })
    const names = [...(await read()).matchAll(/crossgate_operation_seconds_count\{operation="(\w+)"\}/g)]
    expect(names.map(([, name]) => name)).toContain('SubmitPayment')
    expect(names.map(([, name]) => name)).toContain('other')
    expect(names.map(([, name]) => name)).not.toContain('WithoutKey')
    expect(names.length).toBeLessThanOrEqual(101)
  })
})
