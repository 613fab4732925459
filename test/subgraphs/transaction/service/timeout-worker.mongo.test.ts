import { inspect } from 'node:util'
import { beforeEach, describe, expect, test } from 'vitest'
import type { PaymentId } from '../../../../schema/values/id.ts'
import { aPaymentHub, many, steps, wallet, type PaymentHub } from '../../../fixtures/a-payment-hub.ts'
import { connectAgain, freshDatabase } from '../../../harness/mongo.ts'

const database = await freshDatabase()
const { db, name } = database
const elsewhere = await connectAgain(database)
let hub: PaymentHub
beforeEach(async () => {
  await db.collection('payments').deleteMany({})
  hub = await aPaymentHub(db)
})

const sent = ['SUBMITTED', 'SENT']
const inDoubt = [...sent, 'TIMED_OUT']
const inquired = [...inDoubt, 'INQUIRED', 'INQUIRED', 'INQUIRED']

/** Milliseconds to advance, one after the other, until a new payment has the status. */
const reach = {
  ROUTED: [],
  IN_DOUBT: [8_000],
  REVERSING: [8_000, 1_000, 3_000, 9_000, 9_000],
}
const paymentIn = async (status: keyof typeof reach): Promise<PaymentId> => {
  const { _id } = await hub.pay()
  for (const ms of reach[status]) await hub.advance(ms)
  expect(await hub.payment(_id)).toMatchObject({ status })
  return _id
}

describe('a payment without an answer', () => {
  test('is in doubt from its deadline on, and not before', async () => {
    const { _id } = await hub.pay()
    expect(await hub.advance(7_999)).toBe(0)
    expect(await hub.advance(1)).toBe(1)
    const payment = await hub.payment(_id)
    expect(payment).toMatchObject({ status: 'IN_DOUBT', sequence: 3 })
    expect(payment.events[2]).toMatchObject({ kind: 'TIMED_OUT', from: 'ROUTED', reason: 'TIMEOUT' })
  })

  test('gets three inquiries, at growing gaps, and is then reversed', async () => {
    const { _id } = await hub.pay()
    await hub.advance(8_000)
    for (const gapMs of [1_000, 3_000, 9_000]) {
      expect(await hub.advance(gapMs - 1)).toBe(0)
      expect(await hub.advance(1)).toBe(1)
    }
    expect(await hub.payment(_id)).toMatchObject({ status: 'IN_DOUBT' })
    await hub.advance(9_000)
    const payment = await hub.payment(_id)
    expect(steps(payment)).toEqual([...inquired, 'REVERSAL_STARTED'])
    expect(payment).toMatchObject({ status: 'REVERSING', reason: 'NO_ANSWER' })
  })

  test('is reversed repeatedly, at growing gaps, until the reversal is acknowledged', async () => {
    const id = await paymentIn('REVERSING')
    for (const gapMs of [
      5_000, 15_000, 60_000, 300_000, 1_800_000, 7_200_000, 21_600_000, 86_400_000, 86_400_000,
    ]) {
      expect(await hub.advance(gapMs - 1)).toBe(0)
      expect(await hub.advance(1)).toBe(1)
    }
    expect(await hub.payment(id)).toMatchObject({ status: 'REVERSING' })
    await hub.respond(id, 'ACKNOWLEDGE')
    expect(await hub.payment(id)).toMatchObject({ status: 'REVERSED', reason: 'NO_ANSWER' })
    expect(await hub.advance(365 * 86_400_000)).toBe(0)
  })

  test('is cancelled repeatedly until the cancellation is acknowledged', async () => {
    const { _id } = await hub.pay()
    await hub.paymentService.cancel(wallet, { idempotencyKey: _id, payment: _id })
    expect(await hub.advance(5_000)).toBe(1)
    expect(await hub.advance(15_000)).toBe(1)
    await hub.respond(_id, 'ACKNOWLEDGE')
    expect(steps(await hub.payment(_id))).toEqual([
      ...sent,
      'CANCEL_REQUESTED',
      'CANCEL_RETRIED',
      'CANCEL_RETRIED',
      'CANCEL_ACKNOWLEDGED',
    ])
    expect(await hub.advance(86_400_000)).toBe(0)
  })
})

describe('an answer', () => {
  test.each([
    { to: 'an inquiry', from: 'IN_DOUBT', decision: 'APPROVE', status: 'COMPLETED', reason: undefined },
    { to: 'an inquiry', from: 'IN_DOUBT', decision: 'DECLINE', status: 'DECLINED', reason: 'UNSPECIFIED' },
    { to: 'an inquiry', from: 'IN_DOUBT', decision: 'NEVER_SEEN', status: 'EXPIRED', reason: 'TIMEOUT' },
    { to: 'a reversal', from: 'REVERSING', decision: 'ACKNOWLEDGE', status: 'REVERSED', reason: 'NO_ANSWER' },
    { to: 'a reversal', from: 'REVERSING', decision: 'APPROVE', status: 'REVERSING', reason: 'NO_ANSWER' },
    { to: 'a reversal', from: 'REVERSING', decision: 'NEVER_SEEN', status: 'REVERSING', reason: 'NO_ANSWER' },
    { to: 'a request', from: 'ROUTED', decision: 'NEVER_SEEN', status: 'ROUTED', reason: undefined },
    { to: 'a request', from: 'ROUTED', decision: 'ACKNOWLEDGE', status: 'ROUTED', reason: undefined },
  ] as const)('$decision to $to makes it $status', async ({ from, decision, status, reason }) => {
    const id = await paymentIn(from)
    const before = await hub.payment(id)
    await hub.respond(id, decision)
    const payment = await hub.payment(id)
    expect({ status: payment.status, reason: 'reason' in payment ? payment.reason : undefined }).toEqual({
      status,
      reason,
    })
    if (status === from) {
      expect(payment.events.at(-1)).toMatchObject({ kind: 'LATE_MESSAGE', from, to: from })
      expect(payment).toMatchObject({ due: (before as { due: Date }).due })
    }
  })

  test('to a payment that is over is kept, and changes nothing', async () => {
    const id = await paymentIn('REVERSING')
    await hub.respond(id, 'ACKNOWLEDGE')
    expect(await hub.respond(id, 'APPROVE')).toMatchObject({ code: 'NOT_WAITING' })
    expect(await hub.payment(id)).toMatchObject({ status: 'REVERSED' })
    expect(steps(await hub.payment(id)).at(-1)).toBe('LATE_MESSAGE')
    expect(await hub.respond(id, 'ACKNOWLEDGE')).toMatchObject({ replayed: true })
  })
})

describe('due payments', () => {
  test('are moved once, by any number of processes', async () => {
    const there = await aPaymentHub(elsewhere.db(name), hub)
    const payments = await many(50, () => hub.pay())
    hub.clock.move(8_000)
    await Promise.all([hub.advance(0), there.advance(0), hub.advance(0), there.advance(0)])
    for (const { _id } of payments) {
      expect(steps(await hub.payment(_id))).toEqual(inDoubt)
    }
  })

  test('outlive the process that wrote them', async () => {
    const { _id } = await hub.pay()
    const later = await aPaymentHub(elsewhere.db(name), hub)
    await later.advance(8_000)
    expect(await hub.payment(_id)).toMatchObject({ status: 'IN_DOUBT' })
  })

  test('are found by an index', async () => {
    await many(3, () => hub.pay())
    const plan = await hub.store.payments
      .find({ due: { $lte: hub.clock.now() } }, { sort: { due: 1 } })
      .explain('queryPlanner')
    expect(inspect(plan, { depth: null })).toContain("indexName: 'due'")
    expect(inspect(plan, { depth: null })).not.toContain('COLLSCAN')
  })
})

describe('an inquiry that a client requests for a payment in doubt', () => {
  test('is sent at once, but not twice within a second', async () => {
    const id = await paymentIn('IN_DOUBT')
    expect(await hub.paymentService.inquire(id)).toMatchObject({ sequence: 3 })
    hub.clock.move(1_000)
    expect(await hub.paymentService.inquire(id)).toMatchObject({ sequence: 4 })
    expect(await hub.paymentService.inquire(id)).toMatchObject({ sequence: 4 })
  })

  test('is one of three at most', async () => {
    const id = await paymentIn('IN_DOUBT')
    for (let n = 0; n < 5; n++) {
      hub.clock.move(1_000)
      await hub.paymentService.inquire(id)
    }
    expect(steps(await hub.payment(id))).toEqual(inquired)
  })
})
