import { describe, expect, test } from 'vitest'
import { smallHub } from '../small-hub.ts'
import { RawClient } from './raw-client.ts'

const hub = await smallHub({ SOCKET_BACKLOG_BYTES_MAX: '200000' })
const { feed } = hub
const events = 'subscription($after: String) { transactionEvents(after: $after) { text book { stars } } }'
const wallet = () => RawClient.as(hub.url, 'demo-wallet')

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

  test('who resumes has its own, from its own place', async () => {
    const clients = await Promise.all([wallet(), wallet(), wallet()])
    await clients[0].subscribe('1', events)
    await clients[1].subscribe('1', events, { after: 'c7' })
    await clients[2].subscribe('1', 'subscription { transactionEvents(after: "c7") { text } }')
    for (const client of clients) await client.rest()
    expect(feed.after('transactionEvents')).toEqual([undefined, 'c7', 'c7'])
    await closeAll(...clients)
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

describe('a client that does not read', () => {
  const large = 'x'.repeat(100_000)

  test('is let go with 1013, and the others in its group miss nothing', async () => {
    const slow = await wallet()
    const quick = await wallet()
    const query = 'subscription { transactionEvents { text } }'
    await slow.subscribe('1', query)
    await quick.subscribe('1', query)
    await Promise.all([slow.rest(), quick.rest()])
    slow.socket.pause()
    for (let n = 0; hub.server.sockets > 1; n++) {
      feed.tell('transactionEvents', `${n} ${large}`)
      expect(await quick.hear()).toEqual({
        id: '1',
        type: 'next',
        payload: { data: { transactionEvents: { text: `${n} ${large}` } } },
      })
    }
    slow.socket.resume()
    expect((await slow.closed).code).not.toBe(1000)
    await quick.close()
    await feed.until('transactionEvents', 0)
  })

  test('but has an upstream of its own is waited for, and misses nothing', async () => {
    const slow = await wallet()
    const other = await wallet()
    await slow.subscribe('1', events, { after: 'c1' })
    await feed.until('transactionEvents', 1)
    slow.socket.pause()
    const taken = feed.taken
    for (let n = 0; n < 400; n++) feed.tell('transactionEvents', `${n} ${large}`)
    for (let n = 0; n < 50; n++) await other.rest()
    expect(feed.taken - taken).toBeLessThan(400)
    slow.socket.resume()
    for (let n = 0; n < 400; n++) {
      const { payload } = (await slow.hear()) as {
        payload: { data: { transactionEvents: { text: string } } }
      }
      expect(payload.data.transactionEvents.text.startsWith(`${n} `)).toBe(true)
    }
    await closeAll(slow, other)
    await feed.until('transactionEvents', 0)
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
    const heard = await slow.rest()
    expect(heard.length).toBeGreaterThan(0)
    expect(heard.length).toBeLessThan(400)
    await closeAll(slow, quick)
    await feed.until('activityUpdated', 0)
  })
})
