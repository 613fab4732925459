import { createClient } from 'graphql-ws'
import { afterAll, describe, expect, test } from 'vitest'
import WebSocket from 'ws'
import { hashKey } from '../../../gateway/identity/key.ts'
import { describeGraphqlClient } from '../../contracts/graphql-client.ts'
import { anId } from '../../fixtures/an-id.ts'
import { smallHub } from '../../fixtures/small-hub.ts'
import { RawClient } from '../live/raw-client.ts'

const hub = await smallHub({ SOCKET_INIT_MS: '200', SOCKET_OPERATIONS_MAX: '3', BODY_BYTES_MAX: '20000' })
const address = `${hub.url.replace('http', 'ws')}/graphql`
const events = 'subscription { transactionEvents { text } }'

const library = createClient({
  url: address,
  webSocketImpl: WebSocket,
  connectionParams: { authorization: 'Bearer demo-wallet' },
  retryAttempts: 0,
})
afterAll(() => library.dispose())
describeGraphqlClient('the graphql-ws client', hub, (operation) => library.iterate(operation))

describe('the graphql-ws client', () => {
  test('with an unknown key is closed with 4403', async () => {
    const stranger = createClient({
      url: address,
      webSocketImpl: WebSocket,
      connectionParams: { authorization: 'Bearer unknown' },
      retryAttempts: 0,
    })
    await expect(stranger.iterate({ query: '{ whoami }' }).next()).rejects.toMatchObject({ code: 4403 })
    await stranger.dispose()
  })
})

describe('the rules of graphql-transport-ws', () => {
  test('another sub-protocol is closed with 4406 or not opened', async () => {
    const old = new RawClient(hub.url, { protocols: ['graphql-ws'] })
    const error = await new Promise((resolve) => old.socket.once('error', resolve))
    expect(String(error)).toContain('Server sent no subprotocol')
    const none = new RawClient(hub.url, { protocols: [] })
    expect(await none.closed).toMatchObject({ code: 4406 })
  })

  test('a client that does not send connection_init in time is closed with 4408', async () => {
    const client = new RawClient(hub.url)
    expect(await client.closed).toMatchObject({ code: 4408 })
  })

  test('a client that subscribes before connection_init is closed with 4401', async () => {
    const client = new RawClient(hub.url)
    await client.subscribe('1', '{ whoami }')
    expect(await client.closed).toMatchObject({ code: 4401 })
  })

  test('a client that sends connection_init twice is closed with 4429', async () => {
    const client = await RawClient.as(hub.url, 'demo-wallet')
    await client.send({ type: 'connection_init' })
    expect(await client.closed).toMatchObject({ code: 4429 })
  })

  test('an id that runs already is closed with 4409', async () => {
    const client = await RawClient.as(hub.url, 'demo-wallet')
    await client.subscribe('1', events)
    await client.subscribe('1', events)
    expect(await client.closed).toEqual({ code: 4409, reason: 'Subscriber for 1 already exists' })
    await hub.feed.until('transactionEvents', 0)
  })

  test('an id may be used again once its operation has ended', async () => {
    const client = await RawClient.as(hub.url, 'demo-wallet')
    for (let times = 0; times < 2; times++) {
      await client.subscribe('1', '{ whoami }')
      expect(await client.receive()).toEqual({
        id: '1',
        type: 'next',
        payload: { data: { whoami: 'wallet-sg-01' } },
      })
      expect(await client.receive()).toEqual({ id: '1', type: 'complete' })
    }
    await client.close()
  })

  test.each([
    { what: 'no JSON', message: '{' },
    { what: 'no object', message: '[]' },
    { what: 'no type', message: '{}' },
    { what: 'an unknown type', message: { type: 'start' } },
    { what: 'a subscribe without id', message: { type: 'subscribe', payload: { query: '{ whoami }' } } },
    { what: 'an empty id', message: { type: 'subscribe', id: '', payload: { query: '{ whoami }' } } },
    { what: 'a subscribe without query', message: { type: 'subscribe', id: '1', payload: {} } },
    { what: 'a message that only a hub sends', message: { type: 'connection_ack' } },
    { what: 'bytes', message: Buffer.from('{"type":"ping"}') },
  ])('$what is closed with 4400', async ({ message }) => {
    const client = await RawClient.as(hub.url, 'demo-wallet')
    await client.send(message)
    expect(await client.closed).toMatchObject({ code: 4400 })
  })

  test('a ping gets a pong with its payload, also before connection_init', async () => {
    const client = new RawClient(hub.url)
    await client.send({ type: 'ping', payload: { n: 1 } })
    expect(await client.receive()).toEqual({ type: 'pong', payload: { n: 1 } })
    await client.send({ type: 'ping' })
    expect(await client.receive()).toEqual({ type: 'pong' })
    await client.close()
  })

  test('a complete of an unknown operation, and a pong, are ignored', async () => {
    const client = await RawClient.as(hub.url, 'demo-wallet')
    await client.send({ type: 'complete', id: 'none' })
    await client.send({ type: 'pong' })
    expect(await client.drain()).toEqual([])
    await client.close()
  })

  test('an id may be any text', async () => {
    const client = await RawClient.as(hub.url, 'demo-wallet')
    const id = '"}, {"type":"\u2028\ud83c\udfee'
    await client.subscribe(id, '{ whoami }')
    expect(await client.receive()).toMatchObject({ id, type: 'next' })
    expect(await client.receive()).toEqual({ id, type: 'complete' })
    await client.close()
  })

  test('a message that is larger than the hub reads is closed with 1009', async () => {
    const client = await RawClient.as(hub.url, 'demo-wallet')
    await client.subscribe('1', `{ whoami } #${'x'.repeat(20_000)}`)
    expect(await client.closed).toMatchObject({ code: 1009 })
  })
})

describe('the limits are those of HTTP', () => {
  test('a field that no request has is refused for that operation', async () => {
    const client = await RawClient.as(hub.url, 'demo-wallet')
    await client.send({ id: '1', type: 'subscribe', payload: { query: '{ whoami }', querry: 1 } })
    expect(await client.receive()).toMatchObject({
      type: 'error',
      payload: [{ extensions: { code: 'BAD_REQUEST' } }],
    })
    await client.close()
  })

  test('more operations at once than allowed are refused one by one', async () => {
    const client = await RawClient.as(hub.url, 'demo-wallet')
    for (const id of ['1', '2', '3', '4']) await client.subscribe(id, events)
    expect(await client.receive()).toMatchObject({
      id: '4',
      type: 'error',
      payload: [{ extensions: { code: 'TOO_MANY_OPERATIONS' } }],
    })
    await client.send({ id: '1', type: 'complete' })
    await client.subscribe('5', '{ whoami }')
    expect(await client.receive()).toMatchObject({ id: '5', type: 'next' })
    await client.close()
    await hub.feed.until('transactionEvents', 0)
  })
})

describe('the key over WebSocket', () => {
  test('may come as a header instead', async () => {
    const client = new RawClient(hub.url, { headers: { authorization: 'Bearer demo-portal' } })
    await client.send({ type: 'connection_init' })
    expect(await client.receive()).toEqual({ type: 'connection_ack' })
    await client.subscribe('1', '{ whoami }')
    expect(await client.receive()).toMatchObject({ payload: { data: { whoami: 'portal-demo' } } })
    await client.close()
  })

  test('that is missing is closed with 4403', async () => {
    const client = new RawClient(hub.url)
    await client.send({ type: 'connection_init', payload: {} })
    expect(await client.closed).toMatchObject({ code: 4403 })
  })

  test('that is revoked closes its sockets with 4403, and no others', async () => {
    const key = await hub.keys.issue(
      { participant: anId('wallet-th-01'), scopes: [], label: 'till' },
      new Date(),
    )
    const open = async (): Promise<RawClient> => {
      for (;;) {
        const client = new RawClient(hub.url, { headers: { authorization: `Bearer ${key}` } })
        await client.send({ type: 'connection_init' })
        const first = await Promise.race([client.receive(), client.closed])
        if ('type' in first) return client
      }
    }
    const client = await open()
    const other = await RawClient.as(hub.url, 'demo-wallet')
    await client.subscribe('1', events)
    await hub.feed.until('transactionEvents', 1)
    // The client responds late to the close, and until then sends more operations.
    client.socket.pause()
    await hub.keys.revoke(hashKey(key), new Date())
    await hub.feed.until('transactionEvents', 0)
    await client.subscribe('2', 'mutation { rename(id: 1, title: "Stolen") { id } }')
    client.socket.resume()
    expect(await client.closed).toMatchObject({ code: 4403 })
    await other.subscribe('1', '{ book(id: 1) { title } }')
    expect(await other.receive()).toMatchObject({ payload: { data: { book: { title: 'Tea' } } } })
    expect(await other.drain()).toEqual([{ id: '1', type: 'complete' }])
    await other.close()
  })
})

describe('a page of another origin', () => {
  test.each([
    { origin: 'https://elsewhere.example', opens: false },
    { origin: 'null', opens: false },
    { origin: hub.url, opens: true },
  ])('from $origin opens a WebSocket: $opens', async ({ origin, opens }) => {
    const client = new RawClient(hub.url, { headers: { origin, authorization: 'Bearer demo-wallet' } })
    const failed = new Promise((resolve) => client.socket.once('error', resolve))
    const opened = new Promise((resolve) => client.socket.once('open', resolve))
    const outcome = await Promise.race([failed.then((error) => String(error)), opened.then(() => 'open')])
    expect(outcome).toContain(opens ? 'open' : '403')
    if (opens) await client.close()
  })
})

describe('a client that is gone without a close', () => {
  test('is noticed, and its upstream ends', async () => {
    const watching = await smallHub({ SOCKET_PING_MS: '50' })
    const client = await RawClient.as(watching.url, 'demo-wallet')
    await client.subscribe('1', events)
    await watching.feed.until('transactionEvents', 1)
    // Reads nothing any more, so it does not see the ping either.
    client.socket.pause()
    await watching.feed.until('transactionEvents', 0)
    expect(watching.server.sockets).toBe(0)
    client.socket.terminate()
    await watching.close()
  })
})
