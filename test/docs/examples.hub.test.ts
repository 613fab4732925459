// Runs the examples as processes of their own against a hub, as their headers describe.

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, expect, test, vi } from 'vitest'
import { freshFolder } from '../harness/mongo.ts'
import { testHub } from '../hub/hub.ts'
import { freePort } from './free-port.ts'
import { root } from './root.ts'
import { waiting } from './shell.ts'

const hub = await testHub()

interface Example {
  readonly process: ChildProcess
  /** Resolves when it has ended. */
  readonly ended: Promise<unknown>
  output(): string
}

const examples: Example[] = []
afterAll(() => examples.forEach((example) => example.process.kill('SIGKILL')))

function start(name: string, ...args: string[]): Example {
  const child = spawn(process.execPath, [path.join(root, 'examples', name), ...args], { cwd: freshFolder() })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  }
  const example = { process: child, ended: once(child, 'close'), output: () => output }
  examples.push(example)
  return example
}

/** Makes a payment; resolves with its id. */
async function pay(): Promise<string> {
  const paying = start('pay.ts', hub.url)
  await paying.ended
  expect(paying.output()).toMatch(
    /^The till shows .*\nThe wallet is quoted SGD 48\.51\nPayment \S+ is ROUTED\n$/,
  )
  return /Payment (\S+)/.exec(paying.output())![1]!
}

test('pay.ts pays', async () => {
  const payment = await pay()
  const { data } = await hub
    .as('demo-wallet')
    .query('query($id: ID!) { transaction(id: $id) { id } }', { id: payment })
  expect(data.transaction.id).toBe(payment)
})

test('follow.ts resumes after a kill with no event missing and none twice', async () => {
  const file = path.join(freshFolder(), 'events.jsonl')
  const stored = () =>
    (existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n') : []).map(
      (line) => (JSON.parse(line) as { cursor: string }).cursor,
    )
  const follow = () => start('follow.ts', hub.url, file)

  const first = follow()
  await vi.waitUntil(() => first.output().includes('Following from now on'), waiting)
  // The subscription begins shortly after the connection, so the first payment may be too early.
  while (stored().length === 0) await pay()
  // Some events of the last payment may be stored already, or none: the next run has to deliver the rest.
  first.process.kill('SIGKILL')
  await first.ended
  await pay()
  const second = follow()
  await vi.waitUntil(() => second.output().includes('Resuming after the last event'), waiting)
  const last = await pay()

  const [firstCursor] = stored()
  await vi.waitFor(async () => {
    const { data } = await hub.as('demo-acquirer').query(eventsAfter, { after: firstCursor })
    const events = data.transactionLog.events as readonly { cursor: string; transaction: object }[]
    expect(events.at(-1)).toMatchObject({ to: 'COMPLETED', transaction: { id: last } })
    expect(stored()).toEqual([firstCursor, ...events.map(({ cursor }) => cursor)])
  }, waiting)
})

const eventsAfter = `query($after: String) {
  transactionLog(after: $after, first: 1000) { events { cursor to transaction { id } } }
}`

test('receive-webhook.ts receives what is signed, and refuses the rest', async () => {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}/`
  const { data } = await hub.as('demo-acquirer').query(
    `mutation($url: String!) {
      createWebhook(input: { idempotencyKey: "example", url: $url, events: ["APPROVED"] }) {
        ... on WebhookCreated { secret }
      }
    }`,
    { url },
  )
  const receiving = start('receive-webhook.ts', data.createWebhook.secret as string, String(port))
  await vi.waitUntil(() => receiving.output().includes('Receiving at'), waiting)
  expect((await fetch(url, { method: 'POST', body: '{}' })).status).toBe(400)
  const payment = await pay()
  await vi.waitUntil(() => receiving.output().includes(`payment.approved ${payment}, event 3`), waiting)
})
