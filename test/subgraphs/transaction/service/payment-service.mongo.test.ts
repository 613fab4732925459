import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { MerchantId, PaymentId, QuoteId } from '../../../../schema/values/id.ts'
import { isRefusal } from '../../../../schema/values/problems.ts'
import { connect, type Mongo } from '../../../../subgraphs/platform/mongo/client.ts'
import type { Quote } from '../../../../subgraphs/transaction/price/quote.ts'
import { builtInRates } from '../../../../subgraphs/transaction/price/rates.ts'
import type { PaymentReceipt } from '../../../../subgraphs/transaction/service/idempotent-payments.ts'
import {
  createPaymentService,
  type PaymentService,
  type PaymentServiceDependencies,
} from '../../../../subgraphs/transaction/service/payment-service.ts'
import type { SubmitPaymentInput } from '../../../../subgraphs/transaction/service/read-input.ts'
import {
  createPaymentStore,
  type PaymentStore,
} from '../../../../subgraphs/transaction/store/payment-store.ts'
import { describeIdempotency } from '../../../contracts/idempotency.ts'
import { acquirer, many, wallet } from '../../../fixtures/a-payment-hub.ts'
import { aClock, aDirectory, aRegistry, noon } from '../../../fixtures/a-programme.ts'
import { anId } from '../../../fixtures/an-id.ts'
import { freshDatabase } from '../../../harness/mongo.ts'

const { db, uri, name } = await freshDatabase()
const order = {
  merchant: anId<MerchantId>(`${acquirer}.M1`),
  amount: { amount: '88.5', currency: 'CNY' },
  payerCurrency: 'SGD',
}

let store: PaymentStore
/** The connection of another process, with loaders and writers of its own. */
let elsewhere: Mongo
let storeElsewhere: PaymentStore
beforeAll(async () => {
  store = await createPaymentStore(db)
  elsewhere = await connect(uri)
  storeElsewhere = await createPaymentStore(elsewhere.db(name))
  return () => elsewhere.close()
})

let clock: ReturnType<typeof aClock>
let registry: ReturnType<typeof aRegistry>
let paymentService: PaymentService
const aService = (more: Partial<PaymentServiceDependencies> = {}) =>
  createPaymentService({
    store,
    registry,
    directory: aDirectory(),
    now: clock.now,
    rates: builtInRates,
    screen: () => null,
    logger: { error: () => {} },
    ...more,
  })
beforeEach(() => {
  clock = aClock()
  registry = aRegistry()
  paymentService = aService()
})

/** A service whose inserts throw, after the write or without it. */
const failing = (write: boolean) =>
  aService({
    store: {
      ...store,
      insert: async (payment, share) => {
        if (write) await store.insert(payment, share)
        throw new Error('the connection was lost')
      },
    },
  })

let numbers = 0
const aSubmission = (more: Partial<SubmitPaymentInput> = {}): SubmitPaymentInput => {
  numbers++
  return { idempotencyKey: `key ${numbers}`, reference: `number ${numbers}`, ...order, ...more }
}
const withQuote = (quote: QuoteId, more: Partial<SubmitPaymentInput> = {}): SubmitPaymentInput => {
  numbers++
  return { idempotencyKey: `key ${numbers}`, reference: `number ${numbers}`, quote, ...more }
}
const quoted = async (): Promise<QuoteId> => {
  const quote = await paymentService.quote(wallet, order)
  if (isRefusal(quote)) throw new Error(quote.message)
  return quote._id
}
const paid = async (input: SubmitPaymentInput = aSubmission()): Promise<PaymentReceipt> => {
  const receipt = await paymentService.submit(wallet, input)
  if (isRefusal(receipt)) throw new Error(receipt.message)
  return receipt
}
const countOf = (filter: object): Promise<number> => store.payments.countDocuments(filter)

describe('submitting a payment', () => {
  test('with a quote keeps every term of the quote, and is sent by its first write', async () => {
    const quote = await quoted()
    clock.move(1000)
    const { payment, replayed } = await paid(
      withQuote(quote, { customer: 'c1', token: { reference: 't1', lastFour: '4242' } }),
    )
    const terms = (await store.quoteById(quote))!.terms
    expect(replayed).toBe(false)
    expect(await store.byId.load(payment._id)).toEqual(payment)
    expect(payment).toMatchObject({
      ...terms,
      status: 'ROUTED',
      sequence: 2,
      wallet,
      counterparty: acquirer,
      quote,
      customer: 'c1',
      token: { reference: 't1', lastFour: '4242' },
      respondBy: new Date(noon.getTime() + 9000),
      due: new Date(noon.getTime() + 9000),
      refunded: { minor: 0n, currency: 'CNY' },
    })
    expect(payment.events.map(({ sequence, kind, from, to }) => [sequence, kind, from, to])).toEqual([
      [1, 'SUBMITTED', null, 'RECEIVED'],
      [2, 'SENT', 'RECEIVED', 'ROUTED'],
    ])
    expect(payment.rrn).toMatch(/^\d{12}$/)
  })

  test('without a quote quotes and pays in one step, at the same price', async () => {
    const { payment } = await paid()
    const terms = (await store.quoteById(await quoted()))!.terms
    expect(payment).toMatchObject({ ...terms })
    expect(payment).not.toHaveProperty('quote')
  })

  test('that the screening declines is stored with its reason', async () => {
    const screening = aService({ screen: ({ customer }) => (customer === 'listed' ? 'SCREENING' : null) })
    const input = aSubmission({ customer: 'listed' })
    const first = (await screening.submit(wallet, input)) as PaymentReceipt
    expect(first.payment).toMatchObject({ status: 'DECLINED', reason: 'SCREENING', sequence: 2 })
    expect(first.payment.events.map(({ kind }) => kind)).toEqual(['SUBMITTED', 'RULE_DECLINED'])
    expect(first.payment).not.toHaveProperty('due')
    expect(await screening.submit(wallet, input)).toEqual({ ...first, replayed: true })
  })

  test('gives each payment its own retrieval reference number, also over two processes', async () => {
    const there = aService({ store: storeElsewhere })
    const receipts = await many(40, (n) => (n % 2 ? paymentService : there).submit(wallet, aSubmission()))
    expect(new Set(receipts.map((receipt) => (receipt as PaymentReceipt).payment.rrn)).size).toBe(40)
  })

  test.each([
    {
      what: 'an unknown quote',
      input: () => withQuote(anId('none')),
      code: 'QUOTE_UNKNOWN',
      path: ['input', 'quote'],
    },
    {
      what: 'an unknown merchant',
      input: () => aSubmission({ merchant: anId('unknown') }),
      code: 'MERCHANT_UNKNOWN',
      path: ['input', 'merchant'],
    },
    {
      what: 'an unknown code',
      input: () => aSubmission({ merchant: null, payload: 'x' }),
      code: 'CODE_UNKNOWN',
      path: ['input', 'payload'],
    },
    {
      what: 'a suspended merchant',
      input: () => aSubmission({ merchant: anId(`${acquirer}.M2`) }),
      code: 'MERCHANT_INACTIVE',
      path: [],
    },
    {
      what: 'an amount over the limit',
      input: () => aSubmission({ amount: { amount: '50001', currency: 'CNY' } }),
      code: 'LIMIT_PER_PAYMENT',
      path: ['input', 'amount'],
    },
  ])('for $what is refused and nothing is written', async ({ input, code, path }) => {
    const submission = input()
    expect(await paymentService.submit(wallet, submission)).toMatchObject({ code, path })
    expect(await countOf({ reference: submission.reference })).toBe(0)
  })

  test('is only for wallets', async () => {
    expect(await paymentService.submit(acquirer, aSubmission())).toMatchObject({ code: 'FORBIDDEN' })
    expect(await paymentService.quote(acquirer, order)).toMatchObject({ code: 'FORBIDDEN' })
  })
})

describe('a quote', () => {
  test('of another wallet is unknown', async () => {
    const quote = await quoted()
    expect(await paymentService.submit(anId('wallet-sg-02'), withQuote(quote))).toMatchObject({
      code: 'QUOTE_UNKNOWN',
    })
  })

  test('expires exactly at `expiresAt`', async () => {
    const quote = await quoted()
    clock.move(300_000)
    expect(await paymentService.submit(wallet, withQuote(quote))).toMatchObject({
      code: 'QUOTE_EXPIRED',
      path: ['input', 'quote'],
    })
    clock.move(-1)
    expect(await paymentService.submit(wallet, withQuote(quote))).toMatchObject({ replayed: false })
  })

  test('pays nothing once its corridor has closed', async () => {
    const quote = await quoted()
    const corridor = registry.corridors.get(anId('SG-CN'))!
    registry.corridors.set(corridor.id, { ...corridor, status: 'CLOSED' })
    expect(await paymentService.submit(wallet, withQuote(quote))).toMatchObject({ code: 'CORRIDOR_CLOSED' })
  })

  test('made in another process can be paid here', async () => {
    const quote = await aService({ store: storeElsewhere }).quote(wallet, order)
    expect(await paymentService.submit(wallet, withQuote((quote as Quote)._id))).toMatchObject({
      replayed: false,
    })
  })

  test('is used once, with 64 payments at once over two processes', async () => {
    const quote = await quoted()
    const there = aService({ store: storeElsewhere })
    const answers = await many(64, (n) => (n % 2 ? paymentService : there).submit(wallet, withQuote(quote)))
    expect(answers.filter((answer) => !isRefusal(answer))).toHaveLength(1)
    expect(answers.filter((answer) => isRefusal(answer) && answer.code === 'QUOTE_USED')).toHaveLength(63)
    expect(await countOf({ quote })).toBe(1)
  })
})

const submissions = {
  clock: { now: () => clock.now(), move: (ms: number) => clock.move(ms) },
  call(
    { first }: { first: SubmitPaymentInput },
    idempotencyKey: string,
    input: 'first' | 'other',
    process: 0 | 1,
  ) {
    const service = process === 0 ? paymentService : aService({ store: storeElsewhere })
    return service.submit(wallet, {
      ...first,
      idempotencyKey,
      reference: input === 'first' ? first.reference : `another ${first.reference}`,
    })
  },
  effects: ({ first }: { first: SubmitPaymentInput }) =>
    countOf({ reference: new RegExp(`${first.reference}$`) }),
}

describeIdempotency('a payment', {
  ...submissions,
  open: async () => ({ first: aSubmission() }),
  callAsAnother: ({ first }, idempotencyKey) =>
    paymentService.submit(anId('wallet-sg-02'), { ...first, idempotencyKey }),
  async refuse() {
    const corridor = registry.corridors.get(anId('SG-CN'))!
    registry.corridors.set(corridor.id, { ...corridor, status: 'CLOSED' })
    return () => registry.corridors.set(corridor.id, corridor)
  },
  callInOutage: ({ first }, idempotencyKey) => failing(false).submit(wallet, { ...first, idempotencyKey }),
})

describeIdempotency('a payment by quote', {
  ...submissions,
  open: async () => ({ first: withQuote(await quoted()) }),
})

describe('an idempotency key', () => {
  test('returns its first result even when the hub would no longer accept the payment', async () => {
    const input = withQuote(await quoted())
    const { payment } = await paid(input)
    clock.move(3_600_000)
    expect(await paymentService.submit(wallet, input)).toEqual({
      __typename: 'PaymentReceipt',
      replayed: true,
      payment,
    })
  })

  test('compares amounts as money: 60.00 and then 60.0 is the same payment', async () => {
    const input = aSubmission({ amount: { amount: '60.00', currency: 'CNY' } })
    await paid(input)
    for (const amount of ['60.0', '60']) {
      expect(
        await paymentService.submit(wallet, { ...input, amount: { amount, currency: 'CNY' } }),
      ).toMatchObject({ replayed: true })
    }
    expect(
      await paymentService.submit(wallet, { ...input, amount: { amount: '60.01', currency: 'CNY' } }),
    ).toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' })
  })

  test('compares inputs by value, not by their text', async () => {
    const input = aSubmission()
    await paid(input)
    const reversed = Object.fromEntries(Object.entries({ ...input, customer: null }).toReversed())
    expect(await paymentService.submit(wallet, reversed as unknown as SubmitPaymentInput)).toMatchObject({
      replayed: true,
    })
  })
})

describe('a reference', () => {
  test('identifies one payment of a wallet', async () => {
    const input = aSubmission()
    await paid(input)
    expect(await paymentService.submit(wallet, aSubmission({ reference: input.reference }))).toMatchObject({
      code: 'REFERENCE_USED',
      path: ['input', 'reference'],
    })
    expect(
      await paymentService.submit(anId('wallet-sg-02'), aSubmission({ reference: input.reference })),
    ).toMatchObject({
      replayed: false,
    })
  })
})

describe('when the outcome of a write is unknown', () => {
  test('a payment that was written is returned', async () => {
    const input = aSubmission()
    const answer = await failing(true).submit(wallet, input)
    expect(answer).toMatchObject({
      replayed: false,
      payment: { reference: input.reference, status: 'ROUTED' },
    })
    expect(await paymentService.submit(wallet, input)).toEqual({ ...answer, replayed: true })
  })
})

describe('the counterparty’s answer', () => {
  const approve = (payment: PaymentId) => ({ payment, decision: 'APPROVE' as const, reference: 'A-1' })

  test('completes the payment, with postings and settlement date, in one write', async () => {
    const { payment } = await paid(aSubmission({ amount: { amount: '300', currency: 'CNY' } }))
    clock.move(120)
    const answer = (await paymentService.respond(acquirer, approve(payment._id))) as PaymentReceipt
    expect(answer).toMatchObject({
      replayed: false,
      payment: {
        status: 'COMPLETED',
        sequence: 3,
        settlementDate: '2026-03-01',
        settlement: 'PENDING',
        answerReference: 'A-1',
      },
    })
    expect(answer.payment).not.toHaveProperty('due')
    expect(await store.byId.load(payment._id)).toEqual(answer.payment)
    expect(answer.payment.events.at(-1)!.booking).toEqual({
      settlementDate: '2026-03-01',
      postings: [
        { account: 'WALLET', participant: wallet, currency: 'SGD', minor: -5597n },
        { account: 'FEE', participant: 'operator', currency: 'SGD', minor: 163n },
        { account: 'ACQUIRER', participant: acquirer, currency: 'CNY', minor: 30_000n },
        { account: 'LIQUIDITY', participant: 'operator', currency: 'SGD', minor: 5406n },
        { account: 'LIQUIDITY', participant: 'operator', currency: 'CNY', minor: -30_000n },
        { account: 'SPREAD', participant: 'operator', currency: 'SGD', minor: 28n },
      ],
    })
  })

  test('that declines carries a reason', async () => {
    const { payment } = await paid()
    expect(
      await paymentService.respond(acquirer, { payment: payment._id, decision: 'DECLINE', reason: 'AM04' }),
    ).toMatchObject({
      payment: { status: 'DECLINED', reason: 'INSUFFICIENT_FUNDS' },
    })
  })

  test('given twice is recorded without effect', async () => {
    const { payment } = await paid()
    await paymentService.respond(acquirer, approve(payment._id))
    const again = (await paymentService.respond(acquirer, approve(payment._id))) as PaymentReceipt
    expect(again).toMatchObject({ replayed: true, payment: { status: 'COMPLETED', sequence: 4 } })
    expect(again.payment.events.at(-1)).toMatchObject({
      kind: 'LATE_MESSAGE',
      from: 'COMPLETED',
      to: 'COMPLETED',
    })
  })

  test('that contradicts the first is refused, and recorded without effect', async () => {
    const { payment } = await paid()
    await paymentService.respond(acquirer, { payment: payment._id, decision: 'DECLINE' })
    expect(await paymentService.respond(acquirer, approve(payment._id))).toMatchObject({
      code: 'NOT_WAITING',
    })
    expect(await store.byId.load(payment._id)).toMatchObject({ status: 'DECLINED', sequence: 4 })
  })

  test('repeated without end is recorded at most 64 times', async () => {
    const { payment } = await paid()
    for (let n = 0; n < 4; n++) await many(32, () => paymentService.respond(acquirer, approve(payment._id)))
    const { events } = (await store.byId.load(payment._id))!
    expect(events.filter(({ kind }) => kind === 'LATE_MESSAGE')).toHaveLength(64)
    expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, n) => n + 1))
  })

  test('64 at once, both ways, over two processes: one decides', async () => {
    const there = aService({ store: storeElsewhere })
    const { payment } = await paid()
    const answers = await many(64, (n) =>
      (n % 2 ? paymentService : there).respond(acquirer, {
        payment: payment._id,
        decision: n % 3 ? 'APPROVE' : 'DECLINE',
      }),
    )
    const moved = answers.filter((answer) => !isRefusal(answer) && !answer.replayed)
    expect(moved).toHaveLength(1)
    const stored = (await store.byId.load(payment._id))!
    expect(stored.status).toBe((moved[0] as PaymentReceipt).payment.status)
    expect(stored.events.filter(({ from, to }) => from !== to)).toHaveLength(3)
  })

  test.each([wallet, 'acquirer-cn-02', 'operator'])('is not accepted from %s', async (other) => {
    const { payment } = await paid()
    expect(await paymentService.respond(anId(other), approve(payment._id))).toMatchObject({
      code: 'PAYMENT_UNKNOWN',
    })
    expect(await store.byId.load(payment._id)).toMatchObject({ status: 'ROUTED', sequence: 2 })
  })

  test('to no payment is refused', async () => {
    expect(await paymentService.respond(acquirer, approve(anId('none')))).toMatchObject({
      code: 'PAYMENT_UNKNOWN',
      path: ['input', 'payment'],
    })
  })
})
