// Which events are sent, to which participants, and what their bodies hold.

import { Webhook } from 'standardwebhooks'
import { describe, expect, test } from 'vitest'
import { aWebhookProcess, cursors, databasePerTest, typesOf } from '../../../fixtures/a-webhook-process.ts'
import { aReceiver } from '../../../fixtures/a-webhook-receiver.ts'
import { aParticipant } from '../../../fixtures/a-programme.ts'

const db = await databasePerTest()
const wallet = 'wallet-sg-01'
const acquirer = 'acquirer-cn-01'

describe('an event', () => {
  test('is sent to the endpoints that subscribe to its kind, signed, with its payment', async () => {
    const hub = await aWebhookProcess(db())
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

  test('of a refund has a type of its own, and carries refund and payment', async () => {
    const hub = await aWebhookProcess(db())
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

  test('is sent to each party by its role, and to no other participant', async () => {
    const hub = await aWebhookProcess(db())
    const parties = [wallet, acquirer, 'network-unionpay', 'operator']
    const otherParticipants = [
      'wallet-sg-02',
      'wallet-th-01',
      'acquirer-cn-02',
      'acquirer-th-01',
      'wallet-unknown',
    ]
    const receivers = await Promise.all([...parties, ...otherParticipants].map(() => aReceiver()))
    for (const [n, owner] of [...parties, ...otherParticipants].entries())
      await hub.subscribe(owner, receivers[n]!.url)
    await hub.pay()
    await hub.written(2)
    await hub.deliveryWorker.runDue()
    const got = receivers.map(({ received }) => typesOf(received))
    const both = ['payment.sent', 'payment.submitted']
    expect(got).toEqual([...parties.map(() => both), ...otherParticipants.map(() => [])])
  })

  test('from before the creation of the webhook is not sent', async () => {
    const hub = await aWebhookProcess(db())
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

  test('is not sent once its owner may no longer see it', async () => {
    const hub = await aWebhookProcess(db())
    const receiver = await aReceiver()
    const { id } = await hub.subscribe(wallet, receiver.url, ['SENT'])
    await hub.pay()
    await hub.written(2)
    const closed = aParticipant(wallet, 'WALLET', 'SG', 'SGD', { status: 'CLOSED' })
    hub.registry.participants.set(closed.id, closed)
    await hub.deliveryWorker.runDue()
    expect(receiver.received).toEqual([])
    expect(await hub.deliveries(wallet, id)).toMatchObject([
      {
        state: 'DEAD',
        attempts: [{ status: null, error: 'the owner of the webhook may not see this event' }],
      },
    ])
  })

  test('is sent as soon as it is logged', async () => {
    const hub = await aWebhookProcess(db(), { sends: true })
    const receiver = await aReceiver()
    await hub.subscribe(wallet, receiver.url)
    await hub.pay()
    await receiver.until(2)
    expect(typesOf(receiver.received)).toEqual(['payment.sent', 'payment.submitted'])
  })
})
