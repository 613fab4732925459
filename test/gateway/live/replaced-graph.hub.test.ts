import { afterEach, describe, expect, test } from 'vitest'
import { smallHub } from '../../fixtures/small-hub.ts'
import { SseReader } from '../http/sse-reader.ts'
import { RawClient, type Message } from './raw-client.ts'

const hub = await smallHub()
const { feed } = hub
const plain = 'subscription($after: String) { transactionEvents(after: $after) { text } }'
const joined = 'subscription { transactionEvents { text book { stars } } }'
const wallet = () => RawClient.as(hub.url, 'demo-wallet')

const textOf = ({ payload }: Message): string =>
  (payload as { data: { transactionEvents: { text: string } } }).data.transactionEvents.text

async function ask(query: string): Promise<unknown> {
  const response = await fetch(`${hub.url}/graphql`, {
    method: 'POST',
    headers: { authorization: 'Bearer demo-wallet', 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
  })
  return response.json()
}

const stars = '{ book(id: "1") { stars } }'

afterEach(() => hub.replaceGraph('shelf', 'reviews'))

describe('a graph that is replaced', () => {
  test('has its new schema for the next request, introspection included', async () => {
    expect(await ask(stars)).toEqual({ data: { book: { stars: 5 } } })
    await hub.replaceGraph('shelf')
    expect(await ask(stars)).toMatchObject({
      errors: [{ extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } }],
    })
    expect(await ask('{ __type(name: "Book") { fields { name } } }')).toEqual({
      data: { __type: { fields: [{ name: 'id' }, { name: 'title' }] } },
    })
    await hub.replaceGraph('shelf', 'reviews')
    expect(await ask(stars)).toEqual({ data: { book: { stars: 5 } } })
  })

  test('finishes the requests that it has begun, also fields that the next graph lacks', async () => {
    const running = ask('{ never book(id: "1") { stars } }')
    await hub.never.started
    await hub.replaceGraph('shelf')
    hub.never.finish('at last')
    expect(await running).toEqual({ data: { never: 'at last', book: { stars: 5 } } })
  })

  test('moves its subscribers at their positions: each event arrives once and in order', async () => {
    const client = await wallet()
    await client.subscribe('1', plain)
    const reader = await SseReader.open(hub.url, plain, { key: 'demo-acquirer' })
    await client.drain()
    await feed.until('transactionEvents', 2)
    const texts = Array.from({ length: 60 }, (_, n) => `event ${n}`)
    const emitting = (async () => {
      for (const [n, text] of texts.entries()) {
        feed.emit('transactionEvents', text)
        if (n % 3 === 0) await new Promise((resolve) => setImmediate(resolve))
      }
    })()
    for (const graph of [['shelf'], ['shelf', 'reviews'], ['shelf']]) await hub.replaceGraph(...graph)
    await emitting

    const received: string[] = []
    while (received.length < texts.length) received.push(textOf(await client.receive()))
    expect(received).toEqual(texts)
    for (const text of texts) {
      const { data } = await reader.receive()
      expect(JSON.parse(data)).toEqual({ data: { transactionEvents: { text } } })
    }
    expect(await client.drain()).toEqual([])
    expect(feed.count('transactionEvents')).toBe(2)
    await reader.leave()
    await client.close()
    await feed.until('transactionEvents', 0)
  })

  test('moves a subscriber that has not received a position yet, once it has', async () => {
    const client = await wallet()
    await client.subscribe('1', plain)
    await feed.until('transactionEvents', 1)
    await hub.replaceGraph('shelf')
    feed.emit('transactionEvents', 'first')
    expect(textOf(await client.receive())).toBe('first')
    feed.emit('transactionEvents', 'second')
    expect(textOf(await client.receive())).toBe('second')
    await client.close()
    await feed.until('transactionEvents', 0)
  })

  test('ends a subscription whose fields the next graph lacks, with the field’s name', async () => {
    const client = await wallet()
    await client.subscribe('1', joined)
    await client.drain()
    await hub.replaceGraph('shelf')
    expect(await client.receive()).toMatchObject({
      id: '1',
      type: 'error',
      payload: [
        {
          message: expect.stringContaining('"stars"'),
          extensions: { code: 'GRAPHQL_VALIDATION_FAILED' },
        },
      ],
    })
    await feed.until('transactionEvents', 0)
    await client.subscribe('2', plain)
    await client.drain()
    feed.emit('transactionEvents', 'on the same socket')
    expect(textOf(await client.receive())).toBe('on the same socket')
    await client.close()
    await feed.until('transactionEvents', 0)
  })

  test('resumes a client after a cursor that an earlier graph has given', async () => {
    const client = await wallet()
    await client.subscribe('1', plain)
    await client.drain()
    const { cursor } = feed
    await client.close()
    feed.emit('transactionEvents', 'missed')
    await hub.replaceGraph('shelf')
    const again = await wallet()
    await again.subscribe('1', plain, { after: cursor })
    expect(textOf(await again.receive())).toBe('missed')
    await again.close()
    await feed.until('transactionEvents', 0)
  })
})
