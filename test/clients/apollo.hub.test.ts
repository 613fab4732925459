// Apollo Client 4, with its link for persisted queries and its link for WebSockets.

import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache } from '@apollo/client'
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries'
import { GraphQLWsLink } from '@apollo/client/link/subscriptions'
import { createClient } from 'graphql-ws'
import { hash } from 'node:crypto'
import { afterAll, expect, test } from 'vitest'
import WebSocket from 'ws'
import { textOf } from '../hub/operations.ts'
import { testHub } from '../hub/hub.ts'

const hub = await testHub()
const authorization = 'Bearer demo-wallet'

/** The requests that a client has sent, each as its body or its address. */
const sent: string[] = []
const fetchAndNote: typeof fetch = (input, init) => {
  sent.push(typeof init?.body === 'string' ? init.body : new Request(input).url)
  return fetch(input, init)
}
const socket = createClient({
  url: `${hub.url.replace('http', 'ws')}/graphql`,
  webSocketImpl: WebSocket,
  connectionParams: { authorization },
})
const client = new ApolloClient({
  cache: new InMemoryCache(),
  link: ApolloLink.split(
    ({ operationType }) => operationType === 'subscription',
    new GraphQLWsLink(socket),
    new PersistedQueryLink({ sha256: (text) => hash('sha256', text, 'hex') }).concat(
      new HttpLink({ uri: `${hub.url}/graphql`, headers: { authorization }, fetch: fetchAndNote }),
    ),
  ),
})
afterAll(() => socket.dispose())

const viewer = gql`
  ${textOf('Viewer')}
`

test('sends the hash of a document, and gets the answer, also where the hub keeps no documents', async () => {
  const { data } = await client.query({ query: viewer })
  expect(data).toMatchObject({ viewer: { participant: { id: 'wallet-sg-01' } } })
  expect(JSON.parse(sent[0]!)).not.toHaveProperty('query')
  expect(JSON.parse(sent.at(-1)!)).toHaveProperty('query')
})

test('reads from its cache what it has, and normalises by id', async () => {
  const before = sent.length
  await client.query({ query: viewer })
  expect(sent).toHaveLength(before)
  expect(Object.keys(client.extract() as object)).toContain('ViewerParticipant:wallet-sg-01')
})

test('pays, and follows the payment over its WebSocket', async () => {
  const { data } = await client.mutate<Record<string, { payment: { id: string } }>>({
    mutation: gql(textOf('SubmitPayment')),
    variables: {
      input: {
        idempotencyKey: 'apollo-1',
        reference: 'apollo-1',
        merchant: 'acquirer-cn-01.W000001',
        amount: { amount: '25.00', currency: 'CNY' },
      },
    },
  })
  const { id } = data!.submitPayment!.payment
  const moves: string[] = []
  await new Promise<void>((resolve, reject) => {
    const following = client
      .subscribe<{ transactionUpdated: { to: string } }>({
        query: gql(textOf('FollowPayment')),
        variables: { id },
      })
      .subscribe({
        next(result) {
          moves.push(result.data!.transactionUpdated.to)
          if (moves.at(-1) !== 'COMPLETED') return
          following.unsubscribe()
          resolve()
        },
        error: reject,
      })
  })
  expect(moves.at(-1)).toBe('COMPLETED')
})
