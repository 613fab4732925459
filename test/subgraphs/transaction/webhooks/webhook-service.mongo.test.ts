import { Webhook } from 'standardwebhooks'
import { describe, expect, test } from 'vitest'
import { describeIdempotency } from '../../../contracts/idempotency.ts'
import {
  aWebhookProcess,
  databasePerTest,
  deliveriesOf,
  must,
  typesOf,
} from '../../../fixtures/a-webhook-process.ts'
import { aReceiver } from '../../../fixtures/a-webhook-receiver.ts'
import { aClock, as } from '../../../fixtures/a-programme.ts'
import { anId } from '../../../fixtures/an-id.ts'

const db = await databasePerTest()
const wallet = 'wallet-sg-01'
const acquirer = 'acquirer-cn-01'

const clock = aClock()
const twoProcesses = async () =>
  [await aWebhookProcess(db(), { clock }), await aWebhookProcess(db(), { clock })] as const

describeIdempotency('a webhook', {
  clock,
  open: twoProcesses,
  call: (processes, idempotencyKey, input, process) =>
    processes[process].webhookService.create(as(wallet), {
      idempotencyKey,
      url: 'https://example.com/hooks',
      events: input === 'first' ? ['SENT'] : ['*'],
    }),
  callAsAnother: ([{ webhookService }], idempotencyKey) =>
    webhookService.create(as(acquirer), {
      idempotencyKey,
      url: 'https://example.com/hooks',
      events: ['SENT'],
    }),
  async effects([{ webhookService }]) {
    const lists = await Promise.all([wallet, acquirer].map((owner) => webhookService.list(as(owner))))
    return new Set(lists.flat().flatMap(({ secrets }) => secrets.map(({ secret }) => secret))).size
  },
})

describeIdempotency('a rotation of a webhook’s secret', {
  clock,
  async open() {
    const processes = await twoProcesses()
    const { id } = await processes[0].subscribe(wallet, 'https://example.com/')
    return { processes, webhook: id }
  },
  call: ({ processes, webhook }, idempotencyKey, input, process) =>
    processes[process].webhookService.rotate(as(wallet), {
      idempotencyKey,
      webhook,
      overlapHours: input === 'first' ? 24 : 1,
    }),
  effects: async ({ processes, webhook }) =>
    (await processes[0].webhookService.webhook(as(wallet), webhook))!.secrets.length,
})

describe('creating a webhook', () => {
  const input = { idempotencyKey: 'mine', url: 'https://example.com/hooks', events: ['SENT'] }

  test('stores no secret with the key', async () => {
    const hub = await aWebhookProcess(db())
    must(await hub.webhookService.create(as(wallet), input))
    expect(JSON.stringify(await db().collection('keys').find().toArray())).not.toContain('whsec_')
  })

  test('gives no expired secret in a replay', async () => {
    const hub = await aWebhookProcess(db())
    const { webhook } = must(await hub.webhookService.create(as(wallet), input))
    must(
      await hub.webhookService.rotate(as(wallet), {
        idempotencyKey: 'r',
        webhook: webhook._id,
        overlapHours: 0,
      }),
    )
    expect(must(await hub.webhookService.create(as(wallet), input))).toMatchObject({
      secret: null,
      webhook: { _id: webhook._id },
    })
  })

  test('does not restore a deleted webhook in a replay', async () => {
    const hub = await aWebhookProcess(db())
    const { webhook } = must(await hub.webhookService.create(as(wallet), input))
    must(await hub.webhookService.remove(as(wallet), { webhook: webhook._id }))
    expect(await hub.webhookService.create(as(wallet), input)).toMatchObject({
      code: 'NOT_FOUND',
      path: ['input', 'idempotencyKey'],
    })
    expect(await hub.webhookService.list(as(wallet))).toEqual([])
  })

  test('is limited to twenty per participant, also with concurrent calls', async () => {
    const hub = await aWebhookProcess(db())
    const create = (n: number) => hub.webhookService.create(as(wallet), { ...input, idempotencyKey: `k${n}` })
    const answers = await Promise.all(Array.from({ length: 30 }, (_, n) => create(n)))
    expect(answers.filter((answer) => 'code' in answer && answer.code === 'TOO_MANY')).toHaveLength(10)
    const own = await hub.webhookService.list(as(wallet))
    expect(own).toHaveLength(20)
    // A used key gives its first result, also at the limit.
    const used = own[0]!.secrets[0]!.by.split('/')[1]!
    expect(
      must(await hub.webhookService.create(as(wallet), { ...input, idempotencyKey: used })),
    ).toMatchObject({
      webhook: { _id: own[0]!._id },
    })
    must(await hub.webhookService.remove(as(wallet), { webhook: own[0]!._id }))
    expect(await create(99)).toMatchObject({ webhook: { status: 'ACTIVE' } })
  })
})

describe('secrets', () => {
  test('from before and after a rotation each verify a message, until the overlap ends', async () => {
    const hub = await aWebhookProcess(db())
    const receiver = await aReceiver()
    const { id, secret: old } = await hub.subscribe(wallet, receiver.url, ['SENT'])
    const input = { idempotencyKey: 'rotate', webhook: id, overlapHours: 24 }
    const rotated = must(await hub.webhookService.rotate(as(wallet), input))
    expect(rotated).toMatchObject({ previousUntil: new Date(hub.clock.now().getTime() + 86_400_000) })
    await hub.pay()
    await hub.written(2)
    await hub.deliveryWorker.runDue()
    const { headers, body } = receiver.received[0]!
    for (const secret of [old, rotated.secret!]) {
      expect(new Webhook(secret).verify(body, headers)).toMatchObject({ type: 'payment.sent' })
    }

    hub.clock.move(86_400_000)
    const [delivery] = await hub.deliveries(wallet, id)
    must(await hub.webhookService.redeliver(as(wallet), { delivery: delivery!._id }))
    await hub.deliveryWorker.runDue()
    const later = receiver.received[1]!
    const at = new Date(Number(later.headers['webhook-timestamp']) * 1000)
    expect(later.headers['webhook-signature']).toBe(
      new Webhook(rotated.secret!).sign(later.headers['webhook-id'], at, later.body),
    )
  })

  test('rotate for each of two keys at once, up to four secrets', async () => {
    const hub = await aWebhookProcess(db())
    const { id } = await hub.subscribe(wallet, 'https://example.com/')
    const rotate = (idempotencyKey: string) =>
      hub.webhookService.rotate(as(wallet), { webhook: id, idempotencyKey })
    must(await rotate('first'))
    const parallel = await Promise.all(['a', 'b'].map(rotate))
    expect(new Set(parallel.map((answer) => must(answer).secret)).size).toBe(2)
    expect((await hub.webhookService.webhook(as(wallet), id))!.secrets).toHaveLength(4)
    expect(await rotate('c')).toMatchObject({ code: 'TOO_MANY' })
  })
})

describe('changing a webhook', () => {
  test('disables and enables it: events from in between are not delivered later', async () => {
    const hub = await aWebhookProcess(db())
    const receiver = await aReceiver()
    const { id } = await hub.subscribe(wallet, 'https://example.com/')
    await hub.pay()
    await hub.written(2)
    expect(
      must(await hub.webhookService.update(as(wallet), { webhook: id, status: 'DISABLED' })),
    ).toMatchObject({
      status: 'DISABLED',
    })
    expect(await hub.deliveries(wallet, id)).toMatchObject([{ state: 'DEAD' }, { state: 'DEAD' }])
    await hub.pay()
    await hub.written(4)
    const changes = { webhook: id, url: receiver.url, events: ['SENT'], status: 'ACTIVE' } as const
    expect(must(await hub.webhookService.update(as(wallet), changes))).toMatchObject({
      url: receiver.url,
      events: ['SENT'],
    })
    await hub.pay()
    await hub.written(6)
    await hub.deliveryWorker.runDue()
    expect(typesOf(receiver.received)).toEqual(['payment.sent'])
  })

  test('deletes it together with its deliveries', async () => {
    const hub = await aWebhookProcess(db())
    const receiver = await aReceiver()
    const { id } = await hub.subscribe(wallet, receiver.url)
    await hub.pay()
    await hub.written(2)
    expect(await hub.webhookService.remove(as(wallet), { webhook: id })).toEqual({ id })
    await hub.pay()
    await hub.written(4)
    await hub.deliveryWorker.runDue()
    expect(receiver.received).toEqual([])
    expect(await deliveriesOf(db()).countDocuments()).toBe(0)
    expect(await db().collection('webhooks').countDocuments()).toBe(0)
  })
})

describe('each change of a webhook', () => {
  test('leaves an audit entry with what changed and the request, and without secrets', async () => {
    const hub = await aWebhookProcess(db())
    const receiver = await aReceiver()
    const { id } = await hub.subscribe(wallet, receiver.url)
    await hub.pay()
    await hub.written(2)
    const [delivery] = await hub.deliveries(wallet, id)
    const service = hub.webhookService
    must(await service.update(as(wallet), { webhook: id, events: ['SENT'] }))
    must(await service.rotate(as(wallet), { webhook: id, idempotencyKey: 'rotation' }))
    must(await service.redeliver(as(wallet), { delivery: delivery!._id }))
    must(await service.remove(as(wallet), { webhook: id }))
    expect(await service.update(as(wallet), { webhook: id, status: 'ACTIVE' })).toMatchObject({
      code: 'NOT_FOUND',
    })
    const entries = await db()
      .collection('audit')
      .find({}, { sort: { _id: 1 } })
      .toArray()
    expect(entries.map(({ action, target, actor }) => ({ action, target, actor }))).toEqual([
      ...['createWebhook', 'updateWebhook', 'rotateWebhookSecret'].map((action) => ({
        action,
        target: `webhook:${id}`,
        actor: wallet,
      })),
      { action: 'redeliverWebhook', target: `delivery:${delivery!._id}`, actor: wallet },
      { action: 'deleteWebhook', target: `webhook:${id}`, actor: wallet },
    ])
    expect(JSON.parse(entries[1]!['after'])).toMatchObject({ events: ['SENT'] })
    expect(JSON.stringify(entries)).not.toContain('whsec_')
  })
})

describe('a webhook of another participant', () => {
  test('is not found by any operation', async () => {
    const hub = await aWebhookProcess(db())
    const receiver = await aReceiver()
    const { id } = await hub.subscribe(wallet, receiver.url)
    await hub.pay()
    await hub.written(2)
    const [delivery] = await hub.deliveries(wallet, id)
    for (const other of [as(acquirer), as('operator')]) {
      expect(await hub.webhookService.webhook(other, id)).toBeNull()
      expect(await hub.webhookService.delivery(other, delivery!._id)).toBeNull()
      expect(await hub.webhookService.list(other)).toEqual([])
      await expect(hub.webhookService.deliveries(other, { webhook: id, first: 5 })).rejects.toMatchObject({
        extensions: { code: 'NOT_FOUND', path: ['webhook'] },
      })
      const refused = { code: 'NOT_FOUND', path: ['input', 'webhook'] }
      expect(await hub.webhookService.update(other, { webhook: id, status: 'DISABLED' })).toMatchObject(
        refused,
      )
      expect(await hub.webhookService.rotate(other, { idempotencyKey: 'k', webhook: id })).toMatchObject(
        refused,
      )
      expect(await hub.webhookService.remove(other, { webhook: id })).toMatchObject(refused)
      expect(await hub.webhookService.redeliver(other, { delivery: delivery!._id })).toMatchObject({
        code: 'NOT_FOUND',
        path: ['input', 'delivery'],
      })
    }
    expect(await hub.webhookService.webhook(as(wallet), id)).toMatchObject({ status: 'ACTIVE' })
  })

  test('needs the scopes of webhooks', async () => {
    const hub = await aWebhookProcess(db())
    const blind = as(wallet, ['payments:write'])
    const forbidden = { code: 'FORBIDDEN' }
    const input = { idempotencyKey: 'k', url: 'https://example.com/', events: ['*'] }
    expect(await hub.webhookService.create(blind, input)).toMatchObject(forbidden)
    expect(await hub.webhookService.update(blind, { webhook: anId('w') })).toMatchObject(forbidden)
    expect(await hub.webhookService.rotate(blind, { idempotencyKey: 'k', webhook: anId('w') })).toMatchObject(
      forbidden,
    )
    expect(await hub.webhookService.remove(blind, { webhook: anId('w') })).toMatchObject(forbidden)
    expect(await hub.webhookService.redeliver(blind, { delivery: 'd' })).toMatchObject(forbidden)
    await expect(hub.webhookService.list(blind)).rejects.toMatchObject({ extensions: forbidden })
    await expect(hub.webhookService.webhook(blind, anId('w'))).rejects.toMatchObject({
      extensions: forbidden,
    })
    await expect(hub.webhookService.delivery(blind, 'd')).rejects.toMatchObject({ extensions: forbidden })
    await expect(
      hub.webhookService.deliveries(blind, { webhook: anId('w'), first: 1 }),
    ).rejects.toMatchObject({
      extensions: forbidden,
    })
  })
})

describe('a test event', () => {
  test('is signed, sent at once and not stored, also to a webhook that is DISABLED', async () => {
    const hub = await aWebhookProcess(db())
    const receiver = await aReceiver()
    const { id, secret } = await hub.subscribe(wallet, receiver.url)
    await hub.webhookService.update(as(wallet), { webhook: id, status: 'DISABLED' })
    const sent = must(await hub.webhookService.test(as(wallet), { webhook: id }))
    expect(sent.attempt).toMatchObject({ status: 200, error: null })
    const [{ headers, body }] = receiver.received as [(typeof receiver.received)[0]]
    expect(body).toBe(sent.body)
    expect(new Webhook(secret).verify(body, headers)).toMatchObject({ type: 'webhook.test' })
    expect(await deliveriesOf(db()).countDocuments()).toBe(0)
  })

  test('reports the answer of the receiver, and is for its owner alone', async () => {
    const hub = await aWebhookProcess(db())
    const receiver = await aReceiver(503)
    const { id } = await hub.subscribe(wallet, receiver.url)
    const sent = must(await hub.webhookService.test(as(wallet), { webhook: id }))
    expect(sent.attempt).toMatchObject({ status: 503, error: expect.stringContaining('503') })
    expect(await hub.webhookService.test(as(acquirer), { webhook: id })).toMatchObject({ code: 'NOT_FOUND' })
  })
})

describe('the deliveries of a payment', () => {
  test('are those to the webhooks of the caller, with the text that is sent', async () => {
    const hub = await aWebhookProcess(db())
    await hub.subscribe(wallet, 'https://example.com/')
    const { id } = await hub.subscribe(acquirer, 'https://example.com/')
    const payment = await hub.pay()
    await hub.pay()
    await hub.written(4)
    const sent = await hub.webhookService.deliveriesOf(as(acquirer), [payment])
    expect(sent.map(({ endpoint, kind }) => [endpoint, kind])).toEqual([
      [id, 'SUBMITTED'],
      [id, 'SENT'],
    ])
    expect(JSON.parse((await hub.webhookService.body(sent[0]!))!)).toMatchObject({
      type: 'payment.submitted',
      data: { payment: { id: payment } },
    })
  })
})

describe('pages of deliveries', () => {
  test('continue where the previous one ended, newest first', async () => {
    const hub = await aWebhookProcess(db())
    const { id } = await hub.subscribe(wallet, 'https://example.com/')
    for (let n = 0; n < 3; n++) await hub.pay()
    await hub.written(6)
    const seen: bigint[] = []
    let after: string | null = null
    for (;;) {
      const page = await hub.webhookService.deliveries(as(wallet), { webhook: id, first: 4, after })
      seen.push(...page.edges.map(({ node }) => node.position))
      expect(await page.count()).toEqual({ value: 6, kind: 'EXACT' })
      after = page.pageInfo.endCursor
      if (!page.pageInfo.hasNextPage) break
    }
    expect(seen).toEqual([6n, 5n, 4n, 3n, 2n, 1n])
    await expect(
      hub.webhookService.deliveries(as(wallet), { webhook: id, first: 101 }),
    ).rejects.toMatchObject({
      extensions: { code: 'BAD_PAGE' },
    })
  })
})
