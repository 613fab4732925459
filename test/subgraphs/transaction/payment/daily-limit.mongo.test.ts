import { beforeEach, describe, expect, test } from 'vitest'
import type { PaymentId } from '../../../../schema/values/id.ts'
import { money } from '../../../../schema/values/money.ts'
import { isRefusal } from '../../../../schema/values/problems.ts'
import { aPaymentHub, many, wallet, type PaymentHub } from '../../../fixtures/a-payment-hub.ts'
import { aCorridor } from '../../../fixtures/a-programme.ts'
import { connectAgain, freshDatabase } from '../../../harness/mongo.ts'

const database = await freshDatabase()
const { db, name } = database
const elsewhere = await connectAgain(database)

let hub: PaymentHub
let customers = 0
let customer: string
beforeEach(async () => {
  hub = await aPaymentHub(db)
  customer = `customer ${++customers}`
  const limits = { perPayment: money(5_000_000n, 'CNY'), perDay: money(100_000n, 'CNY') }
  const corridor = aCorridor('SG-CN', { limits })
  hub.registry.corridors.set(corridor.id, corridor)
})

const cny = (amount: string) => ({ amount: { amount, currency: 'CNY' } })
const spend = (amount: string, more: object = {}, at = hub) =>
  at.paymentService.submit(wallet, hub.submission({ customer, ...cny(amount), ...more }))

describe('the daily limit', () => {
  test('is exact to the last fen, and a refusal returns the amount used before', async () => {
    expect(await spend('600')).toMatchObject({ payment: { status: 'ROUTED' } })
    expect(await spend('400.01')).toMatchObject({
      __typename: 'LimitExceeded',
      code: 'LIMIT_PER_DAY',
      retryable: true,
      path: ['input', 'amount'],
      limit: money(100_000n, 'CNY'),
      used: money(60_000n, 'CNY'),
      // Midnight in the corridor's zone, UTC+8.
      resetsAt: new Date('2026-03-01T16:00:00.000Z'),
    })
    expect(await spend('400')).toMatchObject({ payment: { status: 'ROUTED' } })
  })

  test('is each customer’s own, and resets the next day', async () => {
    await spend('1000')
    expect(await spend('1', { customer: `${customer}, another` })).toMatchObject({ replayed: false })
    hub.clock.move(12 * 3_600_000 - 1)
    expect(await spend('1')).toMatchObject({ code: 'LIMIT_PER_DAY' })
    hub.clock.move(1)
    expect(await spend('1')).toMatchObject({ replayed: false })
  })

  test('does not count payments without a customer', async () => {
    await spend('1000')
    expect(await spend('1', { customer: undefined })).toMatchObject({ replayed: false })
  })

  test('holds with 64 payments at once over two processes', async () => {
    const there = await aPaymentHub(elsewhere.db(name), hub)
    const answers = await many(64, (n) => spend('30', {}, n % 2 ? hub : there))
    expect(answers.filter((answer) => !isRefusal(answer))).toHaveLength(33)
    expect(answers.filter(isRefusal).map(({ code }) => code)).toEqual(Array(31).fill('LIMIT_PER_DAY'))
  })

  test('counts one key once, with 64 calls at once for all that remains', async () => {
    const there = await aPaymentHub(elsewhere.db(name), hub)
    const input = hub.submission({ customer, ...cny('1000') })
    const answers = await many(64, (n) => (n % 2 ? hub : there).paymentService.submit(wallet, input))
    expect(answers.filter((answer) => !isRefusal(answer) && !answer.replayed)).toHaveLength(1)
    expect(answers.filter((answer) => !isRefusal(answer) && answer.replayed)).toHaveLength(63)
  })

  test.each([
    { what: 'is declined', end: (id: PaymentId) => hub.respond(id, 'DECLINE') },
    {
      what: 'is cancelled',
      end: async (id: PaymentId) => {
        await hub.paymentService.cancel(wallet, { idempotencyKey: id, payment: id })
        await hub.respond(id, 'ACKNOWLEDGE')
      },
    },
    {
      what: 'was never seen',
      end: async (id: PaymentId) => {
        await hub.advance(8_000)
        await hub.respond(id, 'NEVER_SEEN')
      },
    },
    {
      what: 'is reversed',
      end: async (id: PaymentId) => {
        for (const ms of [8_000, 1_000, 3_000, 9_000, 9_000]) await hub.advance(ms)
        await hub.respond(id, 'ACKNOWLEDGE')
      },
    },
    { what: 'could not be delivered', end: (id: PaymentId) => hub.paymentService.undeliverable(id) },
  ])('is released, once, when a payment $what', async ({ end }) => {
    const { _id } = await hub.pay({ customer, ...cny('700') })
    await spend('300')
    await end(_id)
    await hub.releaseHolds(_id)
    await hub.releaseHolds(_id)
    expect(await spend('700.01')).toMatchObject({ code: 'LIMIT_PER_DAY', used: money(30_000n, 'CNY') })
    expect(await spend('700')).toMatchObject({ replayed: false })
  })

  test('is kept when a payment completes', async () => {
    const { _id } = await hub.complete({ customer, ...cny('1000') })
    await hub.releaseHolds(_id)
    expect(await spend('1')).toMatchObject({ code: 'LIMIT_PER_DAY' })
  })

  test('is released when the payment is refused after the reservation', async () => {
    const { reference } = await hub.pay()
    expect(await spend('1000', { reference })).toMatchObject({ code: 'REFERENCE_USED' })
    expect(await spend('1000')).toMatchObject({ replayed: false })
  })

  test('is released when a hub stopped between the reservation and the payment', async () => {
    await spend('400')
    const at = hub.clock.now()
    const day = `SG-CN/2026-03-01/${wallet}/${customer}`
    const lost = { id: 'a key without a payment', minor: 60_000n, at }
    await db.collection<{ _id: string }>('customerDays').updateOne({ _id: day }, { $push: { holds: lost } })
    expect(await spend('600')).toMatchObject({ code: 'LIMIT_PER_DAY' })
    hub.clock.move(60_001)
    expect(await spend('600')).toMatchObject({ replayed: false })
  })

  test('stays exceeded for a key that was refused', async () => {
    const { _id } = await hub.pay({ customer, ...cny('1000') })
    const input = hub.submission({ customer, ...cny('1') })
    const first = await hub.paymentService.submit(wallet, input)
    expect(first).toMatchObject({ code: 'LIMIT_PER_DAY' })
    await hub.respond(_id, 'DECLINE')
    await hub.releaseHolds(_id)
    expect(await hub.paymentService.submit(wallet, input)).toEqual(first)
    expect(await spend('1')).toMatchObject({ replayed: false })
  })
})
