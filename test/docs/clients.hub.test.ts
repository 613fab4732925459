// The clients of `examples/` and the collection, against a hub and through a network that fails.

import { execFile, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterAll, describe, expect, test, vi } from 'vitest'
import { CrossgateClient, HubError, verifyWebhook } from '../../examples/client/crossgate.ts'
import { Events, Rates, SubmitPayment } from '../../examples/client/documents.ts'
import { newSigningSecret } from '../../subgraphs/shared/signing-secret.ts'
import { signatureHeaders } from '../../subgraphs/transaction/index.ts'
import { startProxy, type Proxy } from '../faults/proxy.ts'
import { testHub } from '../hub/hub.ts'
import { freePort } from './free-port.ts'
import { root } from './root.ts'
import { waiting } from './shell.ts'

const hub = await testHub()
const proxies: Proxy[] = []
afterAll(() => proxies.forEach((proxy) => proxy.close()))

/** A client of the demo wallet through a proxy. */
async function aClient(key = 'demo-wallet'): Promise<{ client: CrossgateClient; proxy: Proxy }> {
  const port = await freePort()
  const proxy = startProxy(port, Number(new URL(hub.url).port))
  proxies.push(proxy)
  return { proxy, client: new CrossgateClient({ url: `http://127.0.0.1:${port}`, key, waitMs: 20 }) }
}

let numbers = 0
const aPayment = () => ({
  input: {
    idempotencyKey: `client-${++numbers}`,
    reference: `client-${numbers}`,
    merchant: 'acquirer-cn-01.W000001',
    amount: { amount: '25.00', currency: 'CNY' },
  },
})

describe('the TypeScript client', () => {
  test('repeats a call whose connection was reset, with its key, and the payment is made once', async () => {
    const { client, proxy } = await aClient()
    const payment = aPayment()
    const first = await client.mutate(SubmitPayment, payment)
    expect(first.submitPayment).toMatchObject({ __typename: 'PaymentReceipt', replayed: false })
    proxy.mode = 'HALVE'
    const calls = vi.spyOn(globalThis, 'fetch')
    const again = client.mutate(SubmitPayment, payment)
    await vi.waitUntil(() => calls.mock.calls.length > 1, waiting)
    proxy.mode = 'PASS'
    expect((await again).submitPayment).toMatchObject({ replayed: true })
    calls.mockRestore()
  })

  test('sends a mutation without a key once', async () => {
    const { client, proxy } = await aClient()
    proxy.mode = 'CUT'
    const calls = vi.spyOn(globalThis, 'fetch')
    const input = { ...aPayment().input, idempotencyKey: '' }
    await expect(client.mutate(SubmitPayment, { input })).rejects.toThrow('fetch failed')
    expect(calls).toHaveBeenCalledOnce()
    calls.mockRestore()
  })

  test('throws what the hub refuses, and does not repeat it', async () => {
    const { client } = await aClient('no-key')
    const calls = vi.spyOn(globalThis, 'fetch')
    await expect(client.query(Rates, { sources: null })).rejects.toThrow(HubError)
    expect(calls).toHaveBeenCalledOnce()
    await expect(client.follow(Events, { after: null }).next()).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
    })
    calls.mockRestore()
  })

  test('resumes a stream after each cut, with no event missing and none twice', async () => {
    const { client, proxy } = await aClient()
    const payer = new CrossgateClient({ url: hub.url, key: 'demo-wallet' })
    const stop = new AbortController()
    const seen: (string | null)[] = []
    const to: string[] = []
    const follow = async (): Promise<void> => {
      for await (const { data, cursor } of client.follow(Events, { after: null }, { signal: stop.signal })) {
        seen.push(cursor)
        to.push(data.transactionEvents.to)
      }
    }
    const following = follow()
    // The subscription begins shortly after the request, so the first payment may be too early.
    while (seen.length === 0) await payer.mutate(SubmitPayment, aPayment())
    for (let cut = 0; cut < 3; cut++) {
      proxy.mode = 'CUT'
      await payer.mutate(SubmitPayment, aPayment())
      proxy.mode = 'PASS'
      const before = seen.length
      await vi.waitUntil(() => seen.length >= before + 3, waiting)
    }
    const [first] = seen
    await vi.waitFor(async () => {
      const { data } = await hub.as('demo-wallet').query(eventsAfter, { after: first })
      const events = data.transactionLog.events as readonly { cursor: string; to: string }[]
      expect(events.at(-1)).toMatchObject({ to: 'COMPLETED' })
      expect(seen).toEqual([first, ...events.map(({ cursor }) => cursor)])
    }, waiting)
    stop.abort()
    await following
  })

  test('verifies a webhook by either of two secrets, and no other', () => {
    const [old, fresh, strange] = [newSigningSecret(), newSigningSecret(), newSigningSecret()]
    const body = '{"type":"payment.approved"}'
    const now = new Date()
    const signed = (secret: string, at = now) =>
      signatureHeaders('1_a', at, body, [{ secret, notAfter: null }])
    expect(verifyWebhook([old], signed(old), body)).toEqual({ type: 'payment.approved' })
    expect(verifyWebhook([old, fresh], signed(fresh), body)).toEqual({ type: 'payment.approved' })
    expect(() => verifyWebhook([old], signed(strange), body)).toThrow('no signature')
    expect(() => verifyWebhook([old], signed(old), `${body} `)).toThrow('no signature')
    expect(() => verifyWebhook([old], {}, body)).toThrow('unsigned')
    const late = new Date(now.getTime() - 301_000)
    expect(() => verifyWebhook([old], signed(old, late), body)).toThrow('too old')
  })
})

const eventsAfter = `query($after: String) {
  transactionLog(after: $after, first: 1000) { events { cursor to } }
}`

describe('the Postman collection', () => {
  interface Item {
    readonly name: string
    readonly request: {
      readonly header: readonly { readonly key: string; readonly value: string }[]
      readonly body: { readonly graphql: { readonly query: string; readonly variables: string } }
    }
  }
  const file = path.join(root, 'schema/generated/crossgate.postman_collection.json')
  const collection = JSON.parse(readFileSync(file, 'utf8')) as {
    readonly variable: readonly { readonly key: string; readonly value: string }[]
    readonly item: readonly { readonly name: string; readonly item: readonly Item[] }[]
  }
  const requests = collection.item.flatMap(({ name, item }) =>
    item.map((one): [string, Item] => [`${name}/${one.name}`, one]),
  )
  /** As Postman fills in variables. */
  const filled = (text: string): string =>
    text.replaceAll(/\{\{(\$?\w+)\}\}/g, (_, name: string) =>
      name.startsWith('$')
        ? `postman-${++numbers}`
        : collection.variable.find(({ key }) => key === name)!.value,
    )

  test.each(requests)('%s is a request that a hub runs', async (_, { request }) => {
    const headers = Object.fromEntries(request.header.map(({ key, value }) => [key, filled(value)]))
    const { query, variables } = request.body.graphql
    const stop = new AbortController()
    const response = await fetch(`${hub.url}/graphql`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ query, variables: JSON.parse(filled(variables)) as object }),
      signal: stop.signal,
    })
    expect(response.status).toBe(200)
    if (headers.accept === 'text/event-stream') return stop.abort()
    const { data } = (await response.json()) as { data?: object }
    // What the hub refuses by a rule is in `data`; a request that does not fit the schema has none.
    expect(data).toBeTypeOf('object')
  })
})

const environment = path.join(root, '.data/python')

/** Python with the packages of the example: installed once, as it shows. Null where pip finds none. */
function pythonWithPackages(): string | null {
  const [python, marker] = [path.join(environment, 'bin/python'), path.join(environment, 'installed')]
  if (existsSync(marker)) return python
  const run = (command: string, ...args: string[]): boolean =>
    spawnSync(command, args, { cwd: root, timeout: 120_000 }).status === 0
  const requirements = ['--retries', '1', '-r', 'examples/python/requirements.txt']
  if (!run('python3', '-m', 'venv', environment)) return null
  if (!run(python, '-m', 'pip', 'install', '-q', ...requirements)) return null
  writeFileSync(marker, '')
  return python
}

const python = pythonWithPackages()

test.skipIf(python === null)(
  'the Python example pays and follows over a WebSocket',
  { timeout: 120_000 },
  async () => {
    const { stdout } = await promisify(execFile)(python!, ['examples/python/pay_and_follow.py', hub.url], {
      cwd: root,
    })
    expect(stdout).toMatch(/^Payment \S+ is ROUTED\n(ROUTED at .*\n)?COMPLETED at .*\n$/)
  },
)
