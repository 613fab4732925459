import { describe, expect, test } from 'vitest'
import { newDelivery } from '../../../../subgraphs/transaction/webhooks/delivery.ts'
import { queuePipeline } from '../../../../subgraphs/transaction/webhooks/delivery-store.ts'
import {
  aWebhookProcess,
  databasePerTest,
  deliveriesOf,
  storeDeliveries,
} from '../../../fixtures/a-webhook-process.ts'
import { aReceiver, hangs } from '../../../fixtures/a-webhook-receiver.ts'
import { aClock } from '../../../fixtures/a-programme.ts'
import { anId } from '../../../fixtures/an-id.ts'

const db = await databasePerTest()
const wallet = 'wallet-sg-01'
const acquirer = 'acquirer-cn-01'

describe('delivery workers', () => {
  test('of two processes send each delivery once', async () => {
    const clock = aClock(new Date())
    const [one, other] = [await aWebhookProcess(db(), { clock }), await aWebhookProcess(db(), { clock })]
    const receiver = await aReceiver()
    const { id } = await one.subscribe(wallet, receiver.url, ['APPROVED'])
    const payment = await one.pay()
    await one.written(2)
    await storeDeliveries(db(), id, payment, 120, clock.now())
    await Promise.all([one.deliveryWorker.runDue(), other.deliveryWorker.runDue()])
    const ids = receiver.received.map(({ headers }) => headers['webhook-id'])
    expect(ids).toHaveLength(120)
    expect(new Set(ids).size).toBe(120)
    expect(await deliveriesOf(db()).countDocuments({ state: 'DELIVERED' })).toBe(120)
  })

  test('release what is claimed and not sent when an endpoint begins to fail', async () => {
    const hub = await aWebhookProcess(db())
    const receiver = await aReceiver()
    receiver.answer = (response) => void response.writeHead(receiver.received.length < 6 ? 204 : 503).end()
    const { id } = await hub.subscribe(wallet, receiver.url, ['APPROVED'])
    const payment = await hub.pay()
    await hub.written(2)
    await storeDeliveries(db(), id, payment, 70, hub.clock.now())
    await hub.deliveryWorker.runDue()
    // Each delivery has had one attempt at the present time, so none waited for a claim to expire.
    expect(receiver.received).toHaveLength(70)
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(70)
  })

  test('do not let a failing endpoint with hundreds of due deliveries delay another endpoint', async () => {
    const hub = await aWebhookProcess(db())
    const dead = await aReceiver(hangs)
    const live = await aReceiver()
    const hooks = {
      dead: await hub.subscribe(wallet, dead.url),
      live: await hub.subscribe(acquirer, live.url),
    }
    const payment = await hub.pay()
    await hub.written(2)
    const earlier = new Date(hub.clock.now().getTime() - 60_000)
    await storeDeliveries(db(), hooks.dead.id, payment, 400, earlier)
    await storeDeliveries(db(), hooks.live.id, payment, 100, hub.clock.now())
    const running = hub.deliveryWorker.runDue()
    await live.until(102)
    expect(dead.received.length).toBeLessThanOrEqual(1)
    await hub.deliveryWorker.close()
    await running
    expect(await deliveriesOf(db()).countDocuments({ endpoint: hooks.dead.id, state: 'PENDING' })).toBe(402)
  })

  test('release unanswered deliveries without an attempt when they are closed', async () => {
    const [stopping, other] = [await aWebhookProcess(db()), await aWebhookProcess(db())]
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

  test('send what a process had claimed before it died, once the claim expires', async () => {
    const hub = await aWebhookProcess(db())
    const receiver = await aReceiver()
    await hub.subscribe(wallet, receiver.url, ['SENT'])
    await hub.pay()
    await hub.written(2)
    const claimedUntil = new Date(hub.clock.now().getTime() + 30_000)
    await deliveriesOf(db()).updateMany(
      {},
      { $set: { claim: 'of a dead process', nextAttemptAt: claimedUntil } },
    )
    await hub.deliveryWorker.runDue()
    expect(receiver.received).toEqual([])
    hub.clock.move(30_000)
    await hub.deliveryWorker.runDue()
    expect(receiver.received).toHaveLength(1)
  })

  test('send a delivery whose body MongoDB could not give once its claim expires, and count no attempt', async () => {
    let isAway = true
    const hub = await aWebhookProcess(db(), { isAway: () => isAway })
    const receiver = await aReceiver()
    const { id } = await hub.subscribe(wallet, receiver.url, ['SENT'])
    await hub.pay()
    await hub.written(2)
    await hub.deliveryWorker.runDue()
    expect(receiver.received).toEqual([])
    expect(await hub.deliveries(wallet, id)).toMatchObject([{ state: 'PENDING', tries: 0, attempts: [] }])
    isAway = false
    hub.clock.move(30_000)
    await hub.deliveryWorker.runDue()
    expect(await hub.deliveries(wallet, id)).toMatchObject([{ state: 'DELIVERED', tries: 1 }])
  })

  test('send 32 requests at once to an endpoint that accepts events, and no more', async () => {
    const hub = await aWebhookProcess(db())
    const open: (() => unknown)[] = []
    let most = 0
    const receiver = await aReceiver((response) => {
      // The first request is answered alone. Later ones are answered once 32 of them are open, and late
      // enough that another one would arrive before.
      if (receiver.received.length === 1) return void response.end()
      most = Math.max(
        most,
        open.push(() => response.end()),
      )
      if (open.length === 32) setTimeout(() => open.splice(0).forEach((respond) => respond()), 50)
    })
    const { id } = await hub.subscribe(wallet, receiver.url, ['APPROVED'])
    const payment = await hub.pay()
    await hub.written(2)
    await storeDeliveries(db(), id, payment, 65, hub.clock.now())
    await hub.deliveryWorker.runDue()
    expect(most).toBe(32)
    expect(receiver.received).toHaveLength(65)
  })

  test('find due deliveries by one index key per endpoint, for any number of them', async () => {
    const hub = await aWebhookProcess(db())
    const many = Array.from({ length: 1000 }, (_, n) =>
      newDelivery(anId(`w${n % 5}`), { _id: BigInt(n), sequence: n, kind: 'SENT' } as never, hub.clock.now()),
    )
    await deliveriesOf(db()).insertMany(many)
    const plan = await deliveriesOf(db())
      .aggregate([...queuePipeline])
      .explain('executionStats')
    const text = JSON.stringify(plan, (_, value: unknown) =>
      typeof value === 'bigint' ? Number(value) : value,
    )
    expect(text).toContain('"stage":"DISTINCT_SCAN"')
    expect(Number(/"totalKeysExamined":(\d+)/.exec(text)![1])).toBeLessThan(20)
  })
})
