// Secrets in the database: none is readable, and the key that encrypts them rotates while hubs run.

import { describe, expect, test } from 'vitest'
import { Webhook } from 'standardwebhooks'
import { aReceiver, type Received } from '../fixtures/a-webhook-receiver.ts'
import { hubProcesses } from './child.ts'
import { demoDatabase } from './demo-database.ts'
import { testHub } from './hub.ts'

const [first, second] = [1, 2].map((byte) => Buffer.alloc(32, byte).toString('base64')) as [string, string]
const database = await demoDatabase()
const run = hubProcesses(database)

const createWebhook = `mutation($url: String!, $key: String!) {
  createWebhook(input: { idempotencyKey: $key, url: $url, events: ["*"] }) { ... on WebhookCreated { secret webhook { id } } } }`
const findMerchant =
  '{ merchants(where: { acquirers: ["acquirer-cn-01"], entryModes: [IN_APP] }, first: 1) { edges { node { id } } } }'
const pay = `mutation($key: String!, $merchant: ID!) {
  submitPayment(input: { idempotencyKey: $key, reference: $key, merchant: $merchant, payerCurrency: "SGD",
    amount: { amount: "88.50", currency: "CNY" } }) { __typename } }`

/** Everything that is stored, as text. */
async function stored(): Promise<string> {
  const collections = await database.db.listCollections().toArray()
  const documents = await Promise.all(
    ['webhooks', 'secrets', 'keys', 'audit', 'participants']
      .filter((name) => collections.some((one) => one.name === name))
      .map((name) => database.db.collection(name).find({}).toArray()),
  )
  return JSON.stringify(documents.flat(), (_, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  )
}

describe('the secret of a webhook', () => {
  test('is stored encrypted, signs after a rotation of the key, and is unreadable without it', async () => {
    const receiver = await aReceiver()
    const hub = await testHub(database, { SECRETS_KEY: first })
    const wallet = hub.as('demo-wallet')
    const created = await wallet.query(createWebhook, { url: receiver.url, key: 'one' })
    const { secret } = created.data.createWebhook
    expect(secret).toMatch(/^whsec_/)
    const before = await stored()
    expect(before).not.toContain(secret.slice('whsec_'.length))
    expect(before).not.toContain('whsec_')
    await hub.close()

    const rotation = run({ SECRETS_KEY: `${second},${first}` }, 'cli/secrets.ts')
    await rotation.line('the secrets of 1 webhooks and 0 participants, and 1 of the hub')
    expect(await rotation.exit).toBe(0)

    const rotated = await testHub(database, { SECRETS_KEY: second })
    const payer = rotated.as('demo-wallet')
    const merchant = (await payer.query(findMerchant)).data.merchants.edges[0].node.id as string
    const paid = await payer.query(pay, { key: 'after the rotation', merchant })
    expect(paid.data.submitPayment).toEqual({ __typename: 'PaymentReceipt' })
    await receiver.until(1)
    const [{ body, headers }] = receiver.received as [Received]
    expect(() => new Webhook(secret).verify(body, headers)).not.toThrow()
    await rotated.close()

    await expect(testHub(database, { SECRETS_KEY: first })).rejects.toMatchObject({
      code: 'SECRETS_UNREADABLE',
    })
  })
})
