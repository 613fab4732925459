import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import type { PaymentId } from '../../../../schema/values/id.ts'
import { money, type Money } from '../../../../schema/values/money.ts'
import { isRefusal } from '../../../../schema/values/problems.ts'
import type { Posting } from '../../../../subgraphs/log/entry.ts'
import { postingsOf, refundPostings, shareOf } from '../../../../subgraphs/transaction/payment/posting.ts'
import { priceFixedMerchant } from '../../../../subgraphs/transaction/price/pricing.ts'
import { builtInRates } from '../../../../subgraphs/transaction/price/rates.ts'
import { describeIdempotency } from '../../../contracts/idempotency.ts'
import {
  acquirer,
  aPaymentHub,
  many,
  taken,
  wallet,
  type PaymentHub,
} from '../../../fixtures/a-payment-hub.ts'
import { aCorridor } from '../../../fixtures/a-programme.ts'
import { anId } from '../../../fixtures/an-id.ts'
import { connectAgain, freshDatabase } from '../../../harness/mongo.ts'

const database = await freshDatabase()
const { db, name } = database
const elsewhere = await connectAgain(database)
let hub: PaymentHub
beforeEach(async () => {
  hub = await aPaymentHub(db)
})

let keys = 0
const refund = (
  payment: PaymentId,
  amount: string | null = null,
  more: { idempotencyKey?: string; reason?: string; currency?: string } = {},
  by = wallet,
  at = hub,
) => {
  const { currency = 'CNY', ...rest } = more
  return at.paymentService.refund(by, {
    idempotencyKey: `refund ${++keys}`,
    payment,
    ...(amount !== null && { amount: { amount, currency } }),
    ...rest,
  })
}

describe('a refund', () => {
  test('of a part uses the payment’s own rate, and leaves the rest', async () => {
    const { _id } = await hub.complete({ amount: { amount: '300', currency: 'CNY' } })
    const { refund: made, replayed } = taken(await refund(_id, '100', { reason: 'CUST' }))
    expect(replayed).toBe(false)
    expect(made.refund).toMatchObject({
      status: 'COMPLETED',
      merchantAmount: money(10_000n, 'CNY'),
      // A third of SGD 55.97, rounded down: the payer gains nothing by it.
      payerAmount: money(1_865n, 'SGD'),
      settlementDate: '2026-03-01',
      settlement: 'PENDING',
      reason: 'CUSTOMER_CANCELLED',
    })
    expect(made.payment).toMatchObject({ status: 'COMPLETED', refunded: money(10_000n, 'CNY') })
    expect(made.payment.events.at(-1)).toMatchObject({ kind: 'REFUNDED', from: 'COMPLETED', to: 'COMPLETED' })
  })

  test('without an amount refunds all that remains, so that the payer has received all that it spent', async () => {
    const { _id, payerAmount } = await hub.complete({ amount: { amount: '300', currency: 'CNY' } })
    await refund(_id, '33.33')
    const { refund: last } = taken(await refund(_id))
    const back = last.payment.refunds.reduce((sum, one) => sum + one.payerAmount.minor, 0n)
    expect(back).toBe(payerAmount.minor)
    expect(await refund(_id)).toMatchObject({
      code: 'NOT_REFUNDABLE',
      message: 'the whole payment was refunded',
    })
  })

  test.each([
    { amount: '300.01', code: 'REFUND_TOO_LARGE', path: ['input', 'amount'] },
    { amount: '0', code: 'AMOUNT_NOT_POSITIVE', path: ['input', 'amount', 'amount'] },
    { amount: '1.001', code: 'AMOUNT_TOO_PRECISE', path: ['input', 'amount', 'amount'] },
    { amount: '1', currency: 'SGD', code: 'WRONG_CURRENCY', path: ['input', 'amount', 'currency'] },
    { amount: '0.01', code: 'AMOUNT_NOT_POSITIVE', path: ['input', 'amount'] },
  ])('of $amount $currency is refused: $code', async ({ amount, currency = 'CNY', code, path }) => {
    const { _id } = await hub.complete({ amount: { amount: '300', currency: 'CNY' } })
    expect(await refund(_id, amount, { currency })).toMatchObject({ code, path })
    expect(await hub.payment(_id)).toMatchObject({ refunds: [], sequence: 3 })
  })

  test('is only for completed payments', async () => {
    const { _id } = await hub.pay()
    expect(await refund(_id)).toMatchObject({ code: 'NOT_REFUNDABLE', message: 'the payment is ROUTED' })
  })

  test('is accepted until the window closes, and not at that instant', async () => {
    const payments = await many(2, () => hub.complete())
    hub.clock.move(180 * 86_400_000 - 1)
    expect(await refund(payments[0]!._id)).toMatchObject({ refund: { refund: { status: 'COMPLETED' } } })
    hub.clock.move(1)
    expect(await refund(payments[1]!._id)).toMatchObject({ code: 'NOT_REFUNDABLE' })
  })

  test('is also for the acquirer, and for no other participant', async () => {
    const { _id } = await hub.complete()
    expect(await refund(_id, '1', {}, acquirer)).toMatchObject({
      refund: { refund: { status: 'COMPLETED' } },
    })
    for (const other of ['wallet-sg-02', 'acquirer-cn-02', 'operator']) {
      expect(await refund(_id, '1', {}, anId(other))).toMatchObject({ code: 'PAYMENT_UNKNOWN' })
    }
  })

  test('is possible for a suspended participant', async () => {
    const { _id } = await hub.complete()
    const { participants } = hub.registry
    participants.set(wallet, { ...participants.get(wallet)!, status: 'SUSPENDED' })
    expect(await refund(_id)).toMatchObject({ refund: { refund: { status: 'COMPLETED' } } })
  })

  test('64 times at once, over two processes, never exceeds the payment', async () => {
    const there = await aPaymentHub(elsewhere.db(name), hub)
    const { _id } = await hub.complete({ amount: { amount: '100', currency: 'CNY' } })
    const answers = await many(64, (n) =>
      refund(_id, '3', {}, n % 2 ? wallet : acquirer, n % 3 ? hub : there),
    )
    expect(answers.filter((answer) => !isRefusal(answer))).toHaveLength(33)
    expect(answers.filter(isRefusal).map(({ code }) => code)).toEqual(Array(31).fill('REFUND_TOO_LARGE'))
    const payment = await hub.payment(_id)
    expect(payment.refunded).toEqual(money(9_900n, 'CNY'))
    expect(payment.refunds).toHaveLength(33)
  })
})

describeIdempotency('a refund', {
  clock: { now: () => hub.clock.now(), move: (ms) => hub.clock.move(ms) },
  async open() {
    const there = await aPaymentHub(elsewhere.db(name), hub)
    return { payment: (await hub.complete())._id, hubs: [hub, there] as const }
  },
  call: ({ payment, hubs }, idempotencyKey, input, process) =>
    refund(payment, input === 'first' ? '1' : '2', { idempotencyKey }, wallet, hubs[process]),
  effects: async ({ payment }) => (await hub.payment(payment)).refunds?.length ?? 0,
})

describe('the postings of refunds', () => {
  /** Refunds of one payment, in minor units of the merchant's currency. */
  const cuts = fc.record({
    minor: fc.bigInt(1_000n, 10_000_000n),
    payer: fc.constantFrom('SGD', 'CNY', 'JPY', 'KWD', 'IDR' as const),
    parts: fc.array(fc.double({ min: 0.01, max: 0.9, noNaN: true }), { maxLength: 6 }),
  })

  test('balance per currency at every step, never exceed the payer’s share, and add up to the whole', () => {
    fc.assert(
      fc.property(cuts, ({ minor, payer, parts }) => {
        const amount = money(minor, 'CNY')
        const corridor = aCorridor('SG-CN', { limits: { perPayment: amount, perDay: amount } })
        const price = priceFixedMerchant(amount, payer, corridor, builtInRates)
        if (isRefusal(price)) throw new Error(price.message)
        const parties = { wallet, acquirer }
        let before: Money = money(0n, 'CNY')
        const all: Posting[] = []
        for (const part of [...parts, 1]) {
          const left = minor - before.minor
          const step = part === 1 ? left : BigInt(Math.floor(Number(left) * part))
          if (step === 0n) continue
          const after = money(before.minor + step, 'CNY')
          const postings = refundPostings(price, parties, before, after)
          for (const sum of sums(postings).values()) expect(sum).toBe(0n)
          const payerBack = shareOf(price.payerAmount, price, money(0n, 'CNY'), after)
          expect(payerBack.minor * minor).toBeLessThanOrEqual(price.payerAmount.minor * after.minor)
          all.push(...postings)
          before = after
        }
        // All refunds together undo the payment, account by account.
        const total = sums(
          [...postingsOf(price, parties), ...all],
          ({ account, currency }) => `${account} ${currency}`,
        )
        expect([...total.values()].every((sum) => sum === 0n)).toBe(true)
      }),
    )
  })
})

function sums(
  postings: readonly Posting[],
  nameOf: (posting: Posting) => string = ({ currency }) => currency,
): Map<string, bigint> {
  const found = new Map<string, bigint>()
  for (const posting of postings) {
    found.set(nameOf(posting), (found.get(nameOf(posting)) ?? 0n) + posting.minor)
  }
  return found
}
