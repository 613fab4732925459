import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import { pino } from 'pino'
import { describe, expect, test } from 'vitest'
import { readConfig } from '../../../gateway/config/config.ts'
import { createReadiness } from '../../../gateway/http/health.ts'
import { startServer } from '../../../gateway/http/server.ts'
import { smallHub } from '../../fixtures/small-hub.ts'
import { RawClient } from '../live/raw-client.ts'

const logger = pino({ level: 'silent' })
const asWallet = { authorization: 'Bearer demo-wallet', 'content-type': 'application/json' }
const ask = (url: string, query: string): Promise<Response> =>
  fetch(`${url}/graphql`, { method: 'POST', headers: asWallet, body: JSON.stringify({ query }) })

describe('while the hub starts', () => {
  test('it is alive and not ready, and refuses operations with NOT_READY', async () => {
    const server = await startServer({
      config: readConfig({ PORT: '0' }),
      readiness: createReadiness(),
      logger,
    })
    expect((await fetch(`${server.url}/livez`)).status).toBe(200)
    const ready = await fetch(`${server.url}/readyz`)
    expect(ready.status).toBe(503)
    expect(await ready.json()).toEqual({ status: 'not ready', reasons: { hub: 'starting' } })
    const answer = await ask(server.url, '{ whoami }')
    expect(answer.status).toBe(503)
    expect(await answer.json()).toMatchObject({ errors: [{ extensions: { code: 'NOT_READY' } }] })
    await server.close(0)
  })

  test('a port in use is reported at once', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const port = String((other.address() as AddressInfo).port)
    await expect(
      startServer({ config: readConfig({ PORT: port }), readiness: createReadiness(), logger }),
    ).rejects.toMatchObject({ code: 'EADDRINUSE' })
    other.close()
  })
})

describe('a hub that runs', () => {
  test('is ready while all checks pass, and otherwise gives the reason of each that fails', async () => {
    const hub = await smallHub()
    const readyz = async () => {
      const response = await fetch(`${hub.url}/readyz`)
      return { status: response.status, body: await response.json() }
    }
    expect(await readyz()).toEqual({ status: 200, body: { status: 'ready' } })
    hub.readiness.checks.set('mongodb', () => 'no primary')
    hub.readiness.checks.set('reference', () => 'no participants')
    hub.readiness.checks.set('log', () => null)
    expect(await readyz()).toEqual({
      status: 503,
      body: { status: 'not ready', reasons: { mongodb: 'no primary', reference: 'no participants' } },
    })
    expect((await fetch(`${hub.url}/livez`)).status).toBe(200)
    await hub.close()
  })

  test('redirects a browser to the IDE', async () => {
    const hub = await smallHub()
    for (const path of ['/graphiql', '/graphql']) {
      const response = await fetch(`${hub.url}${path}`, {
        redirect: 'manual',
        headers: { accept: 'text/html' },
      })
      expect({ path, to: response.headers.get('location') }).toEqual({ path, to: '/graphiql/' })
    }
    await hub.close()
  })
})

describe('a hub that stops', () => {
  test('lets a running request finish, closes sockets with 1012, and accepts nothing new', async () => {
    const hub = await smallHub()
    const client = await RawClient.as(hub.url, 'demo-wallet')
    await client.subscribe('1', 'subscription { transactionEvents { text } }')
    await hub.feed.until('transactionEvents', 1)
    const running = ask(hub.url, '{ never }')
    await hub.never.started
    const closed = hub.close()
    expect(await client.closed).toMatchObject({ code: 1012 })
    await hub.feed.until('transactionEvents', 0)
    hub.never.finish('finished')
    expect(await (await running).json()).toEqual({ data: { never: 'finished' } })
    await closed
    await expect(ask(hub.url, '{ whoami }')).rejects.toThrow('fetch failed')
  })

  test('spreads the closing of many sockets over the time that it is given', async () => {
    const hub = await smallHub()
    const clients = await Promise.all(Array.from({ length: 250 }, () => RawClient.as(hub.url, 'demo-wallet')))
    const order: number[] = []
    for (const client of clients) void client.closed.then(() => order.push(performance.now()))
    await hub.server.close(600)
    await Promise.all(clients.map((client) => client.closed))
    expect(order).toHaveLength(250)
    expect(order.at(-1)! - order[0]!).toBeGreaterThan(300)
  })

  test('is not delayed by connections that have sent no request, or half of one', async () => {
    const server = await startServer({
      config: readConfig({ PORT: '0' }),
      readiness: createReadiness(),
      logger,
    })
    const port = Number(new URL(server.url).port)
    const opening = ['', 'GET /livez HTTP/1.1\r\n'].map(async (text) => {
      const socket = connect(port, '127.0.0.1').resume()
      await once(socket, 'connect')
      socket.write(text)
      // An answer on a later connection: the server has this one.
      expect((await fetch(`${server.url}/livez`)).status).toBe(200)
      return { closed: once(socket, 'close') }
    })
    const clients = await Promise.all(opening)
    await server.close(0)
    await Promise.all(clients.map(({ closed }) => closed))
  })

  test('is not delayed by a client that does not respond', async () => {
    const hub = await smallHub()
    const client = await RawClient.as(hub.url, 'demo-wallet')
    client.socket.pause()
    await hub.close()
    expect(hub.server.sockets).toBe(0)
    client.socket.terminate()
  })
})
