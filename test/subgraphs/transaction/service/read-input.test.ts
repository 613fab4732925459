import { describe, expect, test } from 'vitest'
import type { MerchantId, QuoteId } from '../../../../schema/values/id.ts'
import {
  readAnswer,
  readOrder,
  readSubmission,
} from '../../../../subgraphs/transaction/service/read-input.ts'
import { anId } from '../../../fixtures/an-id.ts'

const long = 'x'.repeat(65)
const cny = (amount: string) => ({ amount, currency: 'CNY' })

describe('an order', () => {
  const order = { merchant: anId<MerchantId>('acquirer-cn-01.M1'), amount: cny('1'), payerCurrency: 'SGD' }

  test.each([
    { what: 'no target', input: { ...order, merchant: null }, code: 'EXACTLY_ONE', path: [] },
    { what: 'two targets', input: { ...order, payload: 'x' }, code: 'EXACTLY_ONE', path: [] },
    {
      what: 'an amount of words',
      input: { ...order, amount: cny('ten') },
      code: 'AMOUNT_MALFORMED',
      path: ['amount', 'amount'],
    },
    {
      what: 'too many digits',
      input: { ...order, amount: cny('1.005') },
      code: 'AMOUNT_TOO_PRECISE',
      path: ['amount', 'amount'],
    },
    {
      what: 'zero',
      input: { ...order, amount: cny('0.00') },
      code: 'AMOUNT_NOT_POSITIVE',
      path: ['amount', 'amount'],
    },
    {
      what: 'less than zero',
      input: { ...order, amount: cny('-1') },
      code: 'AMOUNT_NOT_POSITIVE',
      path: ['amount', 'amount'],
    },
    {
      what: 'too much',
      input: { ...order, amount: cny('90000000000000.01') },
      code: 'AMOUNT_TOO_LARGE',
      path: ['amount', 'amount'],
    },
    {
      what: 'an unknown currency',
      input: { ...order, amount: { amount: '1', currency: 'XXX' } },
      code: 'UNKNOWN_CURRENCY',
      path: ['amount', 'currency'],
    },
    {
      what: 'a tip of nothing',
      input: { ...order, tip: cny('0') },
      code: 'AMOUNT_NOT_POSITIVE',
      path: ['tip', 'amount'],
    },
    {
      what: 'an unknown payer currency',
      input: { ...order, payerCurrency: 'sgd' },
      code: 'UNKNOWN_CURRENCY',
      path: ['payerCurrency'],
    },
    {
      what: 'a presented code',
      input: { ...order, entryMode: 'CPM' as const },
      code: 'BAD_VALUE',
      path: ['entryMode'],
    },
  ])('is refused with $what', ({ input, code, path }) => {
    expect(readOrder(input)).toMatchObject({ kind: 'refused', code, path: ['input', ...path] })
  })

  test('is read with all its fields', () => {
    expect(readOrder({ ...order, tip: cny('0.5'), side: 'FIXED_PAYER', entryMode: 'IN_APP' })).toEqual({
      target: { kind: 'MERCHANT', id: 'acquirer-cn-01.M1' },
      amount: { minor: 100n, currency: 'CNY' },
      tip: { minor: 50n, currency: 'CNY' },
      side: 'FIXED_PAYER',
      payerCurrency: 'SGD',
      entryMode: 'IN_APP',
    })
  })
})

describe('a submission', () => {
  const submission = { idempotencyKey: 'k1', quote: anId<QuoteId>('q1'), reference: 'r1' }

  test.each([
    { what: 'an empty key', input: { ...submission, idempotencyKey: '' }, path: ['idempotencyKey'] },
    {
      what: 'a key that is too long',
      input: { ...submission, idempotencyKey: long },
      path: ['idempotencyKey'],
    },
    { what: 'an empty reference', input: { ...submission, reference: '' }, path: ['reference'] },
    { what: 'a control character', input: { ...submission, reference: 'a\u0000b' }, path: ['reference'] },
    { what: 'a customer that is too long', input: { ...submission, customer: long }, path: ['customer'] },
    { what: 'an amount beside a quote', input: { ...submission, amount: cny('1') }, path: ['amount'] },
    {
      what: 'a currency beside a quote',
      input: { ...submission, payerCurrency: 'SGD' },
      path: ['payerCurrency'],
    },
    {
      what: 'an empty token',
      input: { ...submission, token: { reference: '' } },
      path: ['token', 'reference'],
    },
    {
      what: 'five last digits',
      input: { ...submission, token: { reference: 't', lastFour: '12345' } },
      path: ['token', 'lastFour'],
    },
  ])('is refused with $what', ({ input, path }) => {
    expect(readSubmission(input)).toMatchObject({
      kind: 'refused',
      code: 'BAD_VALUE',
      path: ['input', ...path],
    })
  })

  const card = '４１１１.1111.1111.1111'
  test.each([
    { input: { ...submission, token: { reference: '1234 5678 1234 5670' } }, path: ['token', 'reference'] },
    { input: { ...submission, token: { reference: card } }, path: ['token', 'reference'] },
    { input: { ...submission, reference: card }, path: ['reference'] },
    { input: { ...submission, customer: `customer ${card}` }, path: ['customer'] },
    { input: { ...submission, idempotencyKey: card }, path: ['idempotencyKey'] },
  ])('is refused with a card number in $path', ({ input, path }) => {
    expect(readSubmission(input)).toMatchObject({ code: 'PAN_REFUSED', path: ['input', ...path] })
  })

  test.each([
    { what: 'neither quote nor target', input: { ...submission, quote: null } },
    { what: 'quote and merchant', input: { ...submission, merchant: anId<MerchantId>('m') } },
    { what: 'all three', input: { ...submission, merchant: anId<MerchantId>('m'), payload: 'p' } },
  ])('is refused with $what', ({ input }) => {
    expect(readSubmission(input)).toMatchObject({ code: 'EXACTLY_ONE', path: ['input'] })
  })

  test('without a quote carries an order', () => {
    expect(
      readSubmission({ ...submission, quote: null, merchant: anId<MerchantId>('m'), amount: cny('2') }),
    ).toMatchObject({
      basis: { kind: 'ORDER', order: { target: { kind: 'MERCHANT', id: 'm' }, payerCurrency: null } },
      token: null,
    })
  })
})

describe('an answer', () => {
  test.each([
    {
      what: 'an unknown reason',
      input: { decision: 'DECLINE' as const, reason: 'XX99' },
      path: ['reason'],
    },
    {
      what: 'a reason to approve',
      input: { decision: 'APPROVE' as const, reason: 'AM04' },
      path: ['reason'],
    },
    {
      what: 'a reference that is too long',
      input: { decision: 'APPROVE' as const, reference: long },
      path: ['reference'],
    },
  ])('is refused with $what', ({ input, path }) => {
    expect(readAnswer({ payment: anId('p'), ...input })).toMatchObject({
      code: 'BAD_VALUE',
      path: ['input', ...path],
    })
  })

  test.each([
    { text: 'AM04', reason: 'INSUFFICIENT_FUNDS' },
    { text: 'INSUFFICIENT_FUNDS', reason: 'INSUFFICIENT_FUNDS' },
    { text: null, reason: 'UNSPECIFIED' },
  ])('that declines for $text has the reason $reason', ({ text, reason }) => {
    expect(readAnswer({ payment: anId('p'), decision: 'DECLINE', reason: text })).toMatchObject({
      decision: 'DECLINE',
      reason,
    })
  })
})
