// Every field of what payments' mutations take, written in every wrong way: each has a refusal of its own, and nothing is written.

import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { encodeCpm } from '../../../../schema/qr/index.ts'
import { openTransactionSubgraph, type TransactionSubgraph } from '../../../../subgraphs/transaction/index.ts'
import { freshDatabase } from '../../../harness/mongo.ts'
import { readTip } from '../../../../subgraphs/log/store.ts'
import { aClock, aDirectory, aRegistry, as, quietLog } from '../../../fixtures/transaction-world.ts'

const { db } = await freshDatabase()
const clock = aClock()
let hub: TransactionSubgraph
/** A payment that completed, and a code that was presented. */
const known = { payment: '', payload: '' }

const ask = async (mutation: string, type: string, input: object, who = 'wallet-sg-01') => {
  const document = `mutation ($input: ${type}!) { ${mutation}(input: $input) {
    __typename ... on Problem { code message path isoCode } } }`
  const { data, errors } = await hub.app.graphql(document, { ...as(who) }, { input })
  if (errors) throw errors[0]!
  return (data as Record<string, { __typename: string; code?: string; message?: string; path?: string[] }>)[
    mutation
  ]!
}

beforeAll(async () => {
  const settings = {
    registry: aRegistry(),
    directory: aDirectory(),
    now: clock.now,
    logger: quietLog,
  }
  hub = await openTransactionSubgraph({ ...settings, db, cursorSecret: 'secret', simulator: null })
  await ask('submitPayment', 'SubmitPaymentInput', valid.submitPayment())
  const paid = await db.collection<{ _id: string }>('payments').findOne({ reference: 'number 1' })
  known.payment = paid!._id
  await ask(
    'respondAuthorization',
    'RespondAuthorizationInput',
    valid.respondAuthorization(),
    'acquirer-cn-01',
  )
  await ask('presentCode', 'PresentCodeInput', valid.presentCode())
  known.payload = (await db.collection<{ payload: string }>('presentedCodes').findOne())!.payload
  // Submitted, sent, approved: what follows is not to be mistaken for it.
  await vi.waitUntil(async () => (await readTip(db)) === 3n, { timeout: 10_000, interval: 10 })
})
afterAll(() => hub.close())

let numbers = 0
const cny = (amount: string) => ({ amount, currency: 'CNY' })
const fresh = () => `number ${++numbers}`

/** What each mutation takes when nothing is wrong with it. */
const valid = {
  quotePayment: () => ({ merchant: 'acquirer-cn-01.M1', amount: cny('10'), payerCurrency: 'SGD' }),
  submitPayment: () => {
    const number = fresh()
    return {
      idempotencyKey: number,
      reference: number,
      merchant: 'acquirer-cn-01.M1',
      amount: cny('10'),
      payerCurrency: 'SGD',
      customer: 'customer',
      token: { reference: 'account', lastFour: '4242' },
    }
  },
  cancelPayment: () => ({ idempotencyKey: fresh(), payment: known.payment, reason: 'a reason' }),
  refundPayment: () => ({
    idempotencyKey: fresh(),
    payment: known.payment,
    amount: cny('1'),
    reason: 'AM05',
  }),
  inquirePayment: () => ({ payment: known.payment }),
  presentCode: () => ({ idempotencyKey: fresh(), token: { reference: 'account', lastFour: '4242' } }),
  chargePresentedCode: () => ({
    idempotencyKey: fresh(),
    payload: known.payload,
    merchant: 'acquirer-cn-01.M1',
    amount: cny('10'),
    terminal: 'till 7',
  }),
  respondAuthorization: () => ({ payment: known.payment, decision: 'APPROVE', reference: 'A-1' }),
}
type Mutation = keyof typeof valid

/** A code that a wallet of another hub may have presented. */
const strange = encodeCpm({ applications: [{ aid: 'A000000333010101', lastFour: '4242' }] })
const long = 'x'.repeat(65)
const controls = 'a\tb'
/** Ways to write an amount, each with its own refusal. */
const amounts = (field: string): Row[] => [
  [field, { amount: 'ten', currency: 'CNY' }, 'AMOUNT_MALFORMED', 'amount'],
  [field, { amount: '1e3', currency: 'CNY' }, 'AMOUNT_MALFORMED', 'amount'],
  [field, { amount: '1.005', currency: 'CNY' }, 'AMOUNT_TOO_PRECISE', 'amount'],
  [field, { amount: '0', currency: 'CNY' }, 'AMOUNT_NOT_POSITIVE', 'amount'],
  [field, { amount: '-1', currency: 'CNY' }, 'AMOUNT_NOT_POSITIVE', 'amount'],
  [field, { amount: '90000000000001', currency: 'CNY' }, 'AMOUNT_TOO_LARGE', 'amount'],
  [field, { amount: '1', currency: 'XXX' }, 'UNKNOWN_CURRENCY', 'currency'],
]
const texts = (field: string): Row[] => [
  [field, '', 'BAD_VALUE'],
  [field, long, 'BAD_VALUE'],
  [field, controls, 'BAD_VALUE'],
]
const notes: Row[] = [
  ['reason', '', 'BAD_VALUE'],
  ['reason', 'x'.repeat(501), 'BAD_VALUE'],
  ['reason', controls, 'BAD_VALUE'],
]
const tokens: Row[] = [
  ['token', { reference: '' }, 'BAD_VALUE', 'reference'],
  ['token', { reference: long }, 'BAD_VALUE', 'reference'],
  ['token', { reference: '4111 1111 1111 1111' }, 'BAD_VALUE', 'reference'],
  ['token', { reference: 'a', lastFour: '42' }, 'BAD_VALUE', 'lastFour'],
  ['token', { reference: 'a', lastFour: 'abcd' }, 'BAD_VALUE', 'lastFour'],
]

/** Field, what is written there, the code that comes back, and the field within it that is at fault. */
type Row = readonly [field: string, value: unknown, code: string, inner?: string]

const bad: Readonly<
  Record<Mutation, { readonly type: string; readonly who?: string; readonly rows: readonly Row[] }>
> = {
  quotePayment: {
    type: 'QuotePaymentInput',
    rows: [
      ['merchant', 'nobody', 'MERCHANT_UNKNOWN'],
      ['payload', 'both', 'EXACTLY_ONE', '-'],
      ['payerCurrency', 'XXX', 'UNKNOWN_CURRENCY'],
      ['amount', null, 'AMOUNT_MISSING'],
      ['amount', { amount: '1', currency: 'SGD' }, 'WRONG_CURRENCY', 'currency'],
      ...amounts('amount'),
      ['tip', cny('1'), 'BAD_VALUE'],
      ...amounts('tip'),
      ['entryMode', 'CPM', 'BAD_VALUE'],
      ['side', 'FIXED_PAYER', 'WRONG_CURRENCY', '-'],
    ],
  },
  submitPayment: {
    type: 'SubmitPaymentInput',
    rows: [
      ...texts('idempotencyKey'),
      ...texts('reference'),
      ...texts('customer'),
      ...tokens,
      ['quote', 'both', 'EXACTLY_ONE', '-'],
      ['payload', 'both', 'EXACTLY_ONE', '-'],
      ['merchant', null, 'EXACTLY_ONE', '-'],
      ['merchant', 'nobody', 'MERCHANT_UNKNOWN'],
      ['payerCurrency', 'XXX', 'UNKNOWN_CURRENCY'],
      ['amount', null, 'AMOUNT_MISSING'],
      ['amount', { amount: '1', currency: 'SGD' }, 'WRONG_CURRENCY', 'currency'],
      ...amounts('amount'),
    ],
  },
  cancelPayment: {
    type: 'CancelPaymentInput',
    rows: [...texts('idempotencyKey'), ['payment', 'nothing', 'PAYMENT_UNKNOWN'], ...notes],
  },
  refundPayment: {
    type: 'RefundPaymentInput',
    rows: [
      ...texts('idempotencyKey'),
      ['payment', 'nothing', 'PAYMENT_UNKNOWN'],
      ...notes,
      ['amount', cny('10.01'), 'REFUND_TOO_LARGE'],
      ['amount', { amount: '1', currency: 'SGD' }, 'WRONG_CURRENCY', 'currency'],
      ...amounts('amount'),
    ],
  },
  inquirePayment: {
    type: 'InquirePaymentInput',
    rows: [
      ['payment', null, 'EXACTLY_ONE', '-'],
      ['reference', 'both', 'EXACTLY_ONE', '-'],
      ['payment', 'nothing', 'PAYMENT_UNKNOWN'],
      ['rrn', '000000000001', 'EXACTLY_ONE', '-'],
      ['settlementDate', '2026-03-01', 'EXACTLY_ONE', '-'],
    ],
  },
  presentCode: {
    type: 'PresentCodeInput',
    rows: [
      ...texts('idempotencyKey'),
      ...tokens,
      ...amounts('limit'),
      ['ttlSeconds', 29, 'BAD_VALUE'],
      ['ttlSeconds', 301, 'BAD_VALUE'],
    ],
  },
  chargePresentedCode: {
    type: 'ChargePresentedCodeInput',
    who: 'acquirer-cn-01',
    rows: [
      ...texts('idempotencyKey'),
      ['payload', 'nothing', 'QR_INVALID'],
      ['payload', strange, 'CODE_UNKNOWN'],
      ['merchant', 'acquirer-cn-02.M1', 'MERCHANT_UNKNOWN'],
      ...texts('terminal'),
      ['terminal', 'x'.repeat(26), 'BAD_VALUE'],
      ['amount', { amount: '1', currency: 'SGD' }, 'WRONG_CURRENCY', 'currency'],
      ...amounts('amount'),
    ],
  },
  respondAuthorization: {
    type: 'RespondAuthorizationInput',
    who: 'acquirer-cn-01',
    rows: [['payment', 'nothing', 'PAYMENT_UNKNOWN'], ['reason', 'AM04', 'BAD_VALUE'], ...texts('reference')],
  },
}

const rows = Object.entries(bad).flatMap(([mutation, { rows: own }]) =>
  own.map(([field, value, code, inner]) => ({ mutation: mutation as Mutation, field, value, code, inner })),
)

/** How much there is of everything that a mutation could write. What a key was refused is kept, and is no payment. */
const written = async () => {
  const payments = db.collection<{ _id: string }>('payments')
  const counts = await Promise.all([
    payments.countDocuments({ _id: { $gte: '0' } }),
    ...['quotes', 'presentedCodes', 'customerDays', 'log'].map((name) =>
      db.collection(name).countDocuments(),
    ),
  ])
  const paid = await payments.findOne({ _id: known.payment })
  return { counts, paid }
}

test.each(rows)('$mutation refuses $field $value: $code', async ({ mutation, field, value, code, inner }) => {
  const { type, who } = bad[mutation]
  const before = await written()
  const answer = await ask(mutation, type, { ...valid[mutation](), [field]: value }, who)
  const path = inner === '-' ? expect.any(Array) : ['input', field, ...(inner ? [inner] : [])]
  expect(answer).toMatchObject({ code, path, isoCode: expect.stringMatching(/^[A-Z]{2}\d{2}$/) })
  expect(answer.message).not.toBe('')
  expect(await written()).toEqual(before)
})

test('every field of every one of these inputs is there', () => {
  const types = hub.app.graphql.schema.getTypeMap()
  const missing = Object.entries(bad).flatMap(([mutation, { type, rows: own }]) => {
    const fields = Object.keys((types[type] as unknown as { getFields(): object }).getFields())
    const tried = new Set([...own.map(([field]) => field), 'decision'])
    return fields.filter((field) => !tried.has(field)).map((field) => `${mutation}.${field}`)
  })
  expect(missing).toEqual([])
})
