import fc from 'fast-check'
import type { Db } from 'mongodb'
import { Webhook } from 'standardwebhooks'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import {
  newDelivery,
  retryAfterMs,
  type Delivery,
} from '../../../../subgraphs/transaction/webhooks/delivery.ts'
import { earliestByEndpoint } from '../../../../subgraphs/transaction/webhooks/delivery-store.ts'
import { endpointsFor } from '../../../../subgraphs/transaction/webhooks/delivery-projection.ts'
import type { WebhookEndpoint } from '../../../../subgraphs/transaction/webhooks/endpoint.ts'
import { freshDatabase } from '../../../harness/mongo.ts'
import { aClock, aParticipant, aRegistry, as } from '../../../fixtures/a-programme.ts'
import { aReceiver, hangs, type Received } from '../../../fixtures/receiver.ts'
import { aProcess, cursors, must } from '../../../fixtures/webhook-world.ts'

const { mongo, name } = await freshDatabase()
let db: Db
const made: Db[] = []
beforeEach(() => {
  db = mongo.db(`${name}_${made.length}`)
  made.push(db)
})
// When every process that used them has ended.
afterAll(async () => {
  for (const one of made) await one.dropDatabase()
})

const wallet = 'wallet-sg-01'
const acquirer = 'acquirer-cn-01'
const typesOf = (received: readonly Received[]) =>
  received.map(({ body }) => (JSON.parse(body) as { type: string }).type).toSorted()
const collection = () => db.collection<Delivery>('webhookDeliveries')

/** Puts down deliveries of one event, as many as wanted: to measure what waits for what, not the log. */
async function putDown(webhook: string, payment: string, count: number, at: Date) {
  const entry = { transaction: payment, sequence: 1, kind: 'SUBMITTED' } as const
  await collection().insertMany(
    Array.from({ length: count }, (_, n) =>
      newDelivery(webhook, { ...entry, _id: BigInt(1000 + n) } as never, at),
    ),
  )
}

describe('an event', () => {
  test('is sent to those who asked for it, signed, with the payment that it is about', async () => {
    const hub = await aProcess(db)
    const receiver = await aReceiver()
    const { id, secret } = await hub.subscribe(wallet, receiver.url, ['APPROVED'])
    const payment = await hub.pay()
    await hub.approve(payment)
    await hub.written(3)
    await hub.deliveryWorker.runDue()

    expect(receiver.received).toHaveLength(1)
    const [request] = receiver.received
    const { headers, body } = request!
    expect(new Webhook(secret).verify(body, headers)).toEqual({
      type: 'payment.approved',
      timestamp: hub.clock.now().toISOString(),
      data: {
        cursor: cursors.encode(3n),
        sequence: 3,
        from: 'ROUTED',
        to: 'COMPLETED',
        reason: null,
        payment: {
          id: payment,
          createdAt: hub.clock.now().toISOString(),
          reference: expect.stringMatching(/^number/),
          rrn: expect.stringMatching(/^\d{12}$/),
          entryMode: 'IN_APP',
          wallet,
          acquirer,
          merchant: 'acquirer-cn-01.M1',
          corridor: 'SG-CN',
          merchantAmount: { amount: '88.50', currency: 'CNY' },
          payerAmount: { amount: expect.stringMatching(/^\d+\.\d\d$/), currency: 'SGD' },
        },
      },
    })
    expect(await hub.deliveries(wallet, id)).toMatchObject([
      {
        _id: headers['webhook-id'],
        kind: 'APPROVED',
        state: 'DELIVERED',
        attempts: [{ status: 200, error: null }],
      },
    ])
  })

  test('of a refund says so, and carries both', async () => {
    const hub = await aProcess(db)
    const receiver = await aReceiver()
    const { secret } = await hub.subscribe(acquirer, receiver.url, ['REFUNDED'])
    const payment = await hub.pay()
    await hub.approve(payment)
    const refund = await hub.refund(payment, '10')
    await hub.written(5)
    await hub.deliveryWorker.runDue()
    expect(typesOf(receiver.received)).toEqual(['payment.refunded', 'refund.refunded'])
    const { headers, body } = receiver.received.find((one) => one.body.includes('refund.refunded'))!
    expect(new Webhook(secret).verify(body, headers)).toMatchObject({
      type: 'refund.refunded',
      data: {
        sequence: 1,
        payment: { id: payment },
        refund: {
          id: refund,
          merchantAmount: { amount: '10.00', currency: 'CNY' },
          payerAmount: { amount: expect.any(String), currency: 'SGD' },
        },
      },
    })
  })

  test('goes to each party by its role, and to nobody else', async () => {
    const hub = await aProcess(db)
    const parties = [wallet, acquirer, 'network-unionpay', 'operator']
    const others = ['wallet-sg-02', 'wallet-th-01', 'acquirer-cn-02', 'acquirer-th-01', 'nobody']
    const receivers = await Promise.all([...parties, ...others].map(() => aReceiver()))
    for (const [n, owner] of [...parties, ...others].entries()) await hub.subscribe(owner, receivers[n]!.url)
    await hub.pay()
    await hub.written(2)
    await hub.deliveryWorker.runDue()
    const got = receivers.map(({ received }) => typesOf(received))
    const both = ['payment.sent', 'payment.submitted']
    expect(got).toEqual([...parties.map(() => both), ...others.map(() => [])])
  })

  test('that came before the webhook is not sent', async () => {
    const hub = await aProcess(db)
    const receiver = await aReceiver()
    const payment = await hub.pay()
    await hub.written(0)
    await hub.pay()
    await hub.written(4)
    await hub.subscribe(wallet, receiver.url)
    await hub.approve(payment)
    await hub.written(5)
    await hub.deliveryWorker.runDue()
    expect(typesOf(receiver.received)).toEqual(['payment.approved'])
  })

  test('that its owner may no longer see by the time it is sent, is not', async () => {
    const hub = await aProcess(db)
    const receiver = await aReceiver()
    const { id } = await hub.subscribe(wallet, receiver.url, ['SENT'])
    await hub.pay()
    await hub.written(2)
    hub.registry.participants.set(wallet, aParticipant(wallet, 'WALLET', 'SG', 'SGD', { status: 'CLOSED' }))
    await hub.deliveryWorker.runDue()
    expect(receiver.received).toEqual([])
    expect(await hub.deliveries(wallet, id)).toMatchObject([
      {
        state: 'DEAD',
        attempts: [{ status: null, error: 'the owner of the webhook may not see this event' }],
      },
    ])
  })

  test('goes out by itself, as soon as it is in the log', async () => {
    const hub = await aProcess(db, { sends: true })
    const receiver = await aReceiver()
    await hub.subscribe(wallet, receiver.url)
    await hub.pay()
    await receiver.until(2)
    expect(typesOf(receiver.received)).toEqual(['payment.sent', 'payment.submitted'])
  })
})

describe('nothing that the owner may not see is ever put down', () => {
  test('whoever the parties are', () => {
    const registry = aRegistry()
    const owners = [...registry.participants.keys(), 'nobody']
    const endpoints = owners.map((owner): WebhookEndpoint => ({
      _id: owner,
      owner,
      url: 'https://example.com/',
      events: ['*'],
      status: 'ACTIVE',
      createdAt: new Date(),
      since: 0n,
      secrets: [],
    }))
    const party = fc.constantFrom(...owners)
    const corridor = fc.constantFrom(...registry.corridors.keys(), 'FR-DE')
    fc.assert(
      fc.property(party, party, corridor, (payer, payee, lane) => {
        const payment = { wallet: payer, acquirer: payee, corridor: lane }
        const sent = endpointsFor({ _id: 1n, kind: 'SENT', payment: payment as never }, endpoints, registry)
        // Said anew, in other words than the hub's own.
        const allowed = owners.filter((owner) => {
          const roles = registry.participants.get(owner)?.roles ?? []
          const isChinese = lane.startsWith('CN-') || lane.endsWith('-CN')
          const isMember = ['SG', 'TH'].some((country) => lane.split('-').includes(country))
          return (
            roles.includes('OPERATOR') ||
            (roles.includes('WALLET') && owner === payer) ||
            (roles.includes('ACQUIRER') && owner === payee) ||
            (roles.includes('NETWORK') && registry.corridors.has(lane) && (isChinese || isMember))
          )
        })
        expect(sent.map(({ owner }) => owner).toSorted()).toEqual(allowed.toSorted())
      }),
      { numRuns: 500 },
    )
  })
})

describe('a receiver that does not take it', () => {
  test('is tried by the schedule, with the same body under the same id, and then no more', async () => {
    const hub = await aProcess(db)
    const receiver = await aReceiver(500)
    const { id, secret } = await hub.subscribe(wallet, receiver.url, ['SENT'])
    await hub.pay()
    await hub.written(2)
    const start = hub.clock.now().getTime()
    await hub.deliveryWorker.runDue()
    for (const [n, waitMs] of [
      5_000, 60_000, 300_000, 1_800_000, 7_200_000, 21_600_000, 86_400_000,
    ].entries()) {
      expect(await hub.deliveries(wallet, id)).toMatchObject([
        { state: 'PENDING', nextAttemptAt: new Date(hub.clock.now().getTime() + waitMs) },
      ])
      hub.clock.move(waitMs - 1)
      await hub.deliveryWorker.runDue()
      expect(receiver.received).toHaveLength(n + 1)
      hub.clock.move(1)
      await hub.deliveryWorker.runDue()
      expect(receiver.received).toHaveLength(n + 2)
    }
    const [dead] = await hub.deliveries(wallet, id)
    expect(dead!.state).toBe('DEAD')
    expect(dead).not.toHaveProperty('nextAttemptAt')
    expect(dead!.attempts).toHaveLength(8)
    expect(
      dead!.attempts.every(({ status, error }) => status === 500 && error === 'answered 500, not a 2xx'),
    ).toBe(true)
    const waits = dead!.attempts.map(({ at }) => at.getTime() - start)
    expect(waits).toEqual([
      0,
      ...retryAfterMs.map((_, n) => retryAfterMs.slice(0, n + 1).reduce((a, b) => a + b)),
    ])

    hub.clock.move(30 * 86_400_000)
    await hub.deliveryWorker.runDue()
    expect(receiver.received).toHaveLength(8)
    expect(new Set(receiver.received.map(({ body }) => body)).size).toBe(1)
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1)
    for (const { headers, body } of receiver.received) {
      const at = new Date(Number(headers['webhook-timestamp']) * 1000)
      expect(headers['webhook-signature']).toBe(new Webhook(secret).sign(headers['webhook-id'], at, body))
    }
  })

  test.each([
    { what: 'a redirect', answer: 302, error: 'answered 302: redirects are not followed' },
    { what: 'a refusal', answer: 404, error: 'answered 404, not a 2xx' },
    { what: 'no answer', answer: 'NONE', error: /./ },
  ])('says what went wrong: $what', async ({ answer, error }) => {
    const hub = await aProcess(db)
    const receiver = await aReceiver(typeof answer === 'number' ? answer : (response) => response.destroy())
    const { id } = await hub.subscribe(wallet, receiver.url, ['SENT'])
    await hub.pay()
    await hub.written(2)
    await hub.deliveryWorker.runDue()
    const [delivery] = await hub.deliveries(wallet, id)
    expect(delivery!.attempts[0]!.error).toEqual(
      typeof error === 'string' ? error : expect.stringMatching(error),
    )
    expect(delivery!.state).toBe('PENDING')
  })

  test('is taken the second time, when it is back', async () => {
    const hub = await aProcess(db)
    const receiver = await aReceiver(503)
    const { id } = await hub.subscribe(wallet, receiver.url, ['SENT'])
    await hub.pay()
    await hub.written(2)
    await hub.deliveryWorker.runDue()
    receiver.answer = 204
    hub.clock.move(5_000)
    await hub.deliveryWorker.runDue()
    const [delivery] = await hub.deliveries(wallet, id)
    expect(delivery).toMatchObject({
      state: 'DELIVERED',
      attempts: [{ status: 503 }, { status: 204, error: null }],
    })
  })

  test('is switched off when it says 410, and nothing waits for it any more', async () => {
    const hub = await aProcess(db)
    const receiver = await aReceiver(410)
    const { id } = await hub.subscribe(wallet, receiver.url)
    const payment = await hub.pay()
    await hub.written(2)
    await hub.deliveryWorker.runDue()
    expect(await hub.webhookService.webhook(as(wallet), id)).toMatchObject({ status: 'DISABLED' })
    const deliveries = await hub.deliveries(wallet, id)
    expect(deliveries.map(({ state }) => state)).toEqual(['DEAD', 'DEAD'])
    expect(receiver.received).toHaveLength(1)

    await hub.approve(payment)
    await hub.written(3)
    expect(await hub.deliveries(wallet, id)).toHaveLength(2)
    expect(await hub.webhookService.redeliver(as(wallet), { delivery: deliveries[0]!._id })).toMatchObject({
      code: 'STATUS_NOT_ALLOWED',
      path: ['input', 'delivery'],
    })
    receiver.answer = 200
    must(await hub.webhookService.update(as(wallet), { webhook: id, status: 'ACTIVE' }))
    must(await hub.webhookService.redeliver(as(wallet), { delivery: deliveries[0]!._id }))
    await hub.deliveryWorker.runDue()
    expect(await hub.deliveries(wallet, id)).toMatchObject([{ state: 'DELIVERED' }, { state: 'DEAD' }])
  })
})

describe('redelivery', () => {
  async function aDelivery(answer = 200) {
    const hub = await aProcess(db)
    const receiver = await aReceiver(answer)
    const { id } = await hub.subscribe(wallet, receiver.url, ['SENT'])
    await hub.pay()
    await hub.written(2)
    await hub.deliveryWorker.runDue()
    const look = async () => (await hub.deliveries(wallet, id))[0]!
    return { hub, receiver, look, delivery: (await look())._id }
  }

  test('sends what was delivered once more, with the same id and body', async () => {
    const { hub, receiver, look, delivery } = await aDelivery()
    expect(await hub.webhookService.redeliver(as(wallet), { delivery })).toMatchObject({
      _id: delivery,
      state: 'PENDING',
    })
    await hub.deliveryWorker.runDue()
    expect(receiver.received[1]).toMatchObject({
      body: receiver.received[0]!.body,
      headers: { 'webhook-id': delivery },
    })
    expect(await look()).toMatchObject({ state: 'DELIVERED', attempts: [{ status: 200 }, { status: 200 }] })
  })

  test('that fails leaves what was delivered before as delivered', async () => {
    const { hub, receiver, look, delivery } = await aDelivery()
    receiver.answer = 500
    must(await hub.webhookService.redeliver(as(wallet), { delivery }))
    await hub.deliveryWorker.runDue()
    expect(await look()).toMatchObject({ state: 'DELIVERED', attempts: [{ status: 200 }, { status: 500 }] })
  })

  test('gives a dead one a single attempt more', async () => {
    const { hub, receiver, look, delivery } = await aDelivery(500)
    for (const waitMs of retryAfterMs) {
      hub.clock.move(waitMs)
      await hub.deliveryWorker.runDue()
    }
    expect(await look()).toMatchObject({ state: 'DEAD' })
    must(await hub.webhookService.redeliver(as(wallet), { delivery }))
    await hub.deliveryWorker.runDue()
    expect(await look()).toMatchObject({ state: 'DEAD' })
    expect(receiver.received).toHaveLength(9)
    receiver.answer = 200
    must(await hub.webhookService.redeliver(as(wallet), { delivery }))
    await hub.deliveryWorker.runDue()
    expect(await look()).toMatchObject({ state: 'DELIVERED' })
  })

  test('of one that is pending takes nothing from its schedule', async () => {
    const { hub, look, delivery } = await aDelivery(500)
    must(await hub.webhookService.redeliver(as(wallet), { delivery }))
    await hub.deliveryWorker.runDue()
    expect(await look()).toMatchObject({
      state: 'PENDING',
      nextAttemptAt: new Date(hub.clock.now().getTime() + 60_000),
    })
  })

  test('of one that is just being sent sends it twice, and both attempts are kept', async () => {
    const { hub, receiver, look, delivery } = await aDelivery()
    const answers: (() => void)[] = []
    receiver.answer = (response) => answers.push(() => response.end())
    must(await hub.webhookService.redeliver(as(wallet), { delivery }))
    const first = hub.deliveryWorker.runDue()
    await receiver.until(2)
    must(await hub.webhookService.redeliver(as(wallet), { delivery }))
    receiver.answer = 500
    // The lane has widened: another runner takes it.
    const second = hub.deliveryWorker.runDue()
    await receiver.until(3)
    answers[0]!()
    await Promise.all([first, second])
    const { state, attempts } = await look()
    expect(state).toBe('DELIVERED')
    expect(attempts.map(({ status }) => status).toSorted((a, b) => a! - b!)).toEqual([200, 200, 500])
  })

  test('goes out at once by itself', async () => {
    const { hub, receiver, delivery } = await aDelivery()
    hub.deliveryWorker.start()
    must(await hub.webhookService.redeliver(as(wallet), { delivery }))
    await receiver.until(2)
    expect(receiver.received).toHaveLength(2)
  })
})

describe('secrets', () => {
  test('of before and after a rotation are each enough to check a message, until the overlap is over', async () => {
    const hub = await aProcess(db)
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

  test('rotate once per key, and never twice at once', async () => {
    const hub = await aProcess(db)
    const { id } = await hub.subscribe(wallet, 'https://example.com/')
    const input = { idempotencyKey: 'rotate', webhook: id }
    const answers = await Promise.all(
      Array.from({ length: 16 }, () => hub.webhookService.rotate(as(wallet), input)),
    )
    expect(new Set(answers.map((answer) => must(answer).secret)).size).toBe(1)
    expect((await hub.webhookService.webhook(as(wallet), id))!.secrets).toHaveLength(2)
    const parallel = await Promise.all(
      ['a', 'b'].map((idempotencyKey) => hub.webhookService.rotate(as(wallet), { ...input, idempotencyKey })),
    )
    expect(new Set(parallel.map((answer) => must(answer).secret)).size).toBe(2)
    expect((await hub.webhookService.webhook(as(wallet), id))!.secrets).toHaveLength(4)
    expect(await hub.webhookService.rotate(as(wallet), { ...input, idempotencyKey: 'c' })).toMatchObject({
      code: 'TOO_MANY',
    })
    expect(await hub.webhookService.rotate(as(wallet), { ...input, overlapHours: 1 })).toMatchObject({
      __typename: 'IdempotencyConflict',
    })
  })
})

describe('one key makes one webhook', () => {
  const input = { idempotencyKey: 'mine', url: 'https://example.com/hooks', events: ['SENT'] }

  test('also under 64 calls at once over two processes, and each gets its secret', async () => {
    const [one, other] = [await aProcess(db), await aProcess(db)]
    const answers = await Promise.all(
      Array.from({ length: 64 }, (_, n) => (n % 2 ? one : other).webhookService.create(as(wallet), input)),
    )
    const given = answers.map((answer) => must(answer))
    expect(new Set(given.map(({ webhook }) => webhook._id)).size).toBe(1)
    expect(new Set(given.map(({ secret }) => secret)).size).toBe(1)
    expect(await one.webhookService.list(as(wallet))).toHaveLength(1)
  })

  test.each(['', 'k'.repeat(65), 'k\n'])('is refused when the key is none: %j', async (idempotencyKey) => {
    const hub = await aProcess(db)
    const refused = { code: 'BAD_VALUE', path: ['input', 'idempotencyKey'] }
    expect(await hub.webhookService.create(as(wallet), { ...input, idempotencyKey })).toMatchObject(refused)
    expect(await hub.webhookService.rotate(as(wallet), { webhook: 'w', idempotencyKey })).toMatchObject(
      refused,
    )
  })

  test('keeps no secret with the key', async () => {
    const hub = await aProcess(db)
    must(await hub.webhookService.create(as(wallet), input))
    expect(JSON.stringify(await db.collection('keys').find().toArray())).not.toContain('whsec_')
  })

  test('is refused with another input, and is another’s own for another participant', async () => {
    const hub = await aProcess(db)
    const first = must(await hub.webhookService.create(as(wallet), input))
    expect(await hub.webhookService.create(as(wallet), { ...input, events: ['*'] })).toMatchObject({
      __typename: 'IdempotencyConflict',
      path: ['input', 'idempotencyKey'],
    })
    const second = must(await hub.webhookService.create(as(acquirer), input))
    expect(second.webhook._id).not.toBe(first.webhook._id)
    expect(second.secret).not.toBe(first.secret)
  })

  test('does not give a secret that has ended', async () => {
    const hub = await aProcess(db)
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

  test('does not bring back what was deleted', async () => {
    const hub = await aProcess(db)
    const { webhook } = must(await hub.webhookService.create(as(wallet), input))
    must(await hub.webhookService.remove(as(wallet), { webhook: webhook._id }))
    expect(await hub.webhookService.create(as(wallet), input)).toMatchObject({
      code: 'NOT_FOUND',
      path: ['input', 'idempotencyKey'],
    })
    expect(await hub.webhookService.list(as(wallet))).toEqual([])
  })

  test('a participant has twenty at most, whoever counts at once', async () => {
    const hub = await aProcess(db)
    const create = (n: number) => hub.webhookService.create(as(wallet), { ...input, idempotencyKey: `k${n}` })
    const answers = await Promise.all(Array.from({ length: 30 }, (_, n) => create(n)))
    expect(answers.filter((answer) => 'code' in answer && answer.code === 'TOO_MANY')).toHaveLength(10)
    const own = await hub.webhookService.list(as(wallet))
    expect(own).toHaveLength(20)
    // A key that was used is answered as before, also when there is no room for another.
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

describe('somebody else’s webhook', () => {
  test('is not found, whatever is asked of it', async () => {
    const hub = await aProcess(db)
    const receiver = await aReceiver()
    const { id } = await hub.subscribe(wallet, receiver.url)
    await hub.pay()
    await hub.written(2)
    const [delivery] = await hub.deliveries(wallet, id)
    for (const stranger of [as(acquirer), as('operator')]) {
      expect(await hub.webhookService.webhook(stranger, id)).toBeNull()
      expect(await hub.webhookService.delivery(stranger, delivery!._id)).toBeNull()
      expect(await hub.webhookService.list(stranger)).toEqual([])
      await expect(hub.webhookService.deliveries(stranger, { webhook: id, first: 5 })).rejects.toMatchObject({
        extensions: { code: 'NOT_FOUND', path: ['webhook'] },
      })
      const refused = { code: 'NOT_FOUND', path: ['input', 'webhook'] }
      expect(await hub.webhookService.update(stranger, { webhook: id, status: 'DISABLED' })).toMatchObject(
        refused,
      )
      expect(await hub.webhookService.rotate(stranger, { idempotencyKey: 'k', webhook: id })).toMatchObject(
        refused,
      )
      expect(await hub.webhookService.remove(stranger, { webhook: id })).toMatchObject(refused)
      expect(await hub.webhookService.redeliver(stranger, { delivery: delivery!._id })).toMatchObject({
        code: 'NOT_FOUND',
        path: ['input', 'delivery'],
      })
    }
    expect(await hub.webhookService.webhook(as(wallet), id)).toMatchObject({ status: 'ACTIVE' })
  })

  test('takes the scope to read payments', async () => {
    const hub = await aProcess(db)
    const blind = as(wallet, ['payments:write'])
    const forbidden = { code: 'FORBIDDEN' }
    const input = { idempotencyKey: 'k', url: 'https://example.com/', events: ['*'] }
    expect(await hub.webhookService.create(blind, input)).toMatchObject(forbidden)
    expect(await hub.webhookService.update(blind, { webhook: 'w' })).toMatchObject(forbidden)
    expect(await hub.webhookService.rotate(blind, { idempotencyKey: 'k', webhook: 'w' })).toMatchObject(
      forbidden,
    )
    expect(await hub.webhookService.remove(blind, { webhook: 'w' })).toMatchObject(forbidden)
    expect(await hub.webhookService.redeliver(blind, { delivery: 'd' })).toMatchObject(forbidden)
    await expect(hub.webhookService.list(blind)).rejects.toMatchObject({ extensions: forbidden })
    await expect(hub.webhookService.webhook(blind, 'w')).rejects.toMatchObject({ extensions: forbidden })
    await expect(hub.webhookService.delivery(blind, 'd')).rejects.toMatchObject({ extensions: forbidden })
    await expect(hub.webhookService.deliveries(blind, { webhook: 'w', first: 1 })).rejects.toMatchObject({
      extensions: forbidden,
    })
  })
})

describe('changing a webhook', () => {
  test('switches it off and on: what happens meanwhile is not kept for it', async () => {
    const hub = await aProcess(db)
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

  test('deletes it, with what was on its way', async () => {
    const hub = await aProcess(db)
    const receiver = await aReceiver()
    const { id } = await hub.subscribe(wallet, receiver.url)
    await hub.pay()
    await hub.written(2)
    expect(await hub.webhookService.remove(as(wallet), { webhook: id })).toEqual({ id })
    await hub.pay()
    await hub.written(4)
    await hub.deliveryWorker.runDue()
    expect(receiver.received).toEqual([])
    expect(await collection().countDocuments()).toBe(0)
    expect(await db.collection('webhooks').countDocuments()).toBe(0)
  })
})

describe('pages of deliveries', () => {
  test('go on where the last one ended, newest first', async () => {
    const hub = await aProcess(db)
    const { id } = await hub.subscribe(wallet, 'https://example.com/')
    for (let n = 0; n < 3; n++) await hub.pay()
    await hub.written(6)
    const seen: bigint[] = []
    let after: string | null = null
    for (;;) {
      const page = await hub.webhookService.deliveries(as(wallet), { webhook: id, first: 4, after })
      seen.push(...page.edges.map(({ node }) => node.position))
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

describe('couriers', () => {
  test('of two processes send each delivery once between them', async () => {
    const clock = aClock(new Date())
    const [one, other] = [await aProcess(db, { clock }), await aProcess(db, { clock })]
    const receiver = await aReceiver()
    const { id } = await one.subscribe(wallet, receiver.url, ['APPROVED'])
    const payment = await one.pay()
    await one.written(2)
    await putDown(id, payment, 120, clock.now())
    await Promise.all([one.deliveryWorker.runDue(), other.deliveryWorker.runDue()])
    const ids = receiver.received.map(({ headers }) => headers['webhook-id'])
    expect(ids).toHaveLength(120)
    expect(new Set(ids).size).toBe(120)
    expect(await collection().countDocuments({ state: 'DELIVERED' })).toBe(120)
  })

  test('do not let a dead endpoint with hundreds due hold up one that lives', async () => {
    const hub = await aProcess(db)
    const dead = await aReceiver(hangs)
    const live = await aReceiver()
    const hooks = {
      dead: await hub.subscribe(wallet, dead.url),
      live: await hub.subscribe(acquirer, live.url),
    }
    const payment = await hub.pay()
    await hub.written(2)
    const earlier = new Date(hub.clock.now().getTime() - 60_000)
    await putDown(hooks.dead.id, payment, 400, earlier)
    await putDown(hooks.live.id, payment, 100, hub.clock.now())
    const running = hub.deliveryWorker.runDue()
    await live.until(102)
    expect(dead.received.length).toBeLessThanOrEqual(1)
    await hub.deliveryWorker.close()
    await running
    expect(await collection().countDocuments({ endpoint: hooks.dead.id, state: 'PENDING' })).toBe(402)
  })

  test('that are stopped give back what is not answered, as if it had not been tried', async () => {
    const [stopping, other] = [await aProcess(db), await aProcess(db)]
    const receiver = await aReceiver(hangs)
    const { id } = await stopping.subscribe(wallet, receiver.url, ['SENT'])
    await stopping.pay()
    await stopping.written(2)
    const running = stopping.deliveryWorker.runDue()
    await receiver.until(1)
    await stopping.deliveryWorker.close()
    await running
    expect(await other.deliveries(wallet, id)).toMatchObject([{ state: 'PENDING', tries: 0, attempts: [] }])
    receiver.answer = 200
    other.clock.move(10_000)
    await other.deliveryWorker.runDue()
    expect(await other.deliveries(wallet, id)).toMatchObject([{ state: 'DELIVERED' }])
  })

  test('take up what a process that died had claimed', async () => {
    const hub = await aProcess(db)
    const receiver = await aReceiver()
    await hub.subscribe(wallet, receiver.url, ['SENT'])
    await hub.pay()
    await hub.written(2)
    const claimedUntil = new Date(hub.clock.now().getTime() + 30_000)
    await collection().updateMany({}, { $set: { claim: 'of one that died', nextAttemptAt: claimedUntil } })
    await hub.deliveryWorker.runDue()
    expect(receiver.received).toEqual([])
    hub.clock.move(30_000)
    await hub.deliveryWorker.runDue()
    expect(receiver.received).toHaveLength(1)
  })

  test('send eight at once to one endpoint, and no more', async () => {
    const hub = await aProcess(db)
    let flying = 0
    let most = 0
    const waiting: (() => void)[] = []
    const receiver = await aReceiver((response) => {
      most = Math.max(most, ++flying)
      const end = () => {
        flying--
        response.end()
      }
      // The first answers alone; then whoever waits is let go when all eight are there.
      if (receiver.received.length === 1) return end()
      waiting.push(end)
      if (waiting.length === 8) for (const go of waiting.splice(0)) go()
    })
    const { id } = await hub.subscribe(wallet, receiver.url, ['APPROVED'])
    const payment = await hub.pay()
    await hub.written(2)
    await putDown(id, payment, 33, hub.clock.now())
    await hub.deliveryWorker.runDue()
    expect(most).toBe(8)
    expect(receiver.received).toHaveLength(33)
  })

  test('find what is due by one index key for each endpoint, however much is due', async () => {
    const hub = await aProcess(db)
    const many = Array.from({ length: 1000 }, (_, n) =>
      newDelivery(`w${n % 5}`, { _id: BigInt(n), kind: 'SENT' } as never, hub.clock.now()),
    )
    await collection().insertMany(many)
    const plan = await collection()
      .aggregate([...earliestByEndpoint])
      .explain('executionStats')
    const text = JSON.stringify(plan, (_, value: unknown) =>
      typeof value === 'bigint' ? Number(value) : value,
    )
    expect(text).toContain('"stage":"DISTINCT_SCAN"')
    expect(Number(/"totalKeysExamined":(\d+)/.exec(text)![1])).toBeLessThan(20)
  })
})
