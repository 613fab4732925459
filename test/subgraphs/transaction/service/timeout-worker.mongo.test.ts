import { inspect } from 'node:util'
import { beforeEach, describe, expect, test } from 'vitest'
import type { PaymentId } from '../../../../schema/values/id.ts'
import { aPaymentHub, many, steps, wallet, type PaymentHub } from '../../../fixtures/a-payment-hub.ts'
import { aClock } from '../../../fixtures/a-programme.ts'
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

const dayMs = 86_400_000

describe('a clock that is wrong', () => {
  /** Lets time pass in steps of a second; returns the seconds until the payment has changed, or null. */
  const secondsUntilMoved = async (at: PaymentHub, id: PaymentId, max: number): Promise<number | null> => {
    const { sequence } = await at.payment(id)
    for (let second = 1; second <= max; second++) {
      await at.advance(1_000)
      if ((await at.payment(id)).sequence !== sequence) return second
    }
    return null
  }

  test.each([
    { status: 'ROUTED', waitS: 8 },
    { status: 'IN_DOUBT', waitS: 1 },
    { status: 'REVERSING', waitS: 5 },
  ] as const)(
    'a day ahead at another hub does not hold a payment that is $status',
    async ({ status, waitS }) => {
      const ahead = await aPaymentHub(elsewhere.db(name), {
        registry: hub.registry,
        clock: aClock(new Date(hub.clock.now().getTime() + dayMs)),
      })
      const { _id } = await ahead.pay()
      for (const ms of reach[status]) await ahead.advance(ms)
      expect(await hub.payment(_id)).toMatchObject({ status })
      const moved = await secondsUntilMoved(hub, _id, 20)
      expect(moved).toBeGreaterThanOrEqual(waitS)
      expect(moved).toBeLessThanOrEqual(waitS + 5)
    },
  )

  test('that was a day ahead and is right again does not hold a payment to its end', async () => {
    hub.clock.move(dayMs)
    const { _id } = await hub.pay()
    hub.clock.move(-dayMs)
    for (let second = 0; second < 40; second++) await hub.advance(1_000)
    expect(steps(await hub.payment(_id)).slice(0, 7)).toEqual([...inquired, 'REVERSAL_STARTED'])
    await hub.respond(_id, 'ACKNOWLEDGE')
    expect(await hub.payment(_id)).toMatchObject({ status: 'REVERSED' })
  })

  test.each([3_600_000, dayMs, 400 * dayMs])(
    '%i ms behind moves the payments of other hubs in their time, and not before',
    async (behindMs) => {
      const behind = await aPaymentHub(elsewhere.db(name), {
        registry: hub.registry,
        clock: aClock(new Date(hub.clock.now().getTime() - behindMs)),
      })
      const { _id } = await hub.pay()
      await behind.advance(0)
      expect(await secondsUntilMoved(behind, _id, 7)).toBeNull()
      expect(await secondsUntilMoved(behind, _id, 1)).toBe(1)
      expect(await hub.payment(_id)).toMatchObject({ status: 'IN_DOUBT' })
    },
  )

  test('a day behind at the hub that wrote a payment does not hold it', async () => {
    const behind = await aPaymentHub(elsewhere.db(name), {
      registry: hub.registry,
      clock: aClock(new Date(hub.clock.now().getTime() - dayMs)),
    })
    const { _id } = await behind.pay()
    for (let second = 0; second < 40; second++) await hub.advance(1_000)
    expect(await hub.payment(_id)).toMatchObject({ status: 'REVERSING' })
  })

  test('a day ahead when a payment came into doubt does not prevent an inquiry by a client', async () => {
    hub.clock.move(dayMs)
    const id = await paymentIn('IN_DOUBT')
    hub.clock.move(-dayMs)
    expect(await hub.paymentService.inquire(id)).toMatchObject({ sequence: 4 })
  })

  test('an answer to a payment of a clock ahead starts no wait anew', async () => {
    hub.clock.move(dayMs)
    const { _id } = await hub.pay()
    hub.clock.move(-dayMs)
    await hub.advance(0)
    await hub.advance(6_000)
    await hub.respond(_id, 'NEVER_SEEN')
    expect(await hub.advance(1_999)).toBe(0)
    expect(await hub.advance(1)).toBe(1)
    expect(await hub.payment(_id)).toMatchObject({ status: 'IN_DOUBT' })
  })

  test('is found by an index', async () => {
    await many(3, () => hub.pay())
    const now = hub.clock.now()
    const plan = await hub.store.payments
      .find({ due: { $gt: now }, updatedAt: { $gt: now } }, { sort: { due: -1 } })
      .explain('queryPlanner')
    expect(inspect(plan, { depth: null })).toContain("indexName: 'due'")
    expect(inspect(plan, { depth: null })).not.toContain('COLLSCAN')
  })
})
