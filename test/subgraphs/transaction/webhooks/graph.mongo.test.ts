// Webhooks through the graph, as clients write and read them.

import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openTransactionSubgraph, type TransactionSubgraph } from '../../../../subgraphs/transaction/index.ts'
import { freshDatabase } from '../../../harness/mongo.ts'
import { aDirectory, aRegistry, as, quietLog } from '../../../fixtures/a-programme.ts'
import type { RequestContext } from '../../../../subgraphs/shared/viewer.ts'
import { aReceiver } from '../../../fixtures/a-webhook-receiver.ts'

const { db } = await freshDatabase()
const wallet = as('wallet-sg-01')
let hub: TransactionSubgraph
beforeAll(async () => {
  hub = await openTransactionSubgraph({
    db,
    registry: aRegistry(),
    directory: aDirectory(),
    now: () => new Date(),
    logger: quietLog,
    cursorSecret: 'a secret',
    webhookReach: 'LOOPBACK',
  })
})
afterAll(() => hub.close())

type Data = Record<string, any> // eslint-disable-line typescript/no-explicit-any
async function request(document: string, variables: object, context: RequestContext = wallet): Promise<Data> {
  const { data, errors } = await hub.app.graphql(
    document,
    { ...context },
    variables as Record<string, unknown>,
  )
  if (errors) throw errors[0]!
  return data as Data
}

const createWebhook = `mutation ($input: CreateWebhookInput!) { createWebhook(input: $input) { __typename
  ... on WebhookCreated { secret webhook { id url events status createdAt } }
  ... on Problem { code path } ... on IdempotencyConflict { firstUsedAt } } }`
const updateWebhook = `mutation ($input: UpdateWebhookInput!) { updateWebhook(input: $input) { __typename
  ... on Webhook { id url events status } ... on Problem { code path } } }`
const rotateWebhookSecret = `mutation ($input: RotateWebhookSecretInput!) { rotateWebhookSecret(input: $input) { __typename
  ... on WebhookSecretRotated { secret previousUntil webhook { id } } ... on Problem { code path } } }`
const deleteWebhook = `mutation ($input: DeleteWebhookInput!) { deleteWebhook(input: $input) { __typename
  ... on WebhookDeleted { id } ... on Problem { code path } } }`
const redeliverWebhook = `mutation ($input: RedeliverWebhookInput!) { redeliverWebhook(input: $input) { __typename
  ... on WebhookDelivery { id state attempts { at status latencyMs error } } ... on Problem { code path } } }`
const webhookDeliveries = `query ($webhook: ID!) { webhookDeliveries(webhook: $webhook, first: 10) {
  edges { node { id event state createdAt nextAttemptAt attempts { at status latencyMs error } } } pageInfo { hasNextPage } } }`
const entities = `query ($r: [_Any!]!) { _entities(representations: $r) {
  ... on Webhook { url } ... on WebhookDelivery { event } } }`

describe('a webhook in the graph', () => {
  test('is created, called, listed, redelivered, rotated, changed and deleted', async () => {
    const receiver = await aReceiver()
    const input = { idempotencyKey: 'k1', url: receiver.url, events: ['SENT'] }
    const { createWebhook: created } = await request(createWebhook, { input })
    const { id } = created.webhook
    expect(created).toMatchObject({
      __typename: 'WebhookCreated',
      secret: expect.stringMatching(/^whsec_/),
      webhook: { url: receiver.url, events: ['SENT'], status: 'ACTIVE', createdAt: expect.any(String) },
    })
    expect((await request(createWebhook, { input })).createWebhook).toEqual(created)

    const payment = { idempotencyKey: 'p1', reference: 'p1', merchant: 'acquirer-cn-01.M1' }
    const amount = { amount: '9.90', currency: 'CNY' }
    await request('mutation ($input: SubmitPaymentInput!) { submitPayment(input: $input) { __typename } }', {
      input: { ...payment, amount },
    })
    await receiver.until(1)
    const { headers, body } = receiver.received[0]!
    expect(new Webhook(created.secret).verify(body, headers)).toMatchObject({ type: 'payment.sent' })

    const redelivered = (await request(redeliverWebhook, { input: { delivery: headers['webhook-id'] } }))
      .redeliverWebhook
    expect(redelivered).toMatchObject({
      __typename: 'WebhookDelivery',
      id: headers['webhook-id'],
      state: 'PENDING',
    })
    await receiver.until(2)
    const listed = (await request(webhookDeliveries, { webhook: id })).webhookDeliveries
    expect(listed).toMatchObject({
      edges: [{ node: { id: headers['webhook-id'], event: 'SENT', attempts: expect.any(Array) } }],
      pageInfo: { hasNextPage: false },
    })

    const rotated = (await request(rotateWebhookSecret, { input: { idempotencyKey: 'r1', webhook: id } }))
      .rotateWebhookSecret
    expect(rotated).toMatchObject({ secret: expect.stringMatching(/^whsec_/), webhook: { id } })
    const overlapMs = Date.parse(rotated.previousUntil) - Date.now()
    expect(overlapMs).toBeGreaterThan(86_000_000)
    expect(overlapMs).toBeLessThanOrEqual(86_400_000)

    const changes = { webhook: id, events: ['*'], status: 'DISABLED' }
    expect((await request(updateWebhook, { input: changes })).updateWebhook).toMatchObject({
      __typename: 'Webhook',
      events: ['*'],
      status: 'DISABLED',
    })
    const query = 'query ($id: ID!) { webhooks { id status } webhook(id: $id) { id } }'
    expect(await request(query, { id })).toEqual({ webhooks: [{ id, status: 'DISABLED' }], webhook: { id } })
    expect((await request(deleteWebhook, { input: { webhook: id } })).deleteWebhook).toEqual({
      __typename: 'WebhookDeleted',
      id,
    })
    expect(await request(query, { id })).toEqual({ webhooks: [], webhook: null })
  })

  test('is refused in its result, with the field at fault', async () => {
    const input = { idempotencyKey: 'k2', url: 'https://169.254.169.254/', events: ['*'] }
    expect((await request(createWebhook, { input })).createWebhook).toEqual({
      __typename: 'Refused',
      code: 'ADDRESS_NOT_ALLOWED',
      path: ['input', 'url'],
    })
    const other = { ...input, url: 'https://example.com/' }
    await request(createWebhook, { input: other })
    expect(
      (await request(createWebhook, { input: { ...other, events: ['SENT'] } })).createWebhook,
    ).toMatchObject({
      __typename: 'IdempotencyConflict',
      firstUsedAt: expect.any(String),
    })
    for (const [name, document, missing] of [
      ['updateWebhook', updateWebhook, { webhook: 'none' }],
      ['rotateWebhookSecret', rotateWebhookSecret, { idempotencyKey: 'k', webhook: 'none' }],
      ['deleteWebhook', deleteWebhook, { webhook: 'none' }],
      ['redeliverWebhook', redeliverWebhook, { delivery: 'none' }],
    ] as const) {
      expect((await request(document, { input: missing }))[name]).toMatchObject({
        __typename: 'Refused',
        code: 'NOT_FOUND',
      })
    }
  })

  test('is an entity for its owner, and null for other participants', async () => {
    const input = { idempotencyKey: 'k3', url: 'https://example.com/', events: ['REFUNDED'] }
    const { createWebhook: created } = await request(createWebhook, { input })
    const r = [
      { __typename: 'Webhook', id: created.webhook.id },
      { __typename: 'WebhookDelivery', id: `1_${created.webhook.id}` },
    ]
    expect((await request(entities, { r }))._entities).toEqual([{ url: 'https://example.com/' }, null])
    expect((await request(entities, { r }, as('operator')))._entities).toEqual([null, null])
  })
})
