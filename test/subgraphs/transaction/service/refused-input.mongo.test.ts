// Input that is well formed, but refers to nothing or does not fit its payment: each is refused with a code
// and path of its own, and nothing is written.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { encodeCpm } from '../../../../schema/qr/index.ts'
import { openTransactionSubgraph, type TransactionSubgraph } from '../../../../subgraphs/transaction/index.ts'
import { aClock, aDirectory, aRegistry, as, quietLog } from '../../../fixtures/a-programme.ts'
import { freshDatabase } from '../../../harness/mongo.ts'

const { db } = await freshDatabase()
let hub: TransactionSubgraph
/** A payment that completed, and a code that was presented. */
const known = { payment: '', payload: '' }

interface Answer {
  readonly __typename: string
  readonly code?: string
  readonly message?: string
  readonly path?: readonly string[]
}

const run = async (mutation: Mutation, input: object): Promise<Answer> => {
  const { type, by = 'wallet-sg-01' } = mutations[mutation]
  const document = `mutation ($input: ${type}!) { ${mutation}(input: $input) {
    __typename ... on Problem { code message path isoCode } } }`
  const { data, errors } = await hub.app.graphql(document, { ...as(by) }, { input })
  if (errors) throw errors[0]!
  return (data as Record<string, Answer>)[mutation]!
}

beforeAll(async () => {
  hub = await openTransactionSubgraph({
    db,
    registry: aRegistry(),
    directory: aDirectory(),
    // The real time: MongoDB deletes a presented code of the past as soon as its expiry monitor runs.
    now: aClock(new Date()).now,
    logger: quietLog,
    cursorSecret: 'secret',
    simulator: null,
    sequencer: false,
    deadlines: false,
  })
  await run('submitPayment', mutations.submitPayment.valid())
  const paid = await db.collection<{ _id: string }>('payments').findOne({ reference: 'number 1' })
  known.payment = paid!._id
  await run('respondAuthorization', mutations.respondAuthorization.valid())
  await run('presentCode', mutations.presentCode.valid())
  known.payload = (await db.collection<{ payload: string }>('presentedCodes').findOne())!.payload
})
afterAll(() => hub.close())

let numbers = 0
const fresh = () => `number ${++numbers}`
const cny = (amount: string) => ({ amount, currency: 'CNY' })
const sgd = { amount: '1', currency: 'SGD' }
/** A code that a wallet of another hub may have presented. */
const foreignCode = encodeCpm({ applications: [{ aid: 'A000000333010101', lastFour: '4242' }] })
const merchant = 'acquirer-cn-01.M1'
const token = { reference: 'account', lastFour: '4242' }

/**
 * A field, its value, the code of the refusal, and the inner field at fault; '-' when the path is not of
 * this field.
 */
type Row = readonly [field: string, value: unknown, code: string, inner?: string]
type Mutation =
  | 'quotePayment'
  | 'submitPayment'
  | 'cancelPayment'
  | 'refundPayment'
  | 'inquirePayment'
  | 'presentCode'
  | 'chargePresentedCode'
  | 'respondAuthorization'

const mutations: Readonly<
  Record<
    Mutation,
    {
      readonly type: string
      readonly by?: string
      /** An input that succeeds. */
      readonly valid: () => object
      readonly rows: readonly Row[]
    }
  >
> = {
  quotePayment: {
    type: 'QuotePaymentInput',
    valid: () => ({ merchant, amount: cny('10'), payerCurrency: 'SGD' }),
    rows: [
      ['merchant', 'unknown', 'MERCHANT_UNKNOWN'],
      ['amount', null, 'AMOUNT_MISSING'],
      ['amount', sgd, 'WRONG_CURRENCY', 'currency'],
      ['tip', cny('1'), 'BAD_VALUE'],
      ['side', 'FIXED_PAYER', 'WRONG_CURRENCY', '-'],
    ],
  },
  submitPayment: {
    type: 'SubmitPaymentInput',
    valid: () => {
      const number = fresh()
      const amount = cny('10')
      return { idempotencyKey: number, reference: number, merchant, amount, payerCurrency: 'SGD' }
    },
    rows: [
      ['merchant', 'unknown', 'MERCHANT_UNKNOWN'],
      ['amount', null, 'AMOUNT_MISSING'],
      ['amount', sgd, 'WRONG_CURRENCY', 'currency'],
    ],
  },
  cancelPayment: {
    type: 'CancelPaymentInput',
    valid: () => ({ idempotencyKey: fresh(), payment: known.payment, reason: 'a reason' }),
    rows: [['payment', 'unknown', 'PAYMENT_UNKNOWN']],
  },
  refundPayment: {
    type: 'RefundPaymentInput',
    valid: () => ({ idempotencyKey: fresh(), payment: known.payment, amount: cny('1'), reason: 'AM05' }),
    rows: [
      ['payment', 'unknown', 'PAYMENT_UNKNOWN'],
      ['amount', cny('10.01'), 'REFUND_TOO_LARGE'],
      ['amount', sgd, 'WRONG_CURRENCY', 'currency'],
    ],
  },
  inquirePayment: {
    type: 'InquirePaymentInput',
    valid: () => ({ payment: known.payment }),
    rows: [
      ['payment', null, 'EXACTLY_ONE', '-'],
      ['reference', 'both', 'EXACTLY_ONE', '-'],
      ['payment', 'unknown', 'PAYMENT_UNKNOWN'],
      ['rrn', '000000000001', 'EXACTLY_ONE', '-'],
      ['settlementDate', '2026-03-01', 'EXACTLY_ONE', '-'],
    ],
  },
  presentCode: {
    type: 'PresentCodeInput',
    valid: () => ({ idempotencyKey: fresh(), token }),
    rows: [],
  },
  chargePresentedCode: {
    type: 'ChargePresentedCodeInput',
    by: 'acquirer-cn-01',
    valid: () => ({
      idempotencyKey: fresh(),
      payload: known.payload,
      merchant,
      amount: cny('10'),
      terminal: 'till 7',
    }),
    rows: [
      ['payload', 'unreadable', 'QR_INVALID'],
      ['payload', foreignCode, 'CODE_UNKNOWN'],
      ['merchant', 'acquirer-cn-02.M1', 'MERCHANT_UNKNOWN'],
      ['amount', sgd, 'WRONG_CURRENCY', 'currency'],
    ],
  },
  respondAuthorization: {
    type: 'RespondAuthorizationInput',
    by: 'acquirer-cn-01',
    valid: () => ({ payment: known.payment, decision: 'APPROVE', reference: 'A-1' }),
    rows: [['payment', 'unknown', 'PAYMENT_UNKNOWN']],
  },
}

const rows = Object.entries(mutations).flatMap(([mutation, { rows: own }]) =>
  own.map(([field, value, code, inner]) => ({ mutation: mutation as Mutation, field, value, code, inner })),
)

/** The number of documents that a mutation could write, and the payment. A stored refusal is no payment. */
const written = async () => {
  const payments = db.collection<{ _id: string }>('payments')
  const counts = await Promise.all([
    payments.countDocuments({ _id: { $gte: '0' } }),
    ...['quotes', 'presentedCodes'].map((name) => db.collection(name).countDocuments()),
  ])
  return { counts, paid: await payments.findOne({ _id: known.payment }) }
}

test.each(rows)('$mutation refuses $field $value: $code', async ({ mutation, field, value, code, inner }) => {
  const before = await written()
  const answer = await run(mutation, { ...mutations[mutation].valid(), [field]: value })
  const path = inner === '-' ? expect.any(Array) : ['input', field, ...(inner ? [inner] : [])]
  expect(answer).toMatchObject({ code, path, isoCode: expect.stringMatching(/^[A-Z]{2}\d{2}$/) })
  expect(answer.message).not.toBe('')
  expect(await written()).toEqual(before)
})
