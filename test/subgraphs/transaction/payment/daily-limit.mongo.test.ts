import { beforeEach, describe, expect, test } from 'vitest'
import { money } from '../../../../schema/values/money.ts'
import { isRefusal } from '../../../../schema/values/problems.ts'
import { connectAgain, freshDatabase } from '../../../harness/mongo.ts'
import { aCounter, many, wallet, type Counter } from '../../../fixtures/counter.ts'
import { aCorridor } from '../../../fixtures/transaction-world.ts'

const database = await freshDatabase()
const { db, name } = database
const elsewhere = await connectAgain(database)

let counter: Counter
let customers = 0
let customer: string
beforeEach(async () => {
  counter = await aCounter(db)
  customer = `customer ${++customers}`
  const limits = { perPayment: money(5_000_000n, 'CNY'), perDay: money(100_000n, 'CNY') }
  counter.registry.corridors.set('SG-CN', aCorridor('SG-CN', { limits }))
})

const cny = (amount: string) => ({ amount: { amount, currency: 'CNY' } })
const spend = (amount: string, more: object = {}, at = counter) =>
  at.paymentService.submit(wallet, counter.submission({ customer, ...cny(amount), ...more }))

describe('the limit per customer and day', () => {
  test('takes what fits to the last fen, and says how much was used when something does not', async () => {
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

  test('is each customer’s own, and starts afresh the next day', async () => {
    await spend('1000')
    expect(await spend('1', { customer: `${customer}, another` })).toMatchObject({ replayed: false })
    counter.clock.move(12 * 3_600_000 - 1)
    expect(await spend('1')).toMatchObject({ code: 'LIMIT_PER_DAY' })
    counter.clock.move(1)
    expect(await spend('1')).toMatchObject({ replayed: false })
  })

  test('does not count payments that name no customer', async () => {
    await spend('1000')
    expect(await spend('1', { customer: undefined })).toMatchObject({ replayed: false })
  })

  test('holds with 64 payments at once over two processes', async () => {
    const there = await aCounter(elsewhere.db(name), counter)
    const answers = await many(64, (n) => spend('30', {}, n % 2 ? counter : there))
    expect(answers.filter((answer) => !isRefusal(answer))).toHaveLength(33)
    expect(answers.filter(isRefusal).map(({ code }) => code)).toEqual(Array(31).fill('LIMIT_PER_DAY'))
  })

  test('counts one key once, with 64 calls at once for all that is left', async () => {
    const there = await aCounter(elsewhere.db(name), counter)
    const input = counter.submission({ customer, ...cny('1000') })
    const answers = await many(64, (n) => (n % 2 ? counter : there).paymentService.submit(wallet, input))
    expect(answers.filter((answer) => !isRefusal(answer) && !answer.replayed)).toHaveLength(1)
    expect(answers.filter((answer) => !isRefusal(answer) && answer.replayed)).toHaveLength(63)
  })

  test.each([
    { what: 'is declined', end: (id: string) => counter.say(id, 'DECLINE') },
    {
      what: 'is taken back',
      end: async (id: string) => {
        await counter.paymentService.cancel(wallet, { idempotencyKey: id, payment: id })
        await counter.say(id, 'ACKNOWLEDGE')
      },
    },
    {
      what: 'was never seen',
      end: async (id: string) => {
        await counter.pass(8_000)
        await counter.say(id, 'NEVER_SEEN')
      },
    },
    {
      what: 'is reversed',
      end: async (id: string) => {
        for (const ms of [8_000, 1_000, 3_000, 9_000, 9_000]) await counter.pass(ms)
        await counter.say(id, 'ACKNOWLEDGE')
      },
    },
    { what: 'could not be delivered', end: (id: string) => counter.paymentService.undeliverable(id) },
  ])('is given back, once, when a payment $what', async ({ end }) => {
    const { _id } = await counter.pay({ customer, ...cny('700') })
    await spend('300')
    await end(_id)
    await counter.giveBack(_id)
    await counter.giveBack(_id)
    expect(await spend('700.01')).toMatchObject({ code: 'LIMIT_PER_DAY', used: money(30_000n, 'CNY') })
    expect(await spend('700')).toMatchObject({ replayed: false })
  })

  test('is kept when a payment completes', async () => {
    const { _id } = await counter.complete({ customer, ...cny('1000') })
    await counter.giveBack(_id)
    expect(await spend('1')).toMatchObject({ code: 'LIMIT_PER_DAY' })
  })

  test('is given back when the payment was refused after all', async () => {
    const { reference } = await counter.pay()
    expect(await spend('1000', { reference })).toMatchObject({ code: 'REFERENCE_USED' })
    expect(await spend('1000')).toMatchObject({ replayed: false })
  })

  test('is not lost to a hub that stopped between taking it and writing the payment', async () => {
    await spend('400')
    const at = counter.clock.now()
    const day = `SG-CN/2026-03-01/${wallet}/${customer}`
    const lost = { id: 'a key of nobody', minor: 60_000n, at }
    await db.collection<{ _id: string }>('customerDays').updateOne({ _id: day }, { $push: { holds: lost } })
    expect(await spend('600')).toMatchObject({ code: 'LIMIT_PER_DAY' })
    counter.clock.move(60_001)
    expect(await spend('600')).toMatchObject({ replayed: false })
  })

  test('refused under a key stays refused under it', async () => {
    const { _id } = await counter.pay({ customer, ...cny('1000') })
    const input = counter.submission({ customer, ...cny('1') })
    const first = await counter.paymentService.submit(wallet, input)
    expect(first).toMatchObject({ code: 'LIMIT_PER_DAY' })
    await counter.say(_id, 'DECLINE')
    await counter.giveBack(_id)
    expect(await counter.paymentService.submit(wallet, input)).toEqual(first)
    expect(await spend('1')).toMatchObject({ replayed: false })
  })
})
