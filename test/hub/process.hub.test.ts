import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { createServer, type AddressInfo } from 'node:net'
import { describe, expect, test } from 'vitest'
import { freshDatabase } from '../harness/mongo.ts'
import { hubProcesses, urlOf } from './child.ts'

const full = await freshDatabase()
const empty = await freshDatabase()
const migrated = await freshDatabase()
const run = hubProcesses(full)

const ask = (url: string, key: string): Promise<Response> =>
  fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: '{"query":"{ viewer { participant { id } } }"}',
  })

describe('the one command', () => {
  const demo = run({})

  test('prints its URL and the demo keys, and answers', async () => {
    const url = await urlOf(demo)
    await demo.line('demo-wallet')
    expect(await (await ask(url, 'demo-wallet')).json()).toEqual({
      data: { viewer: { participant: { id: 'wallet-sg-01' } } },
    })
    expect((await fetch(`${url}/readyz`)).status).toBe(200)
  })

  test('exits with 0 on SIGTERM, and resets no request that runs or comes soon after it', async () => {
    const url = await urlOf(demo)
    const agent = new Agent({ keepAlive: true })
    const statuses = new Set<number>()
    const failures: { readonly sentAt: number; readonly error: unknown }[] = []
    let answers = 0
    let isStopped = false
    const client = async (): Promise<void> => {
      while (!isStopped) {
        const sentAt = performance.now()
        try {
          statuses.add(await statusOf(url, agent))
          answers++
        } catch (error) {
          failures.push({ sentAt, error })
          await new Promise(setImmediate)
        }
      }
    }
    const clients = Array.from({ length: 8 }, client)
    await expect.poll(() => answers, { timeout: 60_000 }).toBeGreaterThan(50)
    const stoppedAt = performance.now()
    demo.process.kill('SIGTERM')
    expect(await demo.exit).toBe(0)
    isStopped = true
    await Promise.all(clients)
    // The rest of the half second is for the way of the request, on a machine that is busy.
    expect(failures.filter(({ sentAt }) => sentAt < stoppedAt + 250)).toEqual([])
    expect(statuses.difference(new Set([200, 503]))).toEqual(new Set())
    agent.destroy()
  })

  test('keeps paying by itself when TRAFFIC is set', async () => {
    const hub = run({ TRAFFIC: '20' })
    const url = await urlOf(hub)
    const count = async (): Promise<unknown> => {
      const response = await fetch(`${url}/graphql`, {
        method: 'POST',
        headers: { authorization: 'Bearer demo-operator', 'content-type': 'application/json' },
        body: '{"query":"{ transactions(first: 1) { edges { node { createdAt status } } } }"}',
      })
      const { data } = (await response.json()) as {
        data: { transactions: { edges: { node: { createdAt: string } }[] } }
      }
      return data.transactions.edges[0]!.node.createdAt
    }
    const startedAt = new Date().toISOString()
    await expect.poll(count, { timeout: 20_000 }).toSatisfy((at: string) => at > startedAt)
    hub.process.kill('SIGINT')
    expect(await hub.exit).toBe(0)
  })

  test('in production has no demo data, accepts only issued keys, and prints nothing but log lines', async () => {
    const production = { MODE: 'production', MONGODB_DATABASE: empty.name }
    const hub = run(production)
    const url = await urlOf(hub)
    for (const key of ['demo-operator', 'demo-portal', 'demo-wallet', 'demo-acquirer']) {
      expect((await ask(url, key)).status).toBe(401)
    }
    const stranger = run(production, 'cli/keys.ts', 'issue', 'wallet-none', 'till', 'payments:read')
    expect(await stranger.exit).toBe(1)
    expect(stranger.output()).toContain('there is no participant "wallet-none"')
    const init = () => run(production, 'cli/hub-init.ts', '--name', 'Operations')
    const first = init()
    expect(await first.exit).toBe(0)
    const key = first.output()
    await expect.poll(async () => (await ask(url, key)).status).toBe(200)
    const second = init()
    expect(await second.exit).toBe(1)
    expect(second.output()).toContain('this database has an operator')
    expect(await run(production, 'cli/keys.ts', 'revoke', key).exit).toBe(0)
    await expect.poll(async () => (await ask(url, key)).status).toBe(401)

    for (const line of hub.output().split('\n'))
      expect(JSON.parse(line)).toMatchObject({ level: expect.any(Number) })
    hub.process.kill('SIGTERM')
    expect(await hub.exit).toBe(0)
  })
})

/** The status of one request, over a connection that is kept. */
const statusOf = (url: string, agent: Agent): Promise<number> =>
  new Promise((resolve, reject) => {
    const headers = { authorization: 'Bearer demo-operator', 'content-type': 'application/json' }
    const sent = request(`${url}/graphql`, { method: 'POST', agent, headers }, (response) => {
      response.on('end', () => resolve(response.statusCode!)).on('error', reject)
      response.resume()
    })
    sent.on('error', reject)
    sent.end('{"query":"{ transactions(first: 20) { edges { node { id status } } } }"}')
  })

describe('what keeps it from starting is one clear message, and exit 1', () => {
  test('settings that cannot be used, all of them', async () => {
    const hub = run({ PORT: 'x', SCALE: '7' })
    expect(await hub.exit).toBe(1)
    expect(hub.output()).toMatch(
      /^The hub cannot start \(CONFIG_INVALID\).*\n {2}PORT=x: .*\n {2}SCALE=7: .*$/,
    )
  })

  test('a port that is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    const hub = run({ PORT: String(port) })
    expect(await hub.exit).toBe(1)
    expect(hub.output()).toContain(`The hub cannot start (PORT_TAKEN): port ${port} is in use`)
    other.close()
  })

  test('a database that a newer release has migrated past it', async () => {
    const { db, name } = migrated
    await db
      .collection<{ _id: string; version: number; oldestHub: number }>('meta')
      .insertOne({ _id: 'schema', version: 9, oldestHub: 8 })
    const hub = run({ MONGODB_DATABASE: name })
    expect(await hub.exit).toBe(1)
    expect(hub.output()).toMatch(
      /The hub cannot start \(DATABASE_NEWER\): the database \S+ is of version 9 and takes hubs of version 8 or newer/,
    )
    expect(await db.listCollections({}, { nameOnly: true }).toArray()).toMatchObject([{ name: 'meta' }])
    const command = run({ MONGODB_DATABASE: name }, 'cli/keys.ts', 'revoke', 'cg_none')
    expect(await command.exit).toBe(1)
    expect(command.output()).toContain('run a newer release')
  })

  test('a MongoDB that is not there', async () => {
    const hub = run({ MONGODB_URI: 'mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=500' })
    expect(await hub.exit).toBe(1)
    expect(hub.output()).toContain('The hub cannot start (MONGODB_UNREACHABLE)')
  })
})
