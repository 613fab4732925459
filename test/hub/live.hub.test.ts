import { ApolloClient, gql, InMemoryCache } from '@apollo/client'
import { GraphQLWsLink } from '@apollo/client/link/subscriptions'
import { createClient } from 'graphql-ws'
import { describe, expect, test } from 'vitest'
import WebSocket from 'ws'
import { RawClient } from '../gateway/live/raw-client.ts'
import { SseReader } from '../gateway/http/sse-reader.ts'
import { hubProcesses, urlOf } from './child.ts'
import { demoDatabase } from './demo-database.ts'
import { document, logAfter, pay, Watcher } from './watcher.ts'

const run = hubProcesses(await demoDatabase())
const keys = ['demo-operator', 'demo-acquirer', 'demo-wallet']
describe('two hubs over one database', () => {
  test('deliver the same to all clients in the same order; when one is killed, its clients resume at the other and miss nothing', async () => {
    const [first, second] = [run({ TRAFFIC: '10' }), run({ TRAFFIC: '10' })]
    const [firstUrl, secondUrl] = await Promise.all([urlOf(first), urlOf(second)])
    const { end: start } = await logAfter(firstUrl, 'demo-operator', null)

    const done = new AbortController()
    const atFirst = keys.map((key) => new Watcher(key, start))
    const atSecond = keys.map((key) => new Watcher(key, start))
    const broken = atFirst.map((watcher) => watcher.follow(firstUrl, done.signal))
    const running = atSecond.map((watcher) => watcher.follow(secondUrl, done.signal))
    for (let n = 0; n < 10; n++) await pay(n % 2 === 0 ? firstUrl : secondUrl)
    // Some of it is under way just now.
    await Promise.all([...atFirst, ...atSecond].map((watcher) => watcher.has(10)))
    first.process.kill('SIGKILL')
    await Promise.all(broken)
    const resumed = atFirst.map((watcher) => watcher.follow(secondUrl, done.signal))
    for (let n = 0; n < 10; n++) await pay(secondUrl)
    await Promise.all(atFirst.map((watcher) => watcher.has(40)))

    for (const [n, key] of keys.entries()) {
      const { cursors } = await logAfter(secondUrl, key, start)
      expect(cursors.length).toBeGreaterThanOrEqual(40)
      for (const watcher of [atFirst[n]!, atSecond[n]!]) {
        await watcher.has(cursors.length)
        expect(watcher.cursors.slice(0, cursors.length)).toEqual(cursors)
      }
    }
    done.abort()
    await Promise.all([...running, ...resumed])
    second.process.kill('SIGTERM')
    expect(await second.exit).toBe(0)
  })
})

describe('a hub that receives SIGTERM', () => {
  test('reports that it is not ready, closes sockets with 1012, ends event streams so that they resume, and exits with 0', async () => {
    const hub = run({})
    const url = await urlOf(hub)
    const sockets = await Promise.all(Array.from({ length: 350 }, () => RawClient.as(url, 'demo-wallet')))
    const stream = await SseReader.open(url, document, { key: 'demo-wallet' })
    for (const socket of sockets) await socket.subscribe('1', document)
    await Promise.all(sockets.map((socket) => socket.drain()))

    hub.process.kill('SIGTERM')
    await sockets[0]!.closed
    // The remaining connections close one after another; until then the hub answers.
    expect((await fetch(`${url}/readyz`)).status).toBe(503)
    for (const socket of sockets)
      expect(await socket.closed).toEqual({ code: 1012, reason: 'The hub restarts' })
    await stream.ended
    expect(stream.completed).toBe(false)
    expect(await hub.exit).toBe(0)
  })
})

describe('Apollo Client', () => {
  test('follows a subscription through its link for graphql-ws', async () => {
    const hub = run({ TRAFFIC: '20' })
    const url = await urlOf(hub)
    const client = createClient({
      url: `${url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      connectionParams: { authorization: 'Bearer demo-operator' },
    })
    const apollo = new ApolloClient({ link: new GraphQLWsLink(client), cache: new InMemoryCache() })
    const heard: unknown[] = []
    await new Promise<void>((resolve, reject) => {
      const following = apollo.subscribe({ query: gql(document) }).subscribe({
        next({ data }) {
          heard.push(data)
          if (heard.length < 3) return
          following.unsubscribe()
          resolve()
        },
        error: reject,
      })
    })
    expect(heard).toEqual(
      Array.from({ length: 3 }, () => ({
        transactionEvents: expect.objectContaining({
          __typename: 'TransactionEvent',
          transaction: expect.objectContaining({
            merchant: expect.objectContaining({ name: expect.any(String) }),
          }),
        }),
      })),
    )
    apollo.stop()
    await client.dispose()
    hub.process.kill('SIGTERM')
    expect(await hub.exit).toBe(0)
  })
})
