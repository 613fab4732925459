import { describe, expect, test } from 'vitest'
import { smallHub } from '../../fixtures/small-hub.ts'
import { RawClient, type Message } from './raw-client.ts'

const hub = await smallHub()
const { feed } = hub
const events = 'subscription($after: String) { transactionEvents(after: $after) { text book { stars } } }'
const wallet = () => RawClient.as(hub.url, 'demo-wallet')

/** What a message of an event says. */
const textOf = ({ payload }: Message): string =>
  Object.values((payload as { data: Record<string, { text: string }> }).data)[0]!.text

const closeAll = async (...clients: RawClient[]): Promise<void> => {
  for (const client of clients) await client.close()
}

describe('subscribers who ask the same', () => {
  test('share one upstream; an event is joined once and everybody gets the same', async () => {
    const clients = await Promise.all(Array.from({ length: 20 }, wallet))
    for (const [n, client] of clients.entries()) await client.subscribe(`sub-${n}`, events)
    for (const client of clients) expect(await client.rest()).toEqual([])
    expect(feed.count('transactionEvents')).toBe(1)

    const asked = hub.asked.stars
    feed.tell('transactionEvents', 'paid')
    for (const [n, client] of clients.entries()) {
      expect(await client.hear()).toEqual({
        id: `sub-${n}`,
        type: 'next',
        payload: { data: { transactionEvents: { text: 'paid', book: { stars: 5 } } } },
      })
    }
    expect(hub.asked.stars).toBe(asked + 1)

    await closeAll(...clients.slice(1))
    expect(feed.count('transactionEvents')).toBe(1)
    await clients[0]!.say({ id: 'sub-0', type: 'complete' })
    await feed.until('transactionEvents', 0)
    await clients[0]!.close()
  })

  test('may be one client, twice', async () => {
    const client = await wallet()
    await client.subscribe('a', events)
    await client.subscribe('b', events)
    await client.rest()
    expect(feed.count('transactionEvents')).toBe(1)
    feed.tell('transactionEvents', 'paid')
    expect([(await client.hear()).id, (await client.hear()).id]).toEqual(['a', 'b'])
    await client.close()
    await feed.until('transactionEvents', 0)
  })

  test('are at no place of their own when they say null', async () => {
    const clients = [await wallet(), await wallet()]
    for (const client of clients) await client.subscribe('1', events, { after: null })
    for (const client of clients) await client.rest()
    expect(feed.count('transactionEvents')).toBe(1)
    await closeAll(...clients)
    await feed.until('transactionEvents', 0)
  })
})

describe('subscribers who do not', () => {
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
    await Promise.all([one.rest(), two.rest()])
    expect(feed.count('transactionEvents')).toBe(2)
    await closeAll(one, two)
    await feed.until('transactionEvents', 0)
  })

  test('who waits for its own work has its own, though it asks the same', async () => {
    const clients = [await wallet(), await wallet()]
    for (const client of clients)
      await client.subscribe('1', 'subscription { authorizationRequests { text } }')
    for (const client of clients) await client.rest()
    expect(feed.count('authorizationRequests')).toBe(2)
    await closeAll(...clients)
    await feed.until('authorizationRequests', 0)
  })
})

describe('who joins later', () => {
  test.each([
    {
      field: 'transactionUpdated',
      query: 'subscription { transactionUpdated(id: 1) { text } }',
      replays: true,
    },
    { field: 'activityUpdated', query: 'subscription { activityUpdated { text } }', replays: true },
    { field: 'transactionEvents', query: 'subscription { transactionEvents { text } }', replays: false },
  ])('$field: gets the last event first: $replays', async ({ field, query, replays }) => {
    const early = await wallet()
    await early.subscribe('1', query)
    await feed.until(field, 1)
    feed.tell(field, 'first')
    feed.tell(field, 'second')
    expect([await early.hear(), await early.hear()]).toHaveLength(2)
    const late = await wallet()
    await late.subscribe('1', query)
    expect((await late.rest()).map(({ payload }) => payload)).toEqual(
      replays ? [{ data: { [field]: { text: 'second' } } }] : [],
    )
    expect(feed.count(field)).toBe(1)
    await closeAll(early, late)
    await feed.until(field, 0)
  })
})

describe('who resumes', () => {
  test('reads on from its own place, and shares the group’s upstream as soon as it has caught up', async () => {
    const before = feed.cursor
    const early = await wallet()
    await early.subscribe('1', events)
    await early.rest()
    for (const text of ['one', 'two', 'three']) feed.tell('transactionEvents', text)
    expect([await early.hear(), await early.hear(), await early.hear()].map(textOf)).toEqual([
      'one',
      'two',
      'three',
    ])

    // One that names its place in the document, and one that names a place which the group knows no more.
    const late = [await wallet(), await wallet()]
    await late[0]!.subscribe(
      '1',
      `subscription { transactionEvents(after: "${before}") { text book { stars } } }`,
    )
    await late[1]!.subscribe('1', events, { after: 'c0' })
    const heard = async (client: RawClient, count: number): Promise<string[]> => {
      const texts: string[] = []
      while (texts.length < count) texts.push(textOf(await client.hear()))
      return texts.slice(-3)
    }
    expect(await heard(late[0]!, 3)).toEqual(['one', 'two', 'three'])
    expect(await heard(late[1]!, Number(feed.cursor.slice(1)))).toEqual(['one', 'two', 'three'])
    await feed.until('transactionEvents', 1)

    feed.tell('transactionEvents', 'four')
    for (const client of [early, ...late]) expect(textOf(await client.hear())).toBe('four')
    expect(feed.count('transactionEvents')).toBe(1)
    await closeAll(early, ...late)
    await feed.until('transactionEvents', 0)
  })

  test('from one of the latest events needs no upstream at all', async () => {
    const early = await wallet()
    await early.subscribe('1', events)
    await early.rest()
    feed.tell('transactionEvents', 'one')
    const { cursor } = feed
    feed.tell('transactionEvents', 'two')
    expect([textOf(await early.hear()), textOf(await early.hear())]).toEqual(['one', 'two'])
    const opened = feed.opened
    const late = await wallet()
    await late.subscribe('1', events, { after: cursor })
    expect((await late.rest()).map(textOf)).toEqual(['two'])
    expect(feed.opened).toBe(opened)
    await closeAll(early, late)
    await feed.until('transactionEvents', 0)
  })

  test('with nobody there yet becomes the group that others join', async () => {
    const first = await wallet()
    await first.subscribe('1', events, { after: feed.cursor })
    await feed.until('transactionEvents', 1)
    await first.rest()
    const second = await wallet()
    await second.subscribe('1', events)
    await second.rest()
    expect(feed.count('transactionEvents')).toBe(1)
    feed.tell('transactionEvents', 'both')
    expect([textOf(await first.hear()), textOf(await second.hear())]).toEqual(['both', 'both'])
    await closeAll(first, second)
    await feed.until('transactionEvents', 0)
  })
})

describe('a quiet stream', () => {
  test('says how far it has come, to those who asked for it', async () => {
    const asks = await RawClient.as(hub.url, 'demo-wallet', { checkpoints: true })
    const other = await wallet()
    for (const client of [asks, other]) await client.subscribe('1', events)
    const ping = () => ({ type: 'ping', payload: { checkpoint: { 1: feed.cursor } } })
    expect(await asks.hear()).toEqual(ping())
    feed.checkpoint()
    expect(await asks.hear()).toEqual(ping())
    feed.tell('transactionEvents', 'after')
    expect(textOf(await asks.hear())).toBe('after')
    expect((await other.rest()).map(textOf)).toEqual(['after'])
    await closeAll(asks, other)
    await feed.until('transactionEvents', 0)
  })
})

describe('a client that does not read', () => {
  const large = 'x'.repeat(100_000)

  test('leaves its group, costs next to nothing, and when it reads again gets what it missed and joins it again', async () => {
    const slow = await wallet()
    const quick = await wallet()
    const query = 'subscription { transactionEvents { text } }'
    await slow.subscribe('1', query)
    await quick.subscribe('1', query)
    await Promise.all([slow.rest(), quick.rest()])
    slow.socket.pause()
    const told = 300
    for (let n = 0; n < told; n++) {
      feed.tell('transactionEvents', `${n} ${large}`)
      expect(textOf(await quick.hear())).toBe(`${n} ${large}`)
    }
    // What the system’s buffers take, not what was told.
    expect(hub.server.bufferedBytes).toBeLessThan(64_000 + large.length)
    slow.socket.resume()
    for (let n = 0; n < told; n++) expect(textOf(await slow.hear())).toBe(`${n} ${large}`)
    await feed.until('transactionEvents', 1)
    feed.tell('transactionEvents', 'live again')
    expect([textOf(await slow.hear()), textOf(await quick.hear())]).toEqual(['live again', 'live again'])
    await closeAll(slow, quick)
    await feed.until('transactionEvents', 0)
  })

  test('for too long is closed with 4413, which says where to resume', async () => {
    const strict = await smallHub({ SOCKET_BEHIND_MS: '50' })
    const slow = await RawClient.as(strict.url, 'demo-wallet')
    const quick = await RawClient.as(strict.url, 'demo-wallet')
    const query = 'subscription { transactionEvents { text } }'
    await slow.subscribe('1', query)
    await quick.subscribe('1', query)
    await Promise.all([slow.rest(), quick.rest()])
    slow.socket.pause()
    for (let n = 1; n <= 100; n++) {
      strict.feed.tell('transactionEvents', `${n} ${large}`)
      await quick.hear()
    }
    await expect
      .poll(() => strict.log.some(({ msg }) => String(msg).includes('disconnected a client')))
      .toBe(true)
    slow.socket.resume()
    const { code, reason } = await slow.closed
    expect(code).toBe(4413)
    const cursor = /^BEHIND after=(c\d+) id=1$/.exec(reason)![1]!
    // It has read up to there, and no further.
    let last = ''
    for (const message of slow.heard) last = textOf(message).split(' ')[0]!
    expect(cursor).toBe(`c${last}`)
    await quick.close()
    await strict.close()
  })

  test('until its place is no longer kept is closed with 4413; who asks for such a place is refused', async () => {
    const trimmed = await smallHub()
    const slow = await RawClient.as(trimmed.url, 'demo-wallet')
    const quick = await RawClient.as(trimmed.url, 'demo-wallet')
    const query = 'subscription($after: String) { transactionEvents(after: $after) { text } }'
    await slow.subscribe('1', query)
    await quick.subscribe('1', query)
    await Promise.all([slow.rest(), quick.rest()])
    slow.socket.pause()
    for (let n = 1; n <= 100; n++) {
      trimmed.feed.tell('transactionEvents', `${n} ${large}`)
      await quick.hear()
    }
    trimmed.feed.keptAfter = 99
    slow.socket.resume()
    expect(await slow.closed).toMatchObject({
      code: 4413,
      reason: expect.stringMatching(/^BEHIND after=c\d+ id=1$/),
    })
    await quick.subscribe('2', query, { after: 'c5' })
    expect(await quick.hear()).toMatchObject({
      id: '2',
      type: 'error',
      payload: [{ extensions: { code: 'CURSOR_EXPIRED' } }],
    })
    await quick.close()
    await trimmed.close()
  })

  test('and has an upstream that cannot be resumed is waited for, and misses nothing', async () => {
    const slow = await wallet()
    const other = await wallet()
    await slow.subscribe('1', 'subscription { authorizationRequests { text } }')
    await feed.until('authorizationRequests', 1)
    slow.socket.pause()
    const taken = feed.taken
    for (let n = 0; n < 400; n++) feed.tell('authorizationRequests', `${n} ${large}`)
    for (let n = 0; n < 50; n++) await other.rest()
    expect(feed.taken - taken).toBeLessThan(400)
    slow.socket.resume()
    for (let n = 0; n < 400; n++) expect(textOf(await slow.hear()).startsWith(`${n} `)).toBe(true)
    await closeAll(slow, other)
    await feed.until('authorizationRequests', 0)
  })

  test('and asks for the latest only skips what is old, and is not let go', async () => {
    const slow = await wallet()
    const quick = await wallet()
    const query = 'subscription { activityUpdated { text } }'
    await slow.subscribe('1', query)
    await quick.subscribe('1', query)
    await feed.until('activityUpdated', 1)
    slow.socket.pause()
    for (let n = 0; n < 400; n++) {
      feed.tell('activityUpdated', `${n} ${large}`)
      await quick.hear()
    }
    slow.socket.resume()
    const heard: Message[] = []
    // The last one comes, however much was skipped.
    while (heard.length === 0 || !textOf(heard.at(-1)!).startsWith('399 ')) heard.push(await slow.hear())
    expect(heard.length).toBeLessThan(400)
    await closeAll(slow, quick)
    await feed.until('activityUpdated', 0)
  })
})
