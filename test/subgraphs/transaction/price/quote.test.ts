import { describe, expect, test } from 'vitest'
import { formatAmount, money } from '../../../../schema/values/money.ts'
import type { ScannedCode } from '../../../../subgraphs/shared/merchant-directory.ts'
import type { Order } from '../../../../subgraphs/transaction/price/order.ts'
import { quoteOrder, type Quote } from '../../../../subgraphs/transaction/price/quote.ts'
import { builtInRates } from '../../../../subgraphs/transaction/price/rates.ts'
import { readOrder, type OrderInput } from '../../../../subgraphs/transaction/service/read-input.ts'
import { aMerchant, aRegistry, noon } from '../../../fixtures/a-programme.ts'
import { anId } from '../../../fixtures/an-id.ts'

const shop = aMerchant('acquirer-cn-01.M1')
const aCode = (more: Partial<ScannedCode> = {}): ScannedCode => ({
  merchant: shop,
  entryMode: 'MPM_DYNAMIC',
  amount: money(8_850n, 'CNY'),
  tip: null,
  referenceLabel: null,
  ...more,
})
const cny = (amount: string) => ({ amount, currency: 'CNY' })

/** Quotes an order of the Singapore wallet: by `code`, or else at the shop. */
function quoteFor(
  input: Partial<OrderInput>,
  code: ScannedCode | null,
  registry = aRegistry(),
  merchant = shop,
) {
  const place = code ? { payload: 'scanned' } : { merchant: merchant.id }
  const order = readOrder({ ...place, payerCurrency: 'SGD', ...input }) as Order
  const context = { registry, rates: builtInRates, now: noon }
  const target = code ? { merchant: code.merchant, code } : { merchant, code: null }
  return quoteOrder(anId('q1'), anId('wallet-sg-01'), order, target, context)
}
const merchantGets = (quote: unknown) => formatAmount((quote as Quote).terms.merchantAmount)

describe('quoting a scanned code', () => {
  test('takes the amount, the entry mode and the label from it', () => {
    const quote = quoteFor({}, aCode({ referenceLabel: 'table 7' }))
    expect(quote).toMatchObject({
      wallet: 'wallet-sg-01',
      expiresAt: new Date(noon.getTime() + 300_000),
      terms: {
        entryMode: 'MPM_DYNAMIC',
        corridor: 'SG-CN',
        direction: 'INBOUND',
        walletCountry: 'SG',
        merchantCountry: 'CN',
        acquirer: 'acquirer-cn-01',
        merchant: shop.id,
        mcc: '5812',
        merchantAmount: money(8_850n, 'CNY'),
        referenceLabel: 'table 7',
      },
    })
  })

  test.each([
    { tip: { kind: 'PROMPT' } as const, offered: null, gets: '88.50' },
    { tip: { kind: 'PROMPT' } as const, offered: '1.5', gets: '90.00' },
    { tip: { kind: 'FIXED', amount: money(300n, 'CNY') } as const, offered: null, gets: '91.50' },
    { tip: { kind: 'FIXED', amount: money(300n, 'CNY') } as const, offered: '3', gets: '91.50' },
    { tip: { kind: 'PERCENT', percent: '12.5' } as const, offered: null, gets: '99.56' },
  ])('adds the tip $tip of the code', ({ tip, offered, gets }) => {
    expect(merchantGets(quoteFor({ tip: offered === null ? null : cny(offered) }, aCode({ tip })))).toBe(gets)
  })

  test.each([
    { what: 'another amount', input: { amount: cny('88.51') }, code: 'AMOUNT_MISMATCH', path: ['amount'] },
    {
      what: 'another currency',
      input: { amount: { amount: '1', currency: 'SGD' } },
      code: 'WRONG_CURRENCY',
      path: ['amount', 'currency'],
    },
    { what: 'a tip that the code does not take', input: { tip: cny('1') }, code: 'BAD_VALUE', path: ['tip'] },
    {
      what: 'another entry mode',
      input: { entryMode: 'IN_APP' as const },
      code: 'BAD_VALUE',
      path: ['entryMode'],
    },
    {
      what: 'a fixed payer amount',
      input: { side: 'FIXED_PAYER' as const, amount: { amount: '5', currency: 'SGD' } },
      code: 'BAD_VALUE',
      path: ['side'],
    },
  ])('is refused with $what', ({ input, code, path }) => {
    expect(quoteFor(input, aCode())).toMatchObject({ code, path: ['input', ...path] })
  })

  test('with another tip than the code fixes is refused', () => {
    const quote = quoteFor({ tip: cny('2') }, aCode({ tip: { kind: 'FIXED', amount: money(300n, 'CNY') } }))
    expect(quote).toMatchObject({ code: 'AMOUNT_MISMATCH', path: ['input', 'tip'] })
  })

  test.each([
    { what: 'an amount', code: { amount: money(500n, 'THB') } },
    { what: 'an amount with equal minor units', code: { amount: money(500n, 'JPY') } },
    { what: 'a fee', code: { amount: null, tip: { kind: 'FIXED', amount: money(100n, 'THB') } as const } },
  ])('with $what in another currency than the merchant’s is refused', ({ code }) => {
    const payer = { amount: '5.00', currency: 'SGD' }
    const inputs = [
      {},
      { amount: cny('5.00') },
      { amount: cny('5.00'), tip: cny('1.00') },
      { side: 'FIXED_PAYER' as const, amount: payer },
    ]
    for (const input of inputs) {
      expect(quoteFor(input, aCode(code))).toMatchObject({
        code: 'WRONG_CURRENCY',
        path: ['input', 'payload'],
      })
    }
  })

  test('with a fee takes a fixed payer amount that comes to more than the fee', () => {
    const code = aCode({ amount: null, tip: { kind: 'FIXED', amount: money(552n, 'CNY') } })
    const fixed = (amount: string) =>
      quoteFor({ side: 'FIXED_PAYER', amount: { amount, currency: 'SGD' } }, code)
    expect(fixed('1.00')).toMatchObject({ code: 'AMOUNT_MISMATCH', path: ['input', 'amount'] })
    expect(merchantGets(fixed('1.01'))).toBe('5.57')
  })

  test('that has no amount takes the payer’s, and is refused without one', () => {
    const code = aCode({ amount: null, entryMode: 'MPM_STATIC' })
    expect(merchantGets(quoteFor({ amount: cny('12') }, code))).toBe('12.00')
    expect(quoteFor({}, code)).toMatchObject({ code: 'AMOUNT_MISSING', path: ['input', 'amount'] })
  })
})

describe('quoting at a merchant', () => {
  test('counts as IN_APP and pays in the wallet’s settlement currency by default', () => {
    const quote = quoteFor({ amount: cny('10'), payerCurrency: null }, null) as Quote
    expect(quote.terms).toMatchObject({ entryMode: 'IN_APP', payerAmount: { currency: 'SGD' } })
  })

  test('with the payer’s amount fixed', () => {
    const quote = quoteFor({ side: 'FIXED_PAYER', amount: { amount: '20', currency: 'SGD' } }, null) as Quote
    expect(quote.terms).toMatchObject({ side: 'FIXED_PAYER', payerAmount: money(2_000n, 'SGD') })
    expect(merchantGets(quote)).toBe('110.42')
  })

  test('above the corridor’s limit returns the limit', () => {
    expect(quoteFor({ amount: cny('50000.01') }, null)).toMatchObject({
      __typename: 'LimitExceeded',
      limit: money(5_000_000n, 'CNY'),
    })
  })

  test.each([
    {
      what: 'the merchant is suspended',
      merchant: { status: 'SUSPENDED' as const },
      code: 'MERCHANT_INACTIVE',
    },
    {
      what: 'its currency is not carried',
      merchant: { currency: 'EUR' as const },
      code: 'CURRENCY_NOT_OFFERED',
      amount: { amount: '1', currency: 'EUR' },
    },
    { what: 'no corridor leads there', merchant: { country: 'VN' }, code: 'NO_CORRIDOR' },
    { what: 'the corridor is closed', merchant: { country: 'TH' }, code: 'CORRIDOR_CLOSED' },
  ])('is refused when $what', ({ merchant, code, amount }) => {
    expect(
      quoteFor({ amount: amount ?? cny('1') }, null, aRegistry(), { ...shop, ...merchant }),
    ).toMatchObject({ code })
  })

  test('is refused when the wallet is suspended', () => {
    const registry = aRegistry()
    const wallet = registry.participants.get(anId('wallet-sg-01'))!
    registry.participants.set(wallet.id, { ...wallet, status: 'SUSPENDED' })
    expect(quoteFor({ amount: cny('1') }, null, registry)).toMatchObject({
      code: 'PARTICIPANT_NOT_LIVE',
      retryable: true,
    })
  })
})
