// Attempts after the first one: by the schedule, and by redelivery.

import { Webhook } from 'standardwebhooks'
import { describe, expect, test } from 'vitest'
import { retryAfterMs } from '../../../../subgraphs/transaction/webhooks/delivery.ts'
import { aWebhookProcess, databasePerTest, must } from '../../../fixtures/a-webhook-process.ts'
import { aReceiver } from '../../../fixtures/a-webhook-receiver.ts'
import { as } from '../../../fixtures/a-programme.ts'

const db = await databasePerTest()
const wallet = 'wallet-sg-01'

describe('a receiver that does not accept an event', () => {
  test('gets attempts by the schedule, with the same body and id, and then no more', async () => {
    const hub = await aWebhookProcess(db())
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
  ])('leaves an error in the attempt: $what', async ({ answer, error }) => {
    const hub = await aWebhookProcess(db())
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

  test('gets the event at the second attempt, when it is available again', async () => {
    const hub = await aWebhookProcess(db())
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

  test('is DISABLED when it answers 410, and its pending deliveries are DEAD', async () => {
    const hub = await aWebhookProcess(db())
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
    const hub = await aWebhookProcess(db())
    const receiver = await aReceiver(answer)
    const { id } = await hub.subscribe(wallet, receiver.url, ['SENT'])
    await hub.pay()
    await hub.written(2)
    await hub.deliveryWorker.runDue()
    const read = async () => (await hub.deliveries(wallet, id))[0]!
    return { hub, receiver, read, delivery: (await read())._id }
  }

  test('sends a delivered event again, with the same id and body', async () => {
    const { hub, receiver, read, delivery } = await aDelivery()
    expect(await hub.webhookService.redeliver(as(wallet), { delivery })).toMatchObject({
      _id: delivery,
      state: 'PENDING',
    })
    await hub.deliveryWorker.runDue()
    expect(receiver.received[1]).toMatchObject({
      body: receiver.received[0]!.body,
      headers: { 'webhook-id': delivery },
    })
    expect(await read()).toMatchObject({ state: 'DELIVERED', attempts: [{ status: 200 }, { status: 200 }] })
  })

  test('that fails leaves an earlier delivery DELIVERED', async () => {
    const { hub, receiver, read, delivery } = await aDelivery()
    receiver.answer = 500
    must(await hub.webhookService.redeliver(as(wallet), { delivery }))
    await hub.deliveryWorker.runDue()
    expect(await read()).toMatchObject({ state: 'DELIVERED', attempts: [{ status: 200 }, { status: 500 }] })
  })

  test('gives a DEAD delivery one more attempt', async () => {
    const { hub, receiver, read, delivery } = await aDelivery(500)
    for (const waitMs of retryAfterMs) {
      hub.clock.move(waitMs)
      await hub.deliveryWorker.runDue()
    }
    expect(await read()).toMatchObject({ state: 'DEAD' })
    must(await hub.webhookService.redeliver(as(wallet), { delivery }))
    await hub.deliveryWorker.runDue()
    expect(await read()).toMatchObject({ state: 'DEAD' })
    expect(receiver.received).toHaveLength(9)
    receiver.answer = 200
    must(await hub.webhookService.redeliver(as(wallet), { delivery }))
    await hub.deliveryWorker.runDue()
    expect(await read()).toMatchObject({ state: 'DELIVERED' })
  })

  test('of a PENDING delivery leaves the rest of its schedule', async () => {
    const { hub, read, delivery } = await aDelivery(500)
    must(await hub.webhookService.redeliver(as(wallet), { delivery }))
    await hub.deliveryWorker.runDue()
    expect(await read()).toMatchObject({
      state: 'PENDING',
      nextAttemptAt: new Date(hub.clock.now().getTime() + 60_000),
    })
  })

  test('of a delivery that is being sent sends it twice, and stores both attempts', async () => {
    const { hub, receiver, read, delivery } = await aDelivery()
    const answers: (() => void)[] = []
    receiver.answer = (response) => answers.push(() => response.end())
    must(await hub.webhookService.redeliver(as(wallet), { delivery }))
    const first = hub.deliveryWorker.runDue()
    await receiver.until(2)
    must(await hub.webhookService.redeliver(as(wallet), { delivery }))
    receiver.answer = 500
    // The queue has widened, so another runner sends it.
    const second = hub.deliveryWorker.runDue()
    await receiver.until(3)
    answers[0]!()
    await Promise.all([first, second])
    const { state, attempts } = await read()
    expect(state).toBe('DELIVERED')
    expect(attempts.map(({ status }) => status).toSorted((a, b) => a! - b!)).toEqual([200, 200, 500])
  })

  test('is sent at once', async () => {
    const { hub, receiver, delivery } = await aDelivery()
    hub.deliveryWorker.start()
    must(await hub.webhookService.redeliver(as(wallet), { delivery }))
    await receiver.until(2)
    expect(receiver.received).toHaveLength(2)
  })
})
