import { MongoClient } from 'mongodb'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import type { PaymentId } from '../../../../schema/values/id.ts'
import { money } from '../../../../schema/values/money.ts'
import { isRefusal } from '../../../../schema/values/problems.ts'
import { resultsOf } from '../../../../subgraphs/log/checkpoint.ts'
import { entriesOf } from '../../../../subgraphs/transaction/log/entries-of-payment.ts'
import type { SubmitPaymentInput } from '../../../../subgraphs/transaction/service/read-input.ts'
import {
  createDailyLimits,
  holdsMax,
  limitsProjection,
} from '../../../../subgraphs/transaction/store/daily-limits.ts'
import { aPaymentHub, many, taken, wallet, type PaymentHub } from '../../../fixtures/a-payment-hub.ts'
import { aCorridor } from '../../../fixtures/a-programme.ts'
import { connectAgain, freshDatabase } from '../../../harness/mongo.ts'

const database = await freshDatabase()
const { db, name } = database
const elsewhere = await connectAgain(database)
interface Hold {
  readonly id: string
  readonly key?: string
  readonly minor: bigint
  readonly at: Date
}
const customerDays = db.collection<{
  readonly _id: string
  readonly holds: readonly Hold[]
}>('customerDays')

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

/** The sum of the customer’s holds of a day, in fen. */
async function usedOn(date: string): Promise<bigint> {
  const found = await customerDays.findOne({ _id: dayOf(date) })
  return found?.holds.reduce((sum, { minor }) => sum + minor, 0n) ?? 0n
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
  ])('is released, once, when a payment $what', async ({ end }) => {
    const { _id } = await hub.pay({ customer, ...cny('700') })
    await spend('300')
    await end(_id)
    await hub.releaseHolds(_id)
    await hub.releaseHolds(_id)
    expect(await spend('700.01')).toMatchObject({ code: 'LIMIT_PER_DAY', used: money(30_000n, 'CNY') })
    expect(await spend('700')).toMatchObject({ replayed: false })
  })

  test('is released by one write of the day for all payments of a customer that ended', async () => {
    const client = new MongoClient(database.uri, { useBigInt64: true, monitorCommands: true })
    onTestFinished(() => client.close())
    const writes: unknown[] = []
    client.on('commandStarted', ({ commandName, command }) => {
      if (commandName === 'update') writes.push(command.updates.length)
    })
    const payments = await many(20, () => hub.pay({ customer, ...cny('10') }))
    const ended = await many(20, (n) => hub.respond(payments[n]!._id, 'DECLINE'))
    const entries = ended.flatMap((receipt) => entriesOf(taken(receipt).payment))
    await limitsProjection(client.db(name)).apply(
      entries.map((entry, n) => ({ _id: BigInt(n + 1), ...entry })),
      resultsOf(db, 0),
    )
    expect(writes).toEqual([1])
    expect(await usedOn('2026-03-01')).toBe(0n)
  })

  test('is not counted for more payments of a customer than a day can hold', async () => {
    const holds = Array.from({ length: holdsMax }, (_, n) => ({
      id: `payment ${n}`,
      key: `key ${n}`,
      minor: 1n,
      at: new Date(),
    }))
    await customerDays.insertOne({ _id: dayOf('2026-03-01'), holds })
    expect(await spend('1')).toMatchObject({ code: 'TOO_MANY', path: ['input', 'customer'] })
    expect(await usedOn('2026-03-01')).toBe(2_000n)
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

  test.each([
    { form: 'the id of its payment', id: '0199f000-0000-7000-8000-000000000000', key: 'a/key' },
    { form: 'the id of its key, as in an earlier version', id: 'a/key' },
  ])('is released when a hub stopped before it wrote the payment: a hold with $form', async (hold) => {
    await spend('400')
    const leave = (at: Date) =>
      customerDays.updateOne(
        { _id: dayOf('2026-03-01') },
        { $push: { holds: { id: hold.id, ...(hold.key && { key: hold.key }), minor: 60_000n, at } } },
      )
    await leave(new Date(Date.now() - 110_000))
    expect(await spend('600')).toMatchObject({ code: 'LIMIT_PER_DAY' })
    await customerDays.updateOne({ _id: dayOf('2026-03-01') }, { $pull: { holds: { id: hold.id } } })
    await leave(new Date(Date.now() - 130_000))
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
    await hub.releaseHolds(_id)
    const again = { replayed: true, payment: { _id, status: 'DECLINED' } }
    expect(await hub.paymentService.submit(wallet, input)).toMatchObject(again)
    expect(await usedOn('2026-03-01')).toBe(0n)
    hub.clock.move(12 * 3_600_000)
    expect(await hub.paymentService.submit(wallet, input)).toMatchObject(again)
    expect(await usedOn('2026-03-02')).toBe(0n)
    expect(await spend('1000')).toMatchObject({ replayed: false })
  })

  test('keeps the hold of a payment during 64 replays and conflicts at once over two processes', async () => {
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
  test('needs three calls to MongoDB the first time, and a replay or a conflict writes no hold', async () => {
    const client = new MongoClient(database.uri, { useBigInt64: true, monitorCommands: true })
    onTestFinished(() => client.close())
    const calls: string[] = []
    client.on('commandStarted', ({ commandName, command }) => {
      calls.push(`${commandName} ${String((command as Record<string, unknown>)[commandName])}`)
    })
    const there = await aPaymentHub(client.db(name), hub)
    const input = hub.submission({ customer, ...cny('500') })
    // The first payment of a process also reserves retrieval reference numbers.
    await there.pay({ customer, ...cny('1') })
    const callsOf = async (submitted: SubmitPaymentInput): Promise<string[]> => {
      calls.length = 0
      await there.paymentService.submit(wallet, submitted)
      return calls.filter((call) => !call.startsWith('endSessions'))
    }
    const reserve = ['update customerDays', 'find customerDays']
    expect(await callsOf(input)).toEqual([...reserve, 'insert payments'])
    const before = await customerDays.findOne({ _id: dayOf('2026-03-01') })
    expect(await callsOf(input)).toEqual([...reserve, 'find payments'])
    expect(await callsOf({ ...input, ...cny('1') })).toEqual([...reserve, 'find payments'])
    expect(await customerDays.findOne({ _id: dayOf('2026-03-01') })).toEqual(before)
  })

  test('that waited too long after its reservation writes no payment and releases its hold', async () => {
    let elapsedMs = 0
    const slow = await aPaymentHub(db, hub, {
      elapsedMs: () => elapsedMs,
      dailyLimits: {
        ...(await createDailyLimits(db)),
        async reserve(reservation) {
          const outcome = await (await createDailyLimits(db)).reserve(reservation)
          elapsedMs += 10_001
          return outcome
        },
      },
    })
    const input = hub.submission({ customer, ...cny('1000') })
    expect(await slow.paymentService.submit(wallet, input)).toMatchObject({ code: 'UNAVAILABLE' })
    expect(await usedOn('2026-03-01')).toBe(0n)
    expect(await hub.paymentService.submit(wallet, input)).toMatchObject({ replayed: false })
  })

  test('can be repeated at once when the process of the first call has stopped', async () => {
    const key = (text: string) => `${wallet}/submitPayment/${text}`
    const leave = (idempotencyKey: string) =>
      customerDays.updateOne(
        { _id: dayOf('2026-03-01') },
        {
          $push: { holds: { id: idempotencyKey, key: key(idempotencyKey), minor: 40_000n, at: new Date() } },
        },
        { upsert: true },
      )
    const [fits, exceeds] = [
      hub.submission({ customer, ...cny('400') }),
      hub.submission({ customer, ...cny('400') }),
    ]
    await leave(fits.idempotencyKey)
    expect(await hub.paymentService.submit(wallet, fits)).toMatchObject({ replayed: false })
    await customerDays.updateOne(
      { _id: dayOf('2026-03-01') },
      { $pull: { holds: { id: fits.idempotencyKey } } },
    )
    await leave(exceeds.idempotencyKey)
    await spend('200')
    // At most one call with a key writes its payment, so both of them use the day once.
    expect(await hub.paymentService.submit(wallet, exceeds)).toMatchObject({ replayed: false })
    expect(await spend('0.01')).toMatchObject({ code: 'LIMIT_PER_DAY', used: money(100_000n, 'CNY') })
  })

  test('of more than its first call, whose process has stopped, may have to wait', async () => {
    const day = { _id: dayOf('2026-03-01') }
    const input = hub.submission({ customer, ...cny('400') })
    const hold = { id: 'payment of the first call', key: `${wallet}/submitPayment/${input.idempotencyKey}` }
    const holds = [{ ...hold, minor: 39_999n, at: new Date() }]
    await customerDays.updateOne(day, { $set: { holds } }, { upsert: true })
    await spend('600')
    // It is not known whether the first call still writes its payment.
    expect(await hub.paymentService.submit(wallet, input)).toMatchObject({ code: 'UNAVAILABLE' })
    await customerDays.updateOne(day, { $set: { 'holds.$[].at': new Date(Date.now() - 130_000) } })
    expect(await hub.paymentService.submit(wallet, input)).toMatchObject({ replayed: false })
    expect(await usedOn('2026-03-01')).toBe(100_000n)
  })
})
