import { describe, expect, test } from 'vitest'
import { smallHub } from '../../fixtures/small-hub.ts'
import { RawClient, type Message } from './raw-client.ts'

const hub = await smallHub()
const { feed } = hub
const events = 'subscription($after: String) { transactionEvents(after: $after) { text book { stars } } }'
const wallet = () => RawClient.as(hub.url, 'demo-wallet')

/** The text of the event in a message. */
const textOf = ({ payload }: Message): string =>
  Object.values((payload as { data: Record<string, { text: string }> }).data)[0]!.text

const closeAll = async (...clients: RawClient[]): Promise<void> => {
  for (const client of clients) await client.close()
}

describe('equal subscriptions', () => {
  test('share one upstream: an event is joined once, and all subscribers receive the same', async () => {
    const clients = await Promise.all(Array.from({ length: 20 }, wallet))
    for (const [n, client] of clients.entries()) await client.subscribe(`sub-${n}`, events)
    for (const client of clients) expect(await client.drain()).toEqual([])
    await feed.until('transactionEvents', 1)
    expect(feed.count('transactionEvents')).toBe(1)

    const calls = hub.calls.stars
    feed.emit('transactionEvents', 'paid')
    for (const [n, client] of clients.entries()) {
      expect(await client.receive()).toEqual({
        id: `sub-${n}`,
        type: 'next',
        payload: { data: { transactionEvents: { text: 'paid', book: { stars: 5 } } } },
      })
    }
    expect(hub.calls.stars).toBe(calls + 1)

    await closeAll(...clients.slice(1))
    expect(feed.count('transactionEvents')).toBe(1)
    await clients[0]!.send({ id: 'sub-0', type: 'complete' })
    await feed.until('transactionEvents', 0)
    await clients[0]!.close()
  })

  test('may belong to one client', async () => {
    const client = await wallet()
    await client.subscribe('a', events)
    await client.subscribe('b', events)
    await client.drain()
    await feed.until('transactionEvents', 1)
    expect(feed.count('transactionEvents')).toBe(1)
    feed.emit('transactionEvents', 'paid')
    expect([(await client.receive()).id, (await client.receive()).id]).toEqual(['a', 'b'])
    await client.close()
    await feed.until('transactionEvents', 0)
  })

  test('share one upstream also when their position is null', async () => {
    const clients = [await wallet(), await wallet()]
    for (const client of clients) await client.subscribe('1', events, { after: null })
    for (const client of clients) await client.drain()
    await feed.until('transactionEvents', 1)
    expect(feed.count('transactionEvents')).toBe(1)
    await closeAll(...clients)
    await feed.until('transactionEvents', 0)
  })
})

describe('different subscriptions', () => {
  test.each([
    { what: 'another participant', key: 'demo-acquirer', query: events },
    { what: 'other fields', key: 'demo-wallet', query: 'subscription { transactionEvents { text } }' },
    {
      what: 'other arguments',
      key: 'demo-wallet',
      query: events.replace('after: $after', 'where: "CN", after: $after'),
    },
  ])('have an upstream of their own: $what', async ({ key, query }) => {
    const one = await wallet()
    const two = await RawClient.as(hub.url, key)
    await one.subscribe('1', events)
    await two.subscribe('1', query)
    await Promise.all([one.drain(), two.drain()])
    await feed.until('transactionEvents', 2)
    expect(feed.count('transactionEvents')).toBe(2)
    await closeAll(one, two)
    await feed.until('transactionEvents', 0)
  })

  test('to requests for the subscriber itself never share an upstream', async () => {
    const clients = [await wallet(), await wallet()]
    for (const client of clients)
      await client.subscribe('1', 'subscription { authorizationRequests { text } }')
    for (const client of clients) await client.drain()
    await feed.until('authorizationRequests', 2)
    expect(feed.count('authorizationRequests')).toBe(2)
    await closeAll(...clients)
    await feed.until('authorizationRequests', 0)
  })
})

describe('a subscription that joins later', () => {
  test.each([
    {
      field: 'transactionUpdated',
      query: 'subscription { transactionUpdated(id: 1) { text } }',
      replays: true,
    },
    { field: 'activityUpdated', query: 'subscription { activityUpdated { text } }', replays: true },
    { field: 'transactionEvents', query: 'subscription { transactionEvents { text } }', replays: false },
  ])('to $field receives the last event first: $replays', async ({ field, query, replays }) => {
    const early = await wallet()
    await early.subscribe('1', query)
    await feed.until(field, 1)
    feed.emit(field, 'first')
    feed.emit(field, 'second')
    expect([await early.receive(), await early.receive()]).toHaveLength(2)
    const late = await wallet()
    await late.subscribe('1', query)
    expect((await late.drain()).map(({ payload }) => payload)).toEqual(
      replays ? [{ data: { [field]: { text: 'second' } } }] : [],
    )
    expect(feed.count(field)).toBe(1)
    await closeAll(early, late)
    await feed.until(field, 0)
  })
})

describe('a subscription that resumes', () => {
  test('reads from its own position, and shares the upstream of the group as soon as it has caught up', async () => {
    const before = feed.cursor
    const early = await wallet()
    await early.subscribe('1', events)
    await feed.until('transactionEvents', 1)
    await early.drain()
    for (const text of ['one', 'two', 'three']) feed.emit('transactionEvents', text)
    expect([await early.receive(), await early.receive(), await early.receive()].map(textOf)).toEqual([
      'one',
      'two',
      'three',
    ])

    // One has its position in the document, and one has a position before the events that the group keeps.
    const late = [await wallet(), await wallet()]
    await late[0]!.subscribe(
      '1',
      `subscription { transactionEvents(after: "${before}") { text book { stars } } }`,
    )
    await late[1]!.subscribe('1', events, { after: 'c0' })
    const lastOf = async (client: RawClient, count: number): Promise<string[]> => {
      const texts: string[] = []
      while (texts.length < count) texts.push(textOf(await client.receive()))
      return texts.slice(-3)
    }
    expect(await lastOf(late[0]!, 3)).toEqual(['one', 'two', 'three'])
    expect(await lastOf(late[1]!, Number(feed.cursor.slice(1)))).toEqual(['one', 'two', 'three'])
    await feed.until('transactionEvents', 1)

    feed.emit('transactionEvents', 'four')
    for (const client of [early, ...late]) expect(textOf(await client.receive())).toBe('four')
    expect(feed.count('transactionEvents')).toBe(1)
    await closeAll(early, ...late)
    await feed.until('transactionEvents', 0)
  })

  test('from a recent event needs no upstream', async () => {
    const early = await wallet()
    await early.subscribe('1', events)
    await feed.until('transactionEvents', 1)
    await early.drain()
    feed.emit('transactionEvents', 'one')
    const { cursor } = feed
    feed.emit('transactionEvents', 'two')
    expect([textOf(await early.receive()), textOf(await early.receive())]).toEqual(['one', 'two'])
    const opened = feed.opened
    const late = await wallet()
    await late.subscribe('1', events, { after: cursor })
    expect((await late.drain()).map(textOf)).toEqual(['two'])
    expect(feed.opened).toBe(opened)
    await closeAll(early, late)
    await feed.until('transactionEvents', 0)
  })

  test('without a group becomes the group that later subscriptions join', async () => {
    const first = await wallet()
    await first.subscribe('1', events, { after: feed.cursor })
    await feed.until('transactionEvents', 1)
    await first.drain()
    const second = await wallet()
    await second.subscribe('1', events)
    await second.drain()
    await feed.until('transactionEvents', 1)
    expect(feed.count('transactionEvents')).toBe(1)
    feed.emit('transactionEvents', 'both')
    expect([textOf(await first.receive()), textOf(await second.receive())]).toEqual(['both', 'both'])
    await closeAll(first, second)
    await feed.until('transactionEvents', 0)
  })
})

describe('a quiet stream', () => {
  test('sends its position to the clients that have requested checkpoints', async () => {
    const requesting = await RawClient.as(hub.url, 'demo-wallet', { checkpoints: true })
    const other = await wallet()
    for (const client of [requesting, other]) await client.subscribe('1', events)
    const ping = () => ({ type: 'ping', payload: { checkpoint: { 1: feed.cursor } } })
    expect(await requesting.receive()).toEqual(ping())
    feed.checkpoint()
    expect(await requesting.receive()).toEqual(ping())
    feed.emit('transactionEvents', 'after')
    expect(textOf(await requesting.receive())).toBe('after')
    expect((await other.drain()).map(textOf)).toEqual(['after'])
    await closeAll(requesting, other)
    await feed.until('transactionEvents', 0)
  })
})

describe('a client that does not read', () => {
  const large = 'x'.repeat(100_000)

  test('leaves its group, costs almost no memory, and receives what it missed and joins again once it reads', async () => {
    const slow = await wallet()
    const quick = await wallet()
    const query = 'subscription { transactionEvents { text } }'
    await slow.subscribe('1', query)
    await quick.subscribe('1', query)
    await feed.until('transactionEvents', 1)
    await Promise.all([slow.drain(), quick.drain()])
    slow.socket.pause()
    const count = 300
    for (let n = 0; n < count; n++) {
      feed.emit('transactionEvents', `${n} ${large}`)
      expect(textOf(await quick.receive())).toBe(`${n} ${large}`)
    }
    // Only what the system’s buffers take, not all events.
    expect(hub.server.bufferedBytes).toBeLessThan(64_000 + large.length)
    slow.socket.resume()
    for (let n = 0; n < count; n++) expect(textOf(await slow.receive())).toBe(`${n} ${large}`)
    await feed.until('transactionEvents', 1)
    feed.emit('transactionEvents', 'live again')
    expect([textOf(await slow.receive()), textOf(await quick.receive())]).toEqual([
      'live again',
      'live again',
    ])
    await closeAll(slow, quick)
    await feed.until('transactionEvents', 0)
  })

  test('for too long is closed with 4413 and the position to resume from', async () => {
    const strict = await smallHub({ SOCKET_BEHIND_MS: '50' })
    const slow = await RawClient.as(strict.url, 'demo-wallet')
    const quick = await RawClient.as(strict.url, 'demo-wallet')
    const query = 'subscription { transactionEvents { text } }'
    await slow.subscribe('1', query)
    await quick.subscribe('1', query)
    await strict.feed.until('transactionEvents', 1)
    await Promise.all([slow.drain(), quick.drain()])
    slow.socket.pause()
    for (let n = 1; n <= 100; n++) {
      strict.feed.emit('transactionEvents', `${n} ${large}`)
      await quick.receive()
    }
    await expect
      .poll(() => strict.log.some(({ msg }) => String(msg).includes('disconnected a client')))
      .toBe(true)
    slow.socket.resume()
    const { code, reason } = await slow.closed
    expect(code).toBe(4413)
    const cursor = /^BEHIND after=(c\d+) id=1$/.exec(reason)![1]!
    // That is the position of the last event that it has read.
    let last = ''
    for (const message of slow.received) last = textOf(message).split(' ')[0]!
    expect(cursor).toBe(`c${last}`)
    await quick.close()
    await strict.close()
  })

  test('until its position expires is closed with 4413; a subscription after an expired position is refused', async () => {
    const trimmed = await smallHub()
    const slow = await RawClient.as(trimmed.url, 'demo-wallet')
    const quick = await RawClient.as(trimmed.url, 'demo-wallet')
    const query = 'subscription($after: String) { transactionEvents(after: $after) { text } }'
    await slow.subscribe('1', query)
    await quick.subscribe('1', query)
    await trimmed.feed.until('transactionEvents', 1)
    await Promise.all([slow.drain(), quick.drain()])
    slow.socket.pause()
    for (let n = 1; n <= 100; n++) {
      trimmed.feed.emit('transactionEvents', `${n} ${large}`)
      await quick.receive()
    }
    trimmed.feed.keptAfter = 99
    slow.socket.resume()
    expect(await slow.closed).toMatchObject({
      code: 4413,
      reason: expect.stringMatching(/^BEHIND after=c\d+ id=1$/),
    })
    await quick.subscribe('2', query, { after: 'c5' })
    expect(await quick.receive()).toMatchObject({
      id: '2',
      type: 'error',
      payload: [{ extensions: { code: 'CURSOR_EXPIRED' } }],
    })
    await quick.close()
    await trimmed.close()
  })

  test('and has an upstream that cannot resume holds that upstream, and misses nothing', async () => {
    const slow = await wallet()
    const other = await wallet()
    await slow.subscribe('1', 'subscription { authorizationRequests { text } }')
    await feed.until('authorizationRequests', 1)
    slow.socket.pause()
    const taken = feed.taken
    for (let n = 0; n < 400; n++) feed.emit('authorizationRequests', `${n} ${large}`)
    for (let n = 0; n < 50; n++) await other.drain()
    expect(feed.taken - taken).toBeLessThan(400)
    slow.socket.resume()
    for (let n = 0; n < 400; n++) expect(textOf(await slow.receive()).startsWith(`${n} `)).toBe(true)
    await closeAll(slow, other)
    await feed.until('authorizationRequests', 0)
  })

  test('and needs only the latest event skips older ones, and stays connected', async () => {
    const slow = await wallet()
    const quick = await wallet()
    const query = 'subscription { activityUpdated { text } }'
    await slow.subscribe('1', query)
    await quick.subscribe('1', query)
    await feed.until('activityUpdated', 1)
    slow.socket.pause()
    for (let n = 0; n < 400; n++) {
      feed.emit('activityUpdated', `${n} ${large}`)
      await quick.receive()
    }
    slow.socket.resume()
    const received: Message[] = []
    // The last one comes, however much was skipped.
    while (received.length === 0 || !textOf(received.at(-1)!).startsWith('399 '))
      received.push(await slow.receive())
    expect(received.length).toBeLessThan(400)
    await closeAll(slow, quick)
    await feed.until('activityUpdated', 0)
  })
})
