// What a client gets over any transport for subscriptions. Each client library runs it over its protocol.

import { describe, expect, test } from 'vitest'
import type { SmallHub } from '../fixtures/small-hub.ts'

interface Operation {
  readonly query: string
  readonly variables?: Record<string, unknown>
}

/**
 * Tests a client with the key of the demo wallet. `iterate` yields results, or throws the errors of the
 * operation.
 */
export function describeGraphqlClient(
  name: string,
  hub: SmallHub,
  iterate: (operation: Operation) => AsyncIterableIterator<unknown>,
): void {
  const { feed } = hub
  const all = (query: string, variables?: Record<string, unknown>): Promise<unknown[]> =>
    Array.fromAsync(iterate({ query, ...(variables && { variables }) })).catch((errors: unknown) => [
      { errors },
    ])
  const events = 'subscription { transactionEvents { text book { title stars } } }'

  // oxlint-disable-next-line vitest/valid-title -- each client names itself
  describe(name, () => {
    test('runs a query, joined from two subgraphs, as the viewer of its key', async () => {
      expect(await all('{ whoami book(id: 1) { title stars } }')).toEqual([
        { data: { whoami: 'wallet-sg-01', book: { title: 'Tea', stars: 5 } } },
      ])
    })

    test('runs a mutation', async () => {
      const mutation = 'mutation($t: String!) { rename(id: 3, title: $t) { title } }'
      expect(await all(mutation, { t: 'Noodles' })).toEqual([{ data: { rename: { title: 'Noodles' } } }])
    })

    test('follows a subscription, each event joined, until the hub ends it', async () => {
      const received = all(events)
      await feed.until('transactionEvents', 1)
      feed.emit('transactionEvents', 'one')
      feed.emit('transactionEvents', 'two ✓')
      feed.end('transactionEvents')
      const book = { title: 'Tea', stars: 5 }
      expect(await received).toEqual([
        { data: { transactionEvents: { text: 'one', book } } },
        { data: { transactionEvents: { text: 'two ✓', book } } },
      ])
    })

    test('follows a subscription whose field has a switch', async () => {
      const query = 'subscription($on: Boolean!) { transactionEvents @include(if: $on) { text } }'
      const received = all(query, { on: true })
      await feed.until('transactionEvents', 1)
      feed.emit('transactionEvents', 'one')
      feed.end('transactionEvents')
      expect(await received).toEqual([{ data: { transactionEvents: { text: 'one' } } }])
    })

    test('closes a quiet subscription, and the upstream ends at once', async () => {
      const iterator = iterate({ query: events })
      const pending = iterator.next()
      await feed.until('transactionEvents', 1)
      await iterator.return?.()
      await feed.until('transactionEvents', 0)
      expect(await pending).toMatchObject({ done: true })
    })

    test.each([
      { what: 'a syntax error', query: 'subscription {', code: 'GRAPHQL_PARSE_FAILED' },
      { what: 'an unknown field', query: 'subscription { nothing }', code: 'GRAPHQL_VALIDATION_FAILED' },
      {
        what: 'a missing variable',
        query: 'subscription($id: ID!) { transactionUpdated(id: $id) { text } }',
        code: 'BAD_USER_INPUT',
      },
    ])('receives the error for $what in that operation only', async ({ query, code }) => {
      expect(await all(query)).toEqual([{ errors: [expect.objectContaining({ extensions: { code } })] }])
      expect(await all('{ whoami }')).toEqual([{ data: { whoami: 'wallet-sg-01' } }])
    })

    test('receives an error without details when a subgraph fails during a subscription', async () => {
      const received = all(events)
      await feed.until('transactionEvents', 1)
      feed.end('transactionEvents', new Error('secret detail'))
      expect(await received).toEqual([
        {
          errors: [
            {
              message: 'The hub failed because of a bug. Its log has the details under the request id.',
              extensions: { code: 'INTERNAL_SERVER_ERROR', requestId: expect.any(String) },
            },
          ],
        },
      ])
      expect(hub.log).toContainEqual(
        expect.objectContaining({ err: expect.objectContaining({ message: 'secret detail' }) }),
      )
      await feed.until('transactionEvents', 0)
    })
  })
}
