import { createClient, type Client } from 'graphql-sse'
import { afterAll, describe, expect, test } from 'vitest'
import { hashKey } from '../../../gateway/identity/key.ts'
import { anId } from '../../fixtures/an-id.ts'
import { smallHub } from '../../fixtures/small-hub.ts'
import { RawClient } from '../live/raw-client.ts'
import { SseReader } from './sse-reader.ts'

const hub = await smallHub({ SOCKET_PING_MS: '100' })
const { feed } = hub
const events = 'subscription($after: String) { transactionEvents(after: $after) { text book { stars } } }'
const open = (
  query: string,
  more: { headers?: Record<string, string>; search?: string; variables?: object } = {},
) => SseReader.open(hub.url, query, { key: 'demo-wallet', ...more })
const event = (text: string) => ({ data: { transactionEvents: { text, book: { stars: 5 } } } })

describe('the graphql-sse client', () => {
  let client: Client
  client = createClient({
    url: `${hub.url}/graphql`,
    headers: { authorization: 'Bearer demo-wallet' },
    retryAttempts: 0,
  })
  afterAll(() => client.dispose())

  test('follows a subscription, each event joined, until the hub ends it', async () => {
    const told = Array.fromAsync(client.iterate({ query: events }))
    await feed.until('transactionEvents', 1)
    feed.emit('transactionEvents', 'one')
    feed.emit('transactionEvents', 'two ✓')
    feed.end('transactionEvents')
    expect(await told).toEqual([event('one'), event('two ✓')])
  })

  test('follows a subscription whose field has a switch', async () => {
    const query = 'subscription($on: Boolean!) { transactionEvents @include(if: $on) { text } }'
    const received = Array.fromAsync(client.iterate({ query, variables: { on: true } }))
    await feed.until('transactionEvents', 1)
    feed.emit('transactionEvents', 'one')
    feed.end('transactionEvents')
    expect(await received).toEqual([{ data: { transactionEvents: { text: 'one' } } }])
  })

  test('runs a query and a mutation', async () => {
    expect(await Array.fromAsync(client.iterate({ query: '{ whoami book(id: 1) { stars } }' }))).toEqual([
      { data: { whoami: 'wallet-sg-01', book: { stars: 5 } } },
    ])
    const query = 'mutation { rename(id: 3, title: "Noodles") { title } }'
    expect(await Array.fromAsync(client.iterate({ query }))).toEqual([
      { data: { rename: { title: 'Noodles' } } },
    ])
  })

  test.each([
    { what: 'a syntax error', query: 'subscription {', code: 'GRAPHQL_PARSE_FAILED' },
    { what: 'an unknown field', query: 'subscription { nothing }', code: 'GRAPHQL_VALIDATION_FAILED' },
    {
      what: 'a missing variable',
      query: 'subscription($id: ID!) { transactionUpdated(id: $id) { text } }',
      code: 'BAD_USER_INPUT',
    },
  ])('receives the error for $what', async ({ query, code }) => {
    expect(await Array.fromAsync(client.iterate({ query }))).toEqual([
      { errors: [expect.objectContaining({ extensions: { code } })] },
    ])
  })

  test('closes a quiet subscription, and the upstream ends', async () => {
    const left = client.subscribe({ query: events }, { next() {}, error() {}, complete() {} })
    await feed.until('transactionEvents', 1)
    left()
    await feed.until('transactionEvents', 0)
    expect(feed.count('transactionEvents')).toBe(0)
  })

  test('with an unknown key is refused before anything streams', async () => {
    const stranger = createClient({
      url: `${hub.url}/graphql`,
      headers: { authorization: 'Bearer unknown' },
      retryAttempts: 0,
    })
    await expect(Array.fromAsync(stranger.iterate({ query: events }))).rejects.toThrow(/401/)
  })
})

describe('a stream of server-sent events', () => {
  test('gives each event its cursor as id, by POST and by GET', async () => {
    const streams = [
      await open(events),
      await open(events, { search: `?query=${encodeURIComponent(events)}` }),
    ]
    await feed.until('transactionEvents', 1)
    for (const stream of streams) await stream.settled()
    feed.emit('transactionEvents', 'paid')
    for (const stream of streams) {
      expect(await stream.receive()).toEqual({
        event: 'next',
        id: feed.cursor,
        data: JSON.stringify(event('paid')),
      })
      await stream.leave()
    }
    await feed.until('transactionEvents', 0)
  })

  test('resumes after `Last-Event-ID`, whatever the value of `after`', async () => {
    feed.emit('transactionEvents', 'seen')
    const { cursor } = feed
    feed.emit('transactionEvents', 'missed')
    const stream = await open(events, { headers: { 'last-event-id': cursor }, variables: { after: 'c0' } })
    expect(await stream.receive()).toMatchObject({ id: feed.cursor, data: JSON.stringify(event('missed')) })
    await stream.leave()
    await feed.until('transactionEvents', 0)
  })

  test('shares the upstream of an equal subscription over a WebSocket', async () => {
    const socket = await RawClient.as(hub.url, 'demo-wallet')
    await socket.subscribe('1', events)
    await feed.until('transactionEvents', 1)
    const stream = await open(events)
    await stream.settled()
    await socket.drain()
    feed.emit('transactionEvents', 'both')
    expect(await stream.receive()).toMatchObject({ data: JSON.stringify(event('both')) })
    expect(await socket.receive()).toMatchObject({ payload: event('both') })
    expect(feed.count('transactionEvents')).toBe(1)
    await stream.leave()
    await socket.close()
    await feed.until('transactionEvents', 0)
  })

  test('sends its position while it is quiet, on request, as an id without an event', async () => {
    const asks = await open(events, { search: '?checkpoints=true' })
    const other = await open(events)
    await feed.until('transactionEvents', 1)
    await asks.settled()
    await other.settled()
    feed.checkpoint()
    await asks.idIs(feed.cursor)
    feed.emit('transactionEvents', 'after')
    expect(await asks.receive()).toMatchObject({ event: 'next', id: feed.cursor })
    expect(await other.receive()).toMatchObject({ event: 'next', id: feed.cursor })
    expect(other.ids).toEqual([feed.cursor])
    await asks.leave()
    await other.leave()
    await feed.until('transactionEvents', 0)
  })

  test('keeps quiet connections open with comments', async () => {
    const stream = await open(events)
    const { comments } = stream
    await expect.poll(() => stream.comments).toBeGreaterThan(comments + 2)
    await stream.leave()
    await feed.until('transactionEvents', 0)
  })

  test('whose key is revoked ends with UNAUTHENTICATED, and no other stream does', async () => {
    const key = await hub.keys.issue(
      { participant: anId('wallet-th-01'), scopes: [], label: 'till' },
      new Date(),
    )
    await expect.poll(async () => await SseReader.status(hub.url, '{ whoami }', key)).toBe(200)
    const stream = await SseReader.open(hub.url, events, { key })
    const other = await open(events)
    await feed.until('transactionEvents', 2)
    await hub.keys.revoke(hashKey(key), new Date())
    const last = await stream.receive()
    expect(last.event).toBe('next')
    expect(JSON.parse(last.data)).toMatchObject({ errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] })
    expect(await stream.receive()).toMatchObject({ event: 'complete' })
    await stream.ended
    await feed.until('transactionEvents', 1)
    await other.settled()
    feed.emit('transactionEvents', 'still')
    expect(await other.receive()).toMatchObject({ data: JSON.stringify(event('still')) })
    await other.leave()
    await feed.until('transactionEvents', 0)
  })

  test('does not run a mutation by GET', async () => {
    const query = 'mutation { rename(id: 1, title: "Stolen") { id } }'
    const response = await fetch(`${hub.url}/graphql?query=${encodeURIComponent(query)}`, {
      headers: { authorization: 'Bearer demo-wallet', accept: 'text/event-stream' },
    })
    expect(response.status).toBe(405)
  })

  test('needs its media type in Accept: without it a subscription is refused', async () => {
    const response = await fetch(`${hub.url}/graphql`, {
      method: 'POST',
      headers: { authorization: 'Bearer demo-wallet', 'content-type': 'application/json' },
      body: JSON.stringify({ query: events }),
    })
    expect(response.status).toBe(406)
    expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'STREAM_NEEDED' } }] })
  })

  test('that is not read costs almost no memory, and delivers what was missed once it is read again', async () => {
    // A heartbeat that stays unread for long would end the stream.
    const patient = await smallHub()
    const large = 'x'.repeat(100_000)
    const query = 'subscription { transactionEvents { text } }'
    const slow = await SseReader.open(patient.url, query, { key: 'demo-wallet' })
    await patient.feed.until('transactionEvents', 1)
    const quick = await RawClient.as(patient.url, 'demo-wallet')
    await quick.subscribe('1', query)
    await quick.drain()
    slow.pause()
    for (let n = 0; n < 200; n++) {
      patient.feed.emit('transactionEvents', `${n} ${large}`)
      await quick.receive()
    }
    expect(patient.server.bufferedBytes).toBeLessThan(64_000 + large.length)
    slow.resume()
    for (let n = 0; n < 200; n++) {
      const { data } = await slow.receive()
      expect(JSON.parse(data)).toEqual({ data: { transactionEvents: { text: `${n} ${large}` } } })
    }
    await patient.feed.until('transactionEvents', 1)
    await slow.leave()
    await quick.close()
    await patient.close()
  })
})
