import { MongoClient } from 'mongodb'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import type { PaymentId, UsedKeyId } from '../../../../schema/values/id.ts'
import { money } from '../../../../schema/values/money.ts'
import { isRefusal } from '../../../../schema/values/problems.ts'
import { paymentsOfDayMax } from '../../../../subgraphs/transaction/payment/daily-limit.ts'
import type { SubmitPaymentInput } from '../../../../subgraphs/transaction/service/read-input.ts'
import { aPaymentHub, many, wallet, type PaymentHub } from '../../../fixtures/a-payment-hub.ts'
import { aCorridor } from '../../../fixtures/a-programme.ts'
import { anId } from '../../../fixtures/an-id.ts'
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

const dayOf = (date: string): string => `SG-CN/${date}/${wallet}/${customer}`

/** What the customer’s payments of a day use, in fen. */
async function usedOn(date: string): Promise<bigint> {
  const found = await hub.store.payments.find({ 'customerDay.id': dayOf(date) }).toArray()
  return found
    .filter(({ status }) => status !== 'DECLINED')
    .reduce((sum, { customerDay }) => sum + customerDay!.minor, 0n)
}

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
  ])('is released when a payment $what', async ({ end }) => {
    const { _id } = await hub.pay({ customer, ...cny('700') })
    await spend('300')
    await end(_id)
    expect(await spend('700.01')).toMatchObject({ code: 'LIMIT_PER_DAY', used: money(30_000n, 'CNY') })
    expect(await spend('700')).toMatchObject({ replayed: false })
  })

  test('is not counted for more payments of a customer than a day may have', async () => {
    const payment = await hub.pay({ customer, ...cny('1') })
    const others = Array.from({ length: paymentsOfDayMax - 1 }, (_each, n) => ({
      ...payment,
      _id: anId<PaymentId>(`${payment._id}, ${n}`),
      reference: `${payment.reference}, ${n}`,
      keys: [{ ...payment.keys[0]!, id: anId<UsedKeyId>(`${payment.keys[0]!.id}, ${n}`) }],
      customerDay: { id: dayOf('2026-03-01'), number: n + 2, minor: 1n },
    }))
    await hub.store.payments.insertMany(others)
    expect(await spend('1')).toMatchObject({ code: 'TOO_MANY', path: ['input', 'customer'] })
    expect(await hub.store.payments.countDocuments({ customer })).toBe(paymentsOfDayMax)
  })

  test('is kept when a payment completes', async () => {
    await hub.complete({ customer, ...cny('1000') })
    expect(await spend('1')).toMatchObject({ code: 'LIMIT_PER_DAY' })
  })

  test('is not used by a payment that is refused', async () => {
    const { reference } = await hub.pay()
    expect(await spend('1000', { reference })).toMatchObject({ code: 'REFERENCE_USED' })
    expect(await spend('1000')).toMatchObject({ replayed: false })
  })

  test('stays exceeded for a key that was refused', async () => {
    const { _id } = await hub.pay({ customer, ...cny('1000') })
    const input = hub.submission({ customer, ...cny('1') })
    const first = await hub.paymentService.submit(wallet, input)
    expect(first).toMatchObject({ code: 'LIMIT_PER_DAY' })
    await hub.respond(_id, 'DECLINE')
    expect(await hub.paymentService.submit(wallet, input)).toEqual(first)
    expect(await spend('1')).toMatchObject({ replayed: false })
  })

  test('is not passed by keys that are used again with another input', async () => {
    const inputs = [1, 2].map(() => hub.submission({ customer, ...cny('500') }))
    for (const input of inputs) {
      expect(await hub.paymentService.submit(wallet, input)).toMatchObject({ replayed: false })
    }
    for (const input of inputs) {
      const other = { ...input, ...cny('1') }
      expect(await hub.paymentService.submit(wallet, other)).toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' })
    }
    for (let n = 0; n < 2; n++) expect(await spend('500')).toMatchObject({ code: 'LIMIT_PER_DAY' })
    expect(await usedOn('2026-03-01')).toBe(100_000n)
  })

  test('is not used by a replay of a payment that was declined, on its day or the next', async () => {
    const input = hub.submission({ customer, ...cny('1000') })
    const { _id } = await hub.pay(input)
    await hub.respond(_id, 'DECLINE')
    const again = { replayed: true, payment: { _id, status: 'DECLINED' } }
    expect(await hub.paymentService.submit(wallet, input)).toMatchObject(again)
    expect(await usedOn('2026-03-01')).toBe(0n)
    hub.clock.move(12 * 3_600_000)
    expect(await hub.paymentService.submit(wallet, input)).toMatchObject(again)
    expect(await usedOn('2026-03-02')).toBe(0n)
    expect(await spend('1000')).toMatchObject({ replayed: false })
  })

  test('is used once during 64 replays and conflicts at once over two processes', async () => {
    const there = await aPaymentHub(elsewhere.db(name), hub)
    const input = hub.submission({ customer, ...cny('700') })
    const answers = await many(64, (n) =>
      (n % 2 ? hub : there).paymentService.submit(wallet, n % 4 < 2 ? input : { ...input, ...cny('1') }),
    )
    const written = answers.filter((answer) => !isRefusal(answer) && !answer.replayed)
    const conflicts = answers.filter((answer) => isRefusal(answer) && answer.code === 'IDEMPOTENCY_CONFLICT')
    expect(written).toHaveLength(1)
    expect(conflicts).toHaveLength(32)
    const stored = await hub.store.payments.findOne({ customer })
    expect(await usedOn('2026-03-01')).toBe(stored!.merchantAmount.minor)
  })
})

describe('a submission', () => {
  test('needs one call to MongoDB, also when its customer has paid before; a replay needs two', async () => {
    const client = new MongoClient(database.uri, { useBigInt64: true, monitorCommands: true })
    onTestFinished(() => client.close())
    const calls: string[] = []
    client.on('commandStarted', ({ commandName, command }) => {
      calls.push(`${commandName} ${String((command as Record<string, unknown>)[commandName])}`)
    })
    const there = await aPaymentHub(client.db(name), hub)
    const input = hub.submission({ customer, ...cny('400') })
    // The first payment of a process also reserves retrieval reference numbers.
    await there.pay()
    const callsOf = async (submitted: SubmitPaymentInput): Promise<string[]> => {
      calls.length = 0
      await there.paymentService.submit(wallet, submitted)
      return calls.filter((call) => !call.startsWith('endSessions'))
    }
    expect(await callsOf(input)).toEqual(['insert payments'])
    expect(await callsOf(hub.submission({ customer, ...cny('1') }))).toEqual(['insert payments'])
    expect(await callsOf(input)).toEqual(['insert payments', 'find payments'])
    expect(await callsOf({ ...input, ...cny('1') })).toEqual(['insert payments', 'find payments'])
    // Another process has paid meanwhile, so the next number is taken.
    await spend('1')
    const again = ['insert payments', 'aggregate payments', 'insert payments']
    expect(await callsOf(hub.submission({ customer, ...cny('1') }))).toEqual(again)
    expect(await usedOn('2026-03-01')).toBe(40_300n)
  })

  test('beside more payments of its customer than may wait is refused at once, and can be repeated', async () => {
    const inputs = Array.from({ length: 100 }, () => hub.submission({ customer, ...cny('1') }))
    const submit = (input: SubmitPaymentInput) => hub.paymentService.submit(wallet, input)
    const answers = await Promise.all(inputs.map(submit))
    const refused = inputs.filter((_, n) => isRefusal(answers[n]))
    expect(answers.filter(isRefusal).map(({ code }) => code)).toEqual(Array(34).fill('UNAVAILABLE'))
    const repeated = await Promise.all(refused.map(submit))
    expect(repeated.filter((answer) => !isRefusal(answer) && !answer.replayed)).toHaveLength(34)
    expect(await usedOn('2026-03-01')).toBe(10_000n)
  })
})
