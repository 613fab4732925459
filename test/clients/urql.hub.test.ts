// urql with graphcache, which has the schema: a mutation changes what other queries have cached.

import { Client, fetchExchange, gql, subscriptionExchange } from '@urql/core'
import { cacheExchange } from '@urql/exchange-graphcache'
import { buildSchema, introspectionFromSchema } from 'graphql'
import { createClient } from 'graphql-ws'
import { readFileSync } from 'node:fs'
import { afterAll, expect, test } from 'vitest'
import WebSocket from 'ws'
import { testHub } from '../hub/hub.ts'

const hub = await testHub()
const authorization = 'Bearer demo-operator'
const socket = createClient({
  url: `${hub.url.replace('http', 'ws')}/graphql`,
  webSocketImpl: WebSocket,
  connectionParams: { authorization },
})
afterAll(() => socket.dispose())

const api = readFileSync(new URL('../../schema/generated/api.graphql', import.meta.url), 'utf8')
const problems: string[] = []
const client = new Client({
  url: `${hub.url}/graphql`,
  preferGetMethod: false,
  fetchOptions: { headers: { authorization } },
  exchanges: [
    cacheExchange({
      schema: introspectionFromSchema(buildSchema(api)),
      // Values without an id of their own are part of what they are in.
      keys: { CorridorLimits: () => null, FeeSchedule: () => null, Money: () => null },
      logger: (severity, message) => void (severity !== 'debug' && problems.push(message)),
    }),
    fetchExchange,
    subscriptionExchange({
      forwardSubscription: (request) => ({
        subscribe: (sink) => ({
          unsubscribe: socket.subscribe(
            { query: request.query!, variables: request.variables ?? {} },
            sink as never,
          ),
        }),
      }),
    }),
  ],
})

const corridor = gql`
  query {
    corridor(id: "SG-CN") {
      id
      version
      cancelCutoffMinutes
      fees {
        basisPoints
      }
    }
  }
`

test('a mutation changes the corridor that a query has cached, without another request', async () => {
  const { data } = await client.query(corridor, {}).toPromise()
  const { version } = data.corridor as { version: number }
  const setting = gql`
    mutation ($input: SetCorridorInput!) {
      setCorridor(input: $input) {
        __typename
        ... on Corridor {
          id
          version
          cancelCutoffMinutes
        }
      }
    }
  `
  const input = { id: 'SG-CN', expectedVersion: version, cancelCutoffMinutes: 11 }
  await client.mutation(setting, { input }).toPromise()
  const cached = client.readQuery(corridor, {})
  expect(cached?.data).toMatchObject({ corridor: { version: version + 1, cancelCutoffMinutes: 11 } })
  expect(problems).toEqual([])
})

test('a subscription runs over its exchange', async () => {
  const figures = await new Promise<unknown>((resolve) => {
    const { unsubscribe } = client
      .subscription(
        gql`
          subscription {
            activityUpdated {
              payments
            }
          }
        `,
        {},
      )
      .subscribe(({ data }) => {
        resolve(data)
        queueMicrotask(() => unsubscribe())
      })
  })
  expect(figures).toMatchObject({ activityUpdated: { payments: expect.any(Number) } })
})
