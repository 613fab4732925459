import { inspect } from 'node:util'
import { beforeEach, describe, expect, test } from 'vitest'
import { connectAgain, freshDatabase } from '../../../harness/mongo.ts'
import { aCounter, many, steps, type Counter } from '../../../fixtures/counter.ts'

const database = await freshDatabase()
const { db, name } = database
const elsewhere = await connectAgain(database)
let counter: Counter
beforeEach(async () => {
  await db.collection('payments').deleteMany({})
  counter = await aCounter(db)
})

const sent = ['SUBMITTED', 'SENT']
const inDoubt = [...sent, 'TIMED_OUT']
const inquired = [...inDoubt, 'INQUIRED', 'INQUIRED', 'INQUIRED']

/** Has time pass until the payment is where it should be. */
const reach = {
  ROUTED: [],
  IN_DOUBT: [8_000],
  REVERSING: [8_000, 1_000, 3_000, 9_000, 9_000],
}
const paymentIn = async (status: keyof typeof reach): Promise<string> => {
  const { _id } = await counter.pay()
  for (const ms of reach[status]) await counter.pass(ms)
  expect(await counter.payment(_id)).toMatchObject({ status })
  return _id
}

describe('a payment that nobody answers', () => {
  test('is in doubt when its deadline comes, and not before', async () => {
    const { _id } = await counter.pay()
    expect(await counter.pass(7_999)).toBe(0)
    expect(await counter.pass(1)).toBe(1)
    const payment = await counter.payment(_id)
    expect(payment).toMatchObject({ status: 'IN_DOUBT', sequence: 3 })
    expect(payment.events[2]).toMatchObject({ kind: 'TIMED_OUT', from: 'ROUTED', reason: 'TIMEOUT' })
  })

  test('is inquired about three times, at growing gaps, and then reversed', async () => {
    const { _id } = await counter.pay()
    await counter.pass(8_000)
    for (const gapMs of [1_000, 3_000, 9_000]) {
      expect(await counter.pass(gapMs - 1)).toBe(0)
      expect(await counter.pass(1)).toBe(1)
    }
    expect(await counter.payment(_id)).toMatchObject({ status: 'IN_DOUBT' })
    await counter.pass(9_000)
    const payment = await counter.payment(_id)
    expect(steps(payment)).toEqual([...inquired, 'REVERSAL_STARTED'])
    expect(payment).toMatchObject({ status: 'REVERSING', reason: 'NO_ANSWER' })
  })

  test('is reversed again and again, less and less often, until that is acknowledged', async () => {
    const id = await paymentIn('REVERSING')
    for (const gapMs of [
      5_000, 15_000, 60_000, 300_000, 1_800_000, 7_200_000, 21_600_000, 86_400_000, 86_400_000,
    ]) {
      expect(await counter.pass(gapMs - 1)).toBe(0)
      expect(await counter.pass(1)).toBe(1)
    }
    expect(await counter.payment(id)).toMatchObject({ status: 'REVERSING' })
    await counter.say(id, 'ACKNOWLEDGE')
    expect(await counter.payment(id)).toMatchObject({ status: 'REVERSED', reason: 'NO_ANSWER' })
    expect(await counter.pass(365 * 86_400_000)).toBe(0)
  })

  test('that was cancelled is told again until it is acknowledged', async () => {
    const { _id } = await counter.pay()
    await counter.paymentService.cancel('wallet-sg-01', { idempotencyKey: _id, payment: _id })
    expect(await counter.pass(5_000)).toBe(1)
    expect(await counter.pass(15_000)).toBe(1)
    await counter.say(_id, 'ACKNOWLEDGE')
    expect(steps(await counter.payment(_id))).toEqual([
      ...sent,
      'CANCEL_REQUESTED',
      'CANCEL_RETRIED',
      'CANCEL_RETRIED',
      'CANCEL_ACKNOWLEDGED',
    ])
    expect(await counter.pass(86_400_000)).toBe(0)
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
    const before = await counter.payment(id)
    await counter.say(id, decision)
    const payment = await counter.payment(id)
    expect({ status: payment.status, reason: 'reason' in payment ? payment.reason : undefined }).toEqual({
      status,
      reason,
    })
    if (status === from) {
      expect(payment.events.at(-1)).toMatchObject({ kind: 'LATE_MESSAGE', from, to: from })
      expect(payment).toMatchObject({ due: (before as { due: Date }).due })
    }
  })

  test('that comes when all is over is kept, and moves nothing', async () => {
    const id = await paymentIn('REVERSING')
    await counter.say(id, 'ACKNOWLEDGE')
    expect(await counter.say(id, 'APPROVE')).toMatchObject({ code: 'NOT_WAITING' })
    expect(await counter.payment(id)).toMatchObject({ status: 'REVERSED' })
    expect(steps(await counter.payment(id)).at(-1)).toBe('LATE_MESSAGE')
    expect(await counter.say(id, 'ACKNOWLEDGE')).toMatchObject({ replayed: true })
  })
})

describe('deadlines', () => {
  test('are met by any process, and two that pick the same do no harm', async () => {
    const there = await aCounter(elsewhere.db(name), counter)
    const payments = await many(50, () => counter.pay())
    counter.clock.move(8_000)
    await Promise.all([counter.pass(0), there.pass(0), counter.pass(0), there.pass(0)])
    for (const { _id } of payments) {
      expect(steps(await counter.payment(_id))).toEqual(inDoubt)
    }
  })

  test('outlive the process that set them', async () => {
    const { _id } = await counter.pay()
    const later = await aCounter(elsewhere.db(name), counter)
    await later.pass(8_000)
    expect(await counter.payment(_id)).toMatchObject({ status: 'IN_DOUBT' })
  })

  test('are found by an index', async () => {
    await many(3, () => counter.pay())
    const plan = await counter.store.payments
      .find({ due: { $lte: counter.clock.now() } }, { sort: { due: 1 } })
      .explain('queryPlanner')
    expect(inspect(plan, { depth: null })).toContain("indexName: 'due'")
    expect(inspect(plan, { depth: null })).not.toContain('COLLSCAN')
  })
})

describe('somebody who asks while the hub is in doubt', () => {
  test('has the counterparty asked at once, but not twice in a moment', async () => {
    const id = await paymentIn('IN_DOUBT')
    expect(await counter.paymentService.inquire(id)).toMatchObject({ sequence: 3 })
    counter.clock.move(1_000)
    expect(await counter.paymentService.inquire(id)).toMatchObject({ sequence: 4 })
    expect(await counter.paymentService.inquire(id)).toMatchObject({ sequence: 4 })
  })

  test('never has it asked more than three times', async () => {
    const id = await paymentIn('IN_DOUBT')
    for (let n = 0; n < 5; n++) {
      counter.clock.move(1_000)
      await counter.paymentService.inquire(id)
    }
    expect(steps(await counter.payment(id))).toEqual(inquired)
  })
})
