// The access rules of the schema over both transports of subscriptions.

import { describe, expect, test } from 'vitest'
import { smallHub } from '../../fixtures/small-hub.ts'
import { SseReader } from '../http/sse-reader.ts'
import { RawClient } from './raw-client.ts'

const hub = await smallHub()
const { feed } = hub

const document = 'subscription { transactionEvents { text margin answer } }'
const forbidden = (field: string) => ({
  path: ['transactionEvents', field],
  extensions: { code: 'UNAUTHORIZED_FIELD_OR_TYPE' },
})
const event = { text: 'paid', margin: '1.00', answer: 'yes' }

/** What each key receives of `event`: the wallet has neither scope, the acquirer one, the operator both. */
const received = {
  'demo-wallet': {
    data: { transactionEvents: { ...event, margin: null, answer: null } },
    errors: [forbidden('margin'), forbidden('answer')],
  },
  'demo-acquirer': {
    data: { transactionEvents: { ...event, margin: null } },
    errors: [forbidden('margin')],
  },
  'demo-operator': { data: { transactionEvents: event } },
}
const keys = Object.keys(received) as (keyof typeof received)[]

describe('a field of an event that the caller may not read', () => {
  test('is null over a WebSocket, with an error, and each caller receives its own', async () => {
    const clients = await Promise.all(keys.map((key) => RawClient.as(hub.url, key)))
    for (const client of clients) {
      await client.subscribe('1', document)
      await client.drain()
    }
    await feed.until('transactionEvents', keys.length)
    feed.emit('transactionEvents', event.text)
    for (const [n, client] of clients.entries()) {
      expect((await client.receive()).payload).toMatchObject(received[keys[n]!])
    }
    for (const client of clients) await client.close()
    await feed.until('transactionEvents', 0)
  })

  test('is null in an event stream, with an error, and each caller receives its own', async () => {
    const readers = []
    for (const key of keys) readers.push(await SseReader.open(hub.url, document, { key }))
    await feed.until('transactionEvents', keys.length)
    feed.emit('transactionEvents', event.text)
    for (const [n, reader] of readers.entries()) {
      expect(JSON.parse((await reader.receive()).data)).toMatchObject(received[keys[n]!])
    }
    for (const reader of readers) await reader.leave()
    await feed.until('transactionEvents', 0)
  })
})

describe('a subscription that the caller may not read', () => {
  const closed = 'subscription { forbiddenEvents { text } }'
  const errors = [{ extensions: { code: 'UNAUTHORIZED_FIELD_OR_TYPE' } }]

  test('is refused over a WebSocket, and opens no upstream', async () => {
    const { opened } = feed
    const client = await RawClient.as(hub.url, 'demo-acquirer')
    await client.subscribe('1', closed)
    expect(await client.receive()).toMatchObject({ id: '1', type: 'error', payload: errors })
    await client.close()
    expect(feed.opened).toBe(opened)
  })

  test('is refused in an event stream, and opens no upstream', async () => {
    const { opened } = feed
    const reader = await SseReader.open(hub.url, closed, { key: 'demo-acquirer' })
    expect(JSON.parse((await reader.receive()).data)).toMatchObject({ errors })
    await reader.ended
    expect(reader.completed).toBe(true)
    expect(feed.opened).toBe(opened)
  })
})

describe('introspection', () => {
  const fields = '{ __type(name: "Event") { fields { name } } }'
  const names = async (key: string | null): Promise<readonly string[]> => {
    const response = await fetch(`${hub.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(key && { authorization: `Bearer ${key}` }) },
      body: JSON.stringify({ query: fields }),
    })
    const { data } = (await response.json()) as {
      data: { __type: { fields: readonly { name: string }[] } }
    }
    return data.__type.fields.map(({ name }) => name)
  }

  test.each([
    ['demo-wallet', ['text', 'book']],
    ['demo-acquirer', ['text', 'book', 'answer']],
    ['demo-operator', ['text', 'book', 'margin', 'answer']],
    [null, ['text', 'book', 'margin', 'answer']],
  ])('shows the caller %s what it may read: %s', async (key, expected) => {
    expect(await names(key)).toEqual(expected)
  })
})
