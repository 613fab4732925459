// Every field of the inputs of payments' mutations with every malformed value: the reader refuses each with
// a code and path of its own. Values that are well formed but refer to nothing are in
// refused-input.test.ts.

import { Kind, parse } from 'graphql'
import { expect, test } from 'vitest'
import { subgraphSdl } from '../../../../subgraphs/shared/subgraph.ts'
import {
  readAnswer,
  readCancellation,
  readCharge,
  readOrder,
  readPresentation,
  readRefund,
  readSubmission,
} from '../../../../subgraphs/transaction/service/read-input.ts'

/**
 * A field, a malformed value, the code of its refusal, and the inner field at fault; '-' when the input as
 * a whole is.
 */
type Row = readonly [field: string, value: unknown, code: string, inner?: string]

const cny = (amount: string) => ({ amount, currency: 'CNY' })
const amounts = (field: string): Row[] => [
  [field, cny('ten'), 'AMOUNT_MALFORMED', 'amount'],
  [field, cny('1e3'), 'AMOUNT_MALFORMED', 'amount'],
  [field, cny('1.005'), 'AMOUNT_TOO_PRECISE', 'amount'],
  [field, cny('0'), 'AMOUNT_NOT_POSITIVE', 'amount'],
  [field, cny('-1'), 'AMOUNT_NOT_POSITIVE', 'amount'],
  [field, cny('90000000000001'), 'AMOUNT_TOO_LARGE', 'amount'],
  [field, { amount: '1', currency: 'XXX' }, 'UNKNOWN_CURRENCY', 'currency'],
]
const controls = 'a\tb'
const texts = (field: string, max = 64): Row[] => [
  [field, '', 'BAD_VALUE'],
  [field, 'x'.repeat(max + 1), 'BAD_VALUE'],
  [field, controls, 'BAD_VALUE'],
]
const tokens: Row[] = [
  ['token', { reference: '' }, 'BAD_VALUE', 'reference'],
  ['token', { reference: 'x'.repeat(65) }, 'BAD_VALUE', 'reference'],
  ['token', { reference: '4111 1111 1111 1111' }, 'PAN_REFUSED', 'reference'],
  ['token', { reference: 'a', lastFour: '42' }, 'BAD_VALUE', 'lastFour'],
  ['token', { reference: 'a', lastFour: 'abcd' }, 'BAD_VALUE', 'lastFour'],
]

const merchant = 'acquirer-cn-01.M1'
const token = { reference: 'account', lastFour: '4242' }
const inputs = {
  QuotePaymentInput: {
    read: readOrder,
    valid: { merchant, amount: cny('10'), payerCurrency: 'SGD' },
    rows: [
      ['merchant', null, 'EXACTLY_ONE', '-'],
      ['payload', 'both', 'EXACTLY_ONE', '-'],
      ['payerCurrency', 'XXX', 'UNKNOWN_CURRENCY'],
      ...amounts('amount'),
      ...amounts('tip'),
      ['entryMode', 'CPM', 'BAD_VALUE'],
    ],
  },
  SubmitPaymentInput: {
    read: readSubmission,
    valid: {
      idempotencyKey: 'key',
      reference: 'number',
      merchant,
      amount: cny('10'),
      payerCurrency: 'SGD',
      customer: 'customer',
      token,
    },
    rows: [
      ...texts('idempotencyKey'),
      ...texts('reference'),
      ...texts('customer'),
      ...tokens,
      ['quote', 'both', 'EXACTLY_ONE', '-'],
      ['payload', 'both', 'EXACTLY_ONE', '-'],
      ['merchant', null, 'EXACTLY_ONE', '-'],
      ['payerCurrency', 'XXX', 'UNKNOWN_CURRENCY'],
      ...amounts('amount'),
    ],
  },
  CancelPaymentInput: {
    read: readCancellation,
    valid: { idempotencyKey: 'key', payment: 'payment', reason: 'a reason' },
    rows: [...texts('idempotencyKey'), ...texts('reason', 500)],
  },
  RefundPaymentInput: {
    read: readRefund,
    valid: { idempotencyKey: 'key', payment: 'payment', amount: cny('1'), reason: 'AM05' },
    rows: [...texts('idempotencyKey'), ...texts('reason', 500), ...amounts('amount')],
  },
  PresentCodeInput: {
    read: readPresentation,
    valid: { idempotencyKey: 'key', token },
    rows: [
      ...texts('idempotencyKey'),
      ...tokens,
      ...amounts('limit'),
      ['ttlSeconds', 29, 'BAD_VALUE'],
      ['ttlSeconds', 301, 'BAD_VALUE'],
    ],
  },
  ChargePresentedCodeInput: {
    read: readCharge,
    valid: { idempotencyKey: 'key', payload: 'payload', merchant, amount: cny('10'), terminal: 'till 7' },
    rows: [
      ...texts('idempotencyKey'),
      ...texts('terminal'),
      ['terminal', 'x'.repeat(26), 'BAD_VALUE'],
      ...amounts('amount'),
    ],
  },
  RespondAuthorizationInput: {
    read: readAnswer,
    valid: { payment: 'payment', decision: 'APPROVE', reference: 'A-1' },
    rows: [['reason', 'AM04', 'BAD_VALUE'], ...texts('reference')],
  },
} satisfies Record<string, { read: (input: never) => unknown; valid: object; rows: Row[] }>
type Input = keyof typeof inputs

const readAs = (name: Input, changes: object): unknown => {
  const { read, valid } = inputs[name]
  return (read as (input: object) => unknown)({ ...valid, ...changes })
}
const rows = Object.entries(inputs).flatMap(([name, { rows: own }]) =>
  own.map(([field, value, code, inner]) => ({ name: name as Input, field, value, code, inner })),
)

test.each(rows)('$name refuses $field $value: $code', ({ name, field, value, code, inner }) => {
  expect(readAs(name, { [field]: value })).toMatchObject({
    kind: 'refused',
    code,
    path: inner === '-' ? ['input'] : ['input', field, ...(inner ? [inner] : [])],
    isoCode: expect.stringMatching(/^[A-Z]{2}\d{2}$/),
    message: expect.stringMatching(/./),
  })
})

test.each(Object.keys(inputs) as Input[])('%s is read when every field is well formed', (name) => {
  expect(readAs(name, {})).not.toMatchObject({ kind: 'refused' })
})

test('every field of these inputs is tried', () => {
  /** Ids and enums, which GraphQL itself checks: every value that reaches a reader is well formed. */
  const wellFormed = [
    'QuotePaymentInput.side',
    'CancelPaymentInput.payment',
    'RefundPaymentInput.payment',
    'ChargePresentedCodeInput.payload',
    'ChargePresentedCodeInput.merchant',
    'RespondAuthorizationInput.payment',
    'RespondAuthorizationInput.decision',
  ]
  const tried = new Set([...rows.map(({ name, field }) => `${name}.${field}`), ...wellFormed])
  const fields = parse(subgraphSdl('transaction')).definitions.flatMap((type) =>
    type.kind === Kind.INPUT_OBJECT_TYPE_DEFINITION && type.name.value in inputs
      ? type.fields!.map(({ name }) => `${type.name.value}.${name.value}`)
      : [],
  )
  expect(fields.length).toBeGreaterThan(tried.size / 2)
  expect(fields.filter((field) => !tried.has(field))).toEqual([])
})
